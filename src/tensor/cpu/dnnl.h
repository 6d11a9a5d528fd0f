/* Matrix products by oneDNN, whose API changed between Debian 12 (2.6) and 13 (3.7); dnnl.c hides the difference. */
#ifndef LMVR_SRC_TENSOR_CPU_DNNL_H
#define LMVR_SRC_TENSOR_CPU_DNNL_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

struct dnnl_product;

/* Like the functions of tensor/cpu/product.h, which are their only callers. */
lmvr_status dnnl_product_create(int64_t out, int64_t in, enum dtype dtype, struct dnnl_product **product, lmvr_error *error);
void dnnl_product_free(struct dnnl_product *product);
void dnnl_product_set(struct dnnl_product *product, int64_t first, int64_t count, const float *rows);
/* Packs the matrix, and compares some elements of a trial product with plain sums. On failure dnnl_product_get() still works.
 */
lmvr_status dnnl_product_seal(struct dnnl_product *product, lmvr_error *error);
/* Rows (count, in) of the matrix as they were set; only before it is sealed. */
void dnnl_product_get(const struct dnnl_product *product, int64_t first, int64_t count, float *rows);
/* The first product of each number of rows is checked in the same way; a wrong result is an error. */
lmvr_status dnnl_product_run(struct dnnl_product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                             const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

/* Whether the library has packed products in this dtype whose rows do not depend on each other: with AVX-512, and for bf16
 * where the processor multiplies bf16. ONEDNN_MAX_CPU_ISA is respected. */
bool dnnl_packs(enum dtype dtype);

/* The error for a product (m, k) by (k, n) with a wrong result. */
lmvr_status dnnl_wrong(int64_t m, int64_t k, int64_t n, enum dtype dtype, lmvr_error *error);

/* For measuring the library alone, also in INT8, in which x is in u8 and y in s32: set_layout_rows() lets it choose its layout
 * for this many rows (before dnnl_product_seal()), and run_bare() runs it on x (rows, in), which must be contiguous and in the
 * product's dtype, without any checks. */
void dnnl_product_set_layout_rows(struct dnnl_product *product, int64_t rows);
lmvr_status dnnl_product_run_bare(struct dnnl_product *product, struct arena *arena, int64_t rows, const void *x, float *y,
                                  lmvr_error *error);

#endif
