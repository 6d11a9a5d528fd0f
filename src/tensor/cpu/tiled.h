/*
 * A weight matrix in bf16, packed as tiles for AMX. oneDNN has tiles, too, but not for every number of rows, so that a row's
 * sums would depend on the rows beside it, and is no faster (docs/SPEED.md).
 */
#ifndef LMVR_SRC_TENSOR_CPU_TILED_H
#define LMVR_SRC_TENSOR_CPU_TILED_H

#include "error.h"
#include "tensor/arena.h"

struct tiled;

/* Whether this processor has tiles, and the system lets programs use them. */
bool tiled_available(void);

/* As the functions of tensor/cpu/product.h, which are their only callers. */
lmvr_status tiled_create(int64_t out, int64_t in, struct tiled **tiled, lmvr_error *error);
void tiled_free(struct tiled *tiled); /* NULL is allowed */
void tiled_set(struct tiled *tiled, int64_t first, int64_t count, const float *rows);
lmvr_status tiled_run(const struct tiled *tiled, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                      const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

#endif
