/* A general matrix product in f32, for work whose matrices both change from call to call: probes, and training. What is
 * multiplied often belongs in a product (tensor/product.h). */
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

/* On all threads, or on the calling one within an OpenMP region. How a sum over k is cut depends on the sizes and the number of
 * threads: a caller whose results must not depend on the latter cuts the work itself, into calls of fixed sizes. */
lmvr_status gemm_run(const struct gemm_call *call, lmvr_error *error);

#endif
