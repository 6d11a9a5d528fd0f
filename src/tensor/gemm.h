/* A small general matrix product in f32, one task of many that run side by side: probes, and attention in training. Large
 * products of matrices that both change belong in matmul (tensor/matmul.h), one matrix that is multiplied often in a product
 * (tensor/product.h). */
#ifndef LMVR_SRC_TENSOR_GEMM_H
#define LMVR_SRC_TENSOR_GEMM_H

#include "error.h"

/* c (m, n) = alpha op(a) op(b) + beta c. */
struct gemm_call {
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    float alpha;
    const float *a; /* (m, k); (k, m) where it is transposed */
    int64_t lda;    /* floats from row to row */
    const float *b; /* (k, n); (n, k) where it is transposed */
    int64_t ldb;
    float beta; /* 0: c need not be initialized */
    float *c;
    int64_t ldc;
};

/* Runs on the calling thread alone, so that the result does not depend on the number of threads. */
lmvr_status gemm_run(const struct gemm_call *call, lmvr_error *error);

#endif
