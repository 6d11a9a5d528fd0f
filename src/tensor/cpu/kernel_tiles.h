/*
 * Products of bf16 by AMX, which multiplies tiles: 16 rows of the input by 16 columns of weights, 32 numbers each. Sums are in
 * f32, over the inputs in ascending order whatever the number of rows.
 */
#ifndef LMVR_SRC_TENSOR_CPU_KERNEL_TILES_H
#define LMVR_SRC_TENSOR_CPU_KERNEL_TILES_H

#include "tensor/dtype.h"

#include <stdbool.h>

#define TILE_ROWS  16 /* and columns */
#define TILE_DEPTH 32
#define TILE_SIZE  ((int64_t)TILE_ROWS * TILE_DEPTH)
#define TILE_PANEL (2 * TILE_ROWS) /* columns of weights that are multiplied at once, and rows */

static inline int64_t tiles_over(int64_t count, int64_t each)
{
    return (count + each - 1) / each;
}

/* c (rows, n) = or += a times the transposed weights [+ bias (n)]. */
struct tile_product {
    int64_t first_row, rows; /* those to multiply, of */
    int64_t all_rows;
    int64_t n, in;
    bf16 *inputs;        /* (depths, rows of tiles, TILE_ROWS, TILE_DEPTH); rows of tiles are even in number */
    const bf16 *weights; /* (panels, depths, 2, TILE_DEPTH / 2, TILE_ROWS, 2): pairs of neighboring inputs by columns */
    const float *bias;   /* NULL: none */
    bool accumulate;
    float *c;
    int64_t ldc;
};

/* Where a row of the input has its part of a depth. */
static inline int64_t tile_place(const struct tile_product *p, int64_t depth, int64_t row)
{
    int64_t tiles = tiles_over(p->all_rows, TILE_PANEL) * 2;
    return (depth * tiles + row / TILE_ROWS) * TILE_SIZE + row % TILE_ROWS * TILE_DEPTH;
}

struct tile_kernels {
    /* Sets row `row` of the inputs to x (in), rounded. */
    void (*take_row)(const struct tile_product *p, const float *x, int64_t row);
    /* Computes the columns of panels first_panel .. last_panel - 1. first_row is a multiple of TILE_PANEL. */
    void (*multiply)(const struct tile_product *p, int64_t first_panel, int64_t last_panel);
};

/* NULL where there are no tiles. */
const struct tile_kernels *tile_kernels_get(void);

extern const struct tile_kernels tile_kernels_amx;

#endif
