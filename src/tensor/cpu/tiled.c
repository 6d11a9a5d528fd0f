#include "tensor/cpu/tiled.h"

#include "tensor/cpu/kernel_tiles.h"

#include <omp.h>
#include <stdlib.h>

struct tiled {
    int64_t out, in;
    bf16 *weights; /* as struct tile_product has them, padded with zeros */
};

bool tiled_available(void)
{
    return tile_kernels_get() != NULL;
}

lmvr_status tiled_create(int64_t out, int64_t in, struct tiled **tiled, lmvr_error *error)
{
    struct tiled *t = *tiled = calloc(1, sizeof *t);
    int64_t tiles = tiles_over(out, TILE_PANEL) * tiles_over(in, TILE_DEPTH) * 2;
    if (t && (t->weights = aligned_zeroed(tiles * TILE_SIZE, sizeof *t->weights))) {
        t->out = out;
        t->in = in;
        return LMVR_OK;
    }
    free(t);
    *tiled = NULL;
    return error_no_memory(error, "a weight matrix");
}

void tiled_free(struct tiled *tiled)
{
    if (!tiled)
        return;
    free(tiled->weights);
    free(tiled);
}

static void set_row(struct tiled *t, int64_t row, const float *weights)
{
    int64_t depths = tiles_over(t->in, TILE_DEPTH), half = row % TILE_PANEL / TILE_ROWS, column = row % TILE_ROWS;
    bf16 *panel = t->weights + (row / TILE_PANEL * depths * 2 + half) * TILE_SIZE;
    for (int64_t i = 0; i < t->in; i++)
        panel[i / TILE_DEPTH * 2 * TILE_SIZE + (i % TILE_DEPTH / 2 * TILE_ROWS + column) * 2 + i % 2] =
            bf16_from_f32(weights[i]);
}

void tiled_set(struct tiled *tiled, int64_t first, int64_t count, const float *rows)
{
#pragma omp parallel for schedule(static) if (count * tiled->in > 16384)
    for (int64_t r = 0; r < count; r++)
        set_row(tiled, first + r, rows + r * tiled->in);
}

/* Divides the work by columns, or by rows if there are too few columns for the threads. */
static void multiply(const struct tile_product *p)
{
    int threads = omp_get_max_threads();
    int64_t panels = tiles_over(p->n, TILE_PANEL), pieces = tiles_over(p->rows, TILE_PANEL);
    bool by_rows = panels < 2 * threads && pieces >= threads;
#pragma omp parallel for schedule(static) if (p->rows * p->n * p->in > 65536)
    for (int part = 0; part < threads; part++) {
        struct tile_product mine = *p;
        int64_t first = panels * part / threads, last = panels * (part + 1) / threads;
        if (by_rows) {
            int64_t end = pieces * (part + 1) / threads * TILE_PANEL;
            mine.first_row = pieces * part / threads * TILE_PANEL;
            mine.rows = (end < p->rows ? end : p->rows) - mine.first_row;
            first = 0;
            last = panels;
        }
        tile_kernels_get()->multiply(&mine, first, last);
    }
}

lmvr_status tiled_run(const struct tiled *tiled, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                      const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    struct tile_product p = {.rows = rows,
                             .all_rows = rows,
                             .n = tiled->out,
                             .in = tiled->in,
                             .weights = tiled->weights,
                             .bias = bias,
                             .accumulate = accumulate,
                             .c = y,
                             .ldc = y_stride};
    struct arena_mark mark = arena_mark(arena);
    p.inputs = arena_alloc(arena, tile_place(&p, tiles_over(tiled->in, TILE_DEPTH), 0), sizeof *p.inputs);
    if (!p.inputs)
        return error_no_memory(error, "a matrix product");
#pragma omp parallel for schedule(static) if (rows > 1 && rows * tiled->in > 16384)
    for (int64_t r = 0; r < rows; r++)
        tile_kernels_get()->take_row(&p, x + r * x_stride, r);
    multiply(&p);
    arena_release(arena, mark);
    return LMVR_OK;
}
