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
/* For tests: by oneDNN or by our own kernels, whatever is best on this processor. */
lmvr_status product_create_by(int64_t out, int64_t in, enum dtype dtype, bool library, struct product **product,
                              lmvr_error *error);
void product_free(struct product *product); /* NULL is allowed */

/* Sets rows first .. first + count - 1 from `rows` (count, in). Before product_seal() only; not from two threads at once. */
void product_set(struct product *product, int64_t first, int64_t count, const float *rows);

/* Packs what was set. Products can run from here on. Where oneDNN fails, or multiplies a few made rows wrongly, our own kernels
 * take its place and `notice` says why; it is left as it is otherwise. */
lmvr_status product_seal(struct product *product, lmvr_error *notice, lmvr_error *error);

/*
 * y (rows, out) = or += x (rows, in) times the transposed matrix, plus bias (out; NULL for none). `x_stride` and `y_stride` are
 * in floats from row to row. x is rounded to bf16 where the processor multiplies bf16; sums are f32. Thread-safe.
 *
 * The first result of each number of rows is checked in a few elements: a library that is wrong is an error, never a result.
 */
lmvr_status product_run(const struct product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                        const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

enum dtype product_dtype(const struct product *product);

/* Where bf16 products run in the processor's own bf16 instructions. */
bool product_computes_bf16(void);

#endif
