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
lmvr_status dnnl_product_seal(struct dnnl_product *product, lmvr_error *error);
lmvr_status dnnl_product_run(struct dnnl_product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                             const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);
int64_t dnnl_product_bytes(const struct dnnl_product *product);

/* For measuring what the library alone can do: lets it pick its layout for this many rows (before dnnl_product_seal), and runs
 * it on x (rows, in), already in its type and without gaps, with nothing around it. */
void dnnl_product_set_layout_rows(struct dnnl_product *product, int64_t rows);
lmvr_status dnnl_product_run_bare(struct dnnl_product *product, struct arena *arena, int64_t rows, const void *x, float *y,
                                  lmvr_error *error);

#endif
