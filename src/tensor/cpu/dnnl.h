/* Matrix products by oneDNN, whose API changed between Debian 12 (2.6) and 13 (3.7): dnnl.c hides the difference. */
#ifndef LMVR_SRC_TENSOR_CPU_DNNL_H
#define LMVR_SRC_TENSOR_CPU_DNNL_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct dnnl_product;

/* As the functions of tensor/product.h, which is their only caller. */
lmvr_status dnnl_product_create(int64_t out, int64_t in, enum dtype dtype, struct dnnl_product **product, lmvr_error *error);
void dnnl_product_free(struct dnnl_product *product);
void dnnl_product_set(struct dnnl_product *product, int64_t first, int64_t count, const float *rows);
/* Packs, and compares some elements of a first product with plain sums. Where it fails the matrix is still there. */
lmvr_status dnnl_product_seal(struct dnnl_product *product, lmvr_error *error);
/* Rows (count, in) of the matrix as they were set; before it is sealed only. */
void dnnl_product_get(const struct dnnl_product *product, int64_t first, int64_t count, float *rows);
/* Each number of rows, as it first occurs, is checked in the same way: a wrong result is an error. */
lmvr_status dnnl_product_run(struct dnnl_product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                             const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

/* Whether the library has packed products in this type whose rows do not depend on each other: on AVX-512, and in bf16 where
 * the processor multiplies it; ONEDNN_MAX_CPU_ISA counts. */
bool dnnl_packs(enum dtype dtype);

/* The sentence for a product (m, k) by (k, n) that came out wrong; a failure. */
lmvr_status dnnl_wrong(int64_t m, int64_t k, int64_t n, enum dtype dtype, lmvr_error *error);

/* For measuring what the library alone can do: lets it pick its layout for this many rows (before dnnl_product_seal), and runs
 * it on x (rows, in), already in its type and without gaps, with nothing around it. */
void dnnl_product_set_layout_rows(struct dnnl_product *product, int64_t rows);
lmvr_status dnnl_product_run_bare(struct dnnl_product *product, struct arena *arena, int64_t rows, const void *x, float *y,
                                  lmvr_error *error);

#endif
