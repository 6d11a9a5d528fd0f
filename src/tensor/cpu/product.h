/*
 * A weight matrix that many rows are multiplied by, packed once in the layout that suits the processor's kernels: oneDNN's
 * where it has packed products (AVX-512, and AVX512_BF16 without AMX for bf16), else our own (tensor/cpu/kernels.h says why).
 *
 * A row of the result depends only on that row of the input, to the last bit: not on the number of rows or threads.
 */
#ifndef LMVR_SRC_TENSOR_PRODUCT_H
#define LMVR_SRC_TENSOR_PRODUCT_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct product;

/* A zero (out, in) matrix, the shape in which checkpoints store the weights of linear layers. */
lmvr_status product_create(int64_t out, int64_t in, enum dtype dtype, struct product **product, lmvr_error *error);

/* Who packs and multiplies: our own kernels in 8 and 4 bits, on AMX in bf16, or for any processor in bf16 and f32; or oneDNN.
 */
enum product_maker { QUANTIZED, TILED, PANELS, LIBRARY };
/* Whom product_create() takes on this processor. */
enum product_maker product_maker(enum dtype dtype);
/* For tests. */
lmvr_status product_create_by(int64_t out, int64_t in, enum dtype dtype, enum product_maker maker, struct product **product,
                              lmvr_error *error);
void product_free(struct product *product); /* NULL is allowed */

/* Sets rows first .. first + count - 1 to `rows` (count, in). Only before product_seal(), and from one thread at a time. */
lmvr_status product_set(struct product *product, int64_t first, int64_t count, const float *rows, lmvr_error *error);

/* Instead of product_set(), of a matrix in INT8 or INT4: as quantized_import(). */
lmvr_status product_import(struct product *product, int64_t first, int64_t count, const void *rows, const float *factors,
                           lmvr_error *error);
/* Such a matrix, once it is sealed: as quantized_export() and quantized_factors(). */
void product_export(const struct product *product, int64_t first, int64_t count, void *rows);
const float *product_factors(const struct product *product);

/* Packs the matrix; product_run() can be called from now on. If oneDNN fails, or gets a trial product wrong, our own kernels
 * take its place and `notice` says why; otherwise `notice` is unchanged. */
lmvr_status product_seal(struct product *product, lmvr_error *notice, lmvr_error *error);

/*
 * y (rows, out) = or += x (rows, in) times the transposed matrix, plus bias (out; NULL: none). `x_stride` and `y_stride` are
 * floats from row to row. In bf16, x is rounded to bf16 where the processor multiplies bf16; sums are in f32. Thread-safe.
 *
 * The first result of each number of rows is spot-checked, so a wrong result by the library is an error and never returned.
 */
lmvr_status product_run(const struct product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                        const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

enum dtype product_dtype(const struct product *product);

/* Memory of a packed matrix by element, without padding. */
double product_element_bytes(enum dtype dtype);

/* Whether bf16 products run in the processor's bf16 instructions. */
bool product_computes_bf16(void);

#endif
