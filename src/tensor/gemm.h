/* A small general matrix product in f32, as one of many parallel tasks: for probes, and for attention in training. For large
 * products where both matrices change, use tensor/matmul.h; for one matrix that is multiplied often, tensor/cpu/product.h. */
#ifndef LMVR_SRC_TENSOR_GEMM_H
#define LMVR_SRC_TENSOR_GEMM_H

#include "error.h"

/* c (m, n) = alpha op(a) op(b) + beta c. */
struct gemm_call {
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    float alpha;
    const float *a; /* (m, k), or (k, m) if transposed */
    int64_t lda;    /* floats from row to row */
    const float *b; /* (k, n), or (n, k) if transposed */
    int64_t ldb;
    float beta; /* 0: c need not be initialized */
    float *c;
    int64_t ldc;
};

/* Runs on the calling thread only, so that the result does not depend on the number of threads. */
lmvr_status gemm_run(const struct gemm_call *call, lmvr_error *error);

#endif
