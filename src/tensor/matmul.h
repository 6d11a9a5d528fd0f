/*
 * Products of two matrices that both change from call to call, as in training, by oneDNN, in f32 or in bf16 with f32 sums. For
 * one weight matrix that is multiplied often, use tensor/cpu/product.h.
 */
#ifndef LMVR_SRC_TENSOR_MATMUL_H
#define LMVR_SRC_TENSOR_MATMUL_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct matmul; /* compiled products, one for each shape used so far */

lmvr_status matmul_create(struct matmul **matmul, lmvr_error *error);
void matmul_free(struct matmul *matmul); /* NULL is allowed */

/* A row-major matrix of f32 or bf16; rows are `stride` elements apart. */
struct matrix {
    const void *data;
    int64_t stride;
    bool transposed;
};

/* c (m, n) = or += op(a) (m, k) op(b) (k, n), plus bias (n; NULL: none; must be NULL if accumulating). c is f32; its rows are
 * `c_stride` elements apart. */
struct matmul_call {
    enum dtype dtype; /* of a and b */
    int64_t m, n, k;
    struct matrix a, b;
    const float *bias;
    bool accumulate;
    float *c;
    int64_t c_stride;
};

/* Runs on all threads; call from one thread at a time. The first result of each shape is spot-checked, so a wrong result by the
 * library is an error and never returned. */
lmvr_status matmul_run(struct matmul *matmul, struct arena *arena, const struct matmul_call *call, lmvr_error *error);

/* Calls `visit` for each compiled product with its sizes and how often it has run. */
void matmul_count(const struct matmul *matmul, void (*visit)(void *user, int64_t m, int64_t n, int64_t k, int64_t uses),
                  void *user);

#endif
