#include "tensor/cpu/kernel_tiles.h"

#include "tensor/cpu/names.h"
#include "tensor/cpu/vector.h"

#if defined(__AMX_BF16__) || defined(__AMXBF16__) /* as Clang 14 calls it */

#define ROW_BYTES    64 /* of every tile */
#define BLOCK_DEPTHS 8  /* tiles of a panel that meet many rows while they are in the first cache */
#define MOST_DEPTHS  128
#define FEW_ROWS     128 /* which are faster than memory, whatever is fetched ahead */
#define BLOCK_ROWS   128 /* of MOST_DEPTHS: 1 MiB of the second cache */

typedef float totals[2][BLOCK_ROWS][TILE_ROWS]; /* of a panel, by half of its columns */

/* The tiles: sums of two times 16 rows and 16 columns; 4 and 5 are inputs, 6 and 7 weights. Fewer rows than 16 are less work.
 */
static void configure(int64_t rows)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } sizes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        sizes.rows[i] = (uint8_t)(i < 6 && rows < TILE_ROWS ? rows : TILE_ROWS);
        sizes.row_bytes[i] = ROW_BYTES;
    }
    _tile_loadconfig(&sizes);
}

static void take_row(const struct tile_product *p, const float *x, int64_t row)
{
    for (int64_t d = 0; d < tiles_over(p->in, TILE_DEPTH); d++)
        for (int half = 0; half < 2; half++) {
            int64_t at = d * TILE_DEPTH + half * LANES, left = p->in - at;
            __m256bh value = _mm512_cvtneps_pbh((__m512)(left > 0 ? load_part(x + at, left) : splat(0)));
            memcpy(p->inputs + tile_place(p, d, row) + half * LANES, &value, sizeof value);
        }
}

/* Adds the products of 32 rows, or of 16, and `depths` tiles of weights to the rows' totals. `step` is from depth to depth. */
INLINE void add_rows(bool both, const bf16 *x, int64_t step, int64_t depths, const bf16 *w,
                     float (*sums)[BLOCK_ROWS][TILE_ROWS])
{
    _tile_loadd(0, sums[0], ROW_BYTES);
    _tile_loadd(1, sums[1], ROW_BYTES);
    if (both) {
        _tile_loadd(2, sums[0] + TILE_ROWS, ROW_BYTES);
        _tile_loadd(3, sums[1] + TILE_ROWS, ROW_BYTES);
    }
    for (int64_t d = 0; d < depths; d++, x += step, w += 2 * TILE_SIZE) {
        _tile_loadd(4, x, ROW_BYTES);
        _tile_loadd(6, w, ROW_BYTES);
        _tile_loadd(7, w + TILE_SIZE, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (both) {
            _tile_loadd(5, x + TILE_SIZE, ROW_BYTES);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, sums[0], ROW_BYTES);
    _tile_stored(1, sums[1], ROW_BYTES);
    if (both) {
        _tile_stored(2, sums[0] + TILE_ROWS, ROW_BYTES);
        _tile_stored(3, sums[1] + TILE_ROWS, ROW_BYTES);
    }
}

/* The totals of 16 columns become rows of c, or are added to them where those have the depths before. */
static void put_rows(const struct tile_product *p, bool begun, int64_t row, int64_t rows, int64_t column,
                     float (*sums)[TILE_ROWS])
{
    int64_t columns = p->n - column;
    for (int64_t r = 0; r < rows && columns > 0; r++) {
        float *c = p->c + (row + r) * p->ldc + column;
        vf value = load(sums[r]);
        if (p->bias && !begun)
            value += load_part(p->bias + column, columns);
        if (p->accumulate || begun)
            value += load_part(c, columns);
        store_part(c, value, columns);
    }
}

static void multiply_panel(const struct tile_product *p, int64_t row, int64_t rows, int64_t first, int64_t last, int64_t panel)
{
    int64_t all = tiles_over(p->in, TILE_DEPTH), step = tile_place(p, 1, 0);
    totals sums;
    for (int half = 0; half < 2; half++)
        memset(sums[half], 0, (size_t)rows * sizeof *sums[half]);
    for (int64_t d = first; d < last; d += BLOCK_DEPTHS) {
        int64_t depths = last - d < BLOCK_DEPTHS ? last - d : BLOCK_DEPTHS;
        const bf16 *x = p->inputs + tile_place(p, d, row), *w = p->weights + (panel * all + d) * 2 * TILE_SIZE;
        const char *behind = (const char *)(w + depths * 2 * TILE_SIZE); /* is next, and is fetched meanwhile */
        const int64_t behind_bytes = rows < FEW_ROWS ? 0 : BLOCK_DEPTHS * 2 * TILE_SIZE * (int64_t)sizeof *w;
        for (int64_t r = 0, fetched = 0; r < rows; r += TILE_PANEL, x += 2 * TILE_SIZE) {
            for (; fetched * rows < (r + TILE_PANEL) * behind_bytes && fetched < behind_bytes; fetched += ROW_BYTES)
                __builtin_prefetch(behind + fetched, 0, 2);
            float(*part)[BLOCK_ROWS][TILE_ROWS] = (void *)sums[0][r];
            if (rows - r > TILE_ROWS)
                add_rows(true, x, step, depths, w, part);
            else
                add_rows(false, x, step, depths, w, part);
        }
    }
    for (int half = 0; half < 2; half++)
        put_rows(p, first > 0, row, rows, panel * TILE_PANEL + half * TILE_ROWS, sums[half]);
}

static void multiply(const struct tile_product *p, int64_t first_panel, int64_t last_panel)
{
    int64_t end = p->first_row + p->rows, all = tiles_over(p->in, TILE_DEPTH);
    configure(p->rows);
    for (int64_t d = 0; d < all; d += MOST_DEPTHS)
        for (int64_t row = p->first_row; row < end; row += BLOCK_ROWS)
            for (int64_t panel = first_panel; panel < last_panel; panel++) {
                int64_t rows = end - row < BLOCK_ROWS ? end - row : BLOCK_ROWS;
                multiply_panel(p, row, rows, d, all - d < MOST_DEPTHS ? all : d + MOST_DEPTHS, panel);
            }
    _tile_release();
}

const struct tile_kernels KERNEL(tile_kernels) = {.take_row = take_row, .multiply = multiply};

#endif
