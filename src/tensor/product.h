/*
 * A matrix that rows are multiplied by, packed once in the layout that the processor's kernels like: oneDNN's where oneDNN
 * has packed products (AVX-512, and AVX512_BF16 for bf16), ours elsewhere (tensor/cpu/kernels.h says why).
 *
 * A row of the result depends on that row of the input alone, to the last bit: not on the number of rows nor of threads.
 */
#ifndef LMVR_SRC_TENSOR_PRODUCT_H
#define LMVR_SRC_TENSOR_PRODUCT_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct product;

/* An (out, in) matrix, as checkpoints hold the weights of linear layers; all zero. */
lmvr_status product_create(int64_t out, int64_t in, enum dtype dtype, struct product **product, lmvr_error *error);
void product_free(struct product *product); /* NULL is allowed */

/* Sets rows first .. first + count - 1 from `rows` (count, in). Before product_seal() only; not from two threads at once. */
void product_set(struct product *product, int64_t first, int64_t count, const float *rows);

/* Packs what was set. Products can run from here on. */
lmvr_status product_seal(struct product *product, lmvr_error *error);

/*
 * y (rows, out) = or += x (rows, in) times the transposed matrix, plus bias (out; NULL for none). `x_stride` and `y_stride` are
 * in floats from row to row. x is rounded to bf16 where the processor multiplies bf16; sums are f32. Thread-safe.
 */
lmvr_status product_run(const struct product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                        const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

int64_t product_bytes(const struct product *product); /* memory that it takes */
enum dtype product_dtype(const struct product *product);

/* Where bf16 products run in the processor's own bf16 instructions. */
bool product_computes_bf16(void);

#endif
