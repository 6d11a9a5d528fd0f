/*
 * Products of matrices that both change from call to call, as training's do, by oneDNN in f32 or in bf16 with f32 sums. What is
 * multiplied often by one weight belongs in a product (tensor/product.h).
 */
#ifndef LMVR_SRC_TENSOR_MATMUL_H
#define LMVR_SRC_TENSOR_MATMUL_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct matmul; /* compiled products, one for each shape that was asked for */

lmvr_status matmul_create(struct matmul **matmul, lmvr_error *error);
void matmul_free(struct matmul *matmul); /* NULL is allowed */

/* A matrix of f32 or bf16 elements, row by row; `stride` elements from row to row. */
struct matrix {
    const void *data;
    int64_t stride;
    bool transposed;
};

/* c (m, n) = or += op(a) (m, k) op(b) (k, n), plus bias (n; NULL: none; not where it accumulates). c is f32, its rows lie
 * `c_stride` apart. */
struct matmul_call {
    enum dtype dtype; /* of a and b */
    int64_t m, n, k;
    struct matrix a, b;
    const float *bias;
    bool accumulate;
    float *c;
    int64_t c_stride;
};

/* On all threads. From one thread at a time. The first result of each shape is checked in a few elements: a library that is
 * wrong is an error, never a result. */
lmvr_status matmul_run(struct matmul *matmul, struct arena *arena, const struct matmul_call *call, lmvr_error *error);

/* What has been multiplied so far: calls `visit` for each compiled product with its sizes and how often it ran. */
void matmul_count(const struct matmul *matmul, void (*visit)(void *user, int64_t m, int64_t n, int64_t k, int64_t uses),
                  void *user);

#endif
