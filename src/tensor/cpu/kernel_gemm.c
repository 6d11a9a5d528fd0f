/*
 * Matrix products after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a packed block of A
 * stays in the second-level cache, a panel of B in the first, and a tile of C in registers.
 */
#include "tensor/cpu/kernel_gemm.h"

#define BLOCK_ROWS 240 /* of A, packed: 240 x 256 floats fill half of a 512 KiB cache; a multiple of every TILE_ROWS */

/* C comes from memory while the tile is summed up. */
INLINE void prefetch_panel(const float *c)
{
    __builtin_prefetch(c, 1);
    __builtin_prefetch(c + PANEL - 1, 1); /* which may be in the next cache line */
}

/* One tile of HEIGHT rows and PANELS panels, both constants, so that `sum` stays in registers. */
#define DEFINE_TILE(HEIGHT, PANELS, TYPE, LOAD)                                                                                \
    static void tile_##HEIGHT##x##PANELS##_##TYPE(int64_t k, const float *restrict a, const void *data, int64_t panel_stride,  \
                                                  int64_t row_stride, float *restrict c, int64_t ldc, bool add)                \
    {                                                                                                                          \
        const TYPE *restrict b = data;                                                                                         \
        vf sum[HEIGHT][2 * PANELS], column[2 * PANELS];                                                                        \
        UNROLL for (int r = 0; r < HEIGHT; r++) UNROLL for (int j = 0; j < 2 * PANELS; j++) sum[r][j] = splat(0.0f);           \
        UNROLL for (int r = 0; r < HEIGHT; r++) for (int j = 0; j < (PANELS); j++) prefetch_panel(c + r * ldc + j * PANEL);    \
        for (int64_t i = 0; i < k; i++, a += HEIGHT, b += row_stride) {                                                        \
            UNROLL for (int j = 0; j < 2 * PANELS; j++) column[j] = LOAD(b + (j / 2) * panel_stride + (j % 2) * LANES);        \
            UNROLL for (int r = 0; r < HEIGHT; r++) UNROLL for (int j = 0; j < 2 * PANELS; j++) sum[r][j] += column[j] * a[r]; \
        }                                                                                                                      \
        UNROLL for (int r = 0; r < HEIGHT; r++) UNROLL for (int j = 0; j < 2 * PANELS; j++)                                    \
        {                                                                                                                      \
            float *to = c + r * ldc + j * LANES;                                                                               \
            store(to, add ? load(to) + sum[r][j] : sum[r][j]);                                                                 \
        }                                                                                                                      \
    }

#define DEFINE_TILES(HEIGHT, PANELS)                                                                                           \
    DEFINE_TILE(HEIGHT, PANELS, float, load)                                                                                   \
    DEFINE_TILE(HEIGHT, PANELS, bf16, load_bf16)                                                                               \
    DEFINE_TILE(HEIGHT, PANELS, int8_t, load_int8)

/* With few rows, a tile spans many panels: the more independent sums, the better they hide the latency of additions. */
#if TILE_ROWS == 12
#define WIDE_1 8
#define WIDE_2 4
#define WIDE_3 4
#define WIDE_4 3
#define WIDE_6 2
DEFINE_TILES(12, 1)
DEFINE_TILES(6, 1)
#elif TILE_ROWS == 6
#define WIDE_1 6
#define WIDE_2 3
#define WIDE_3 2
DEFINE_TILES(6, 1)
#else
#define WIDE_1 4
#define WIDE_2 2
#endif
DEFINE_TILES(1, 1)
DEFINE_TILES(2, 1)
DEFINE_TILES(3, 1)
DEFINE_TILES(4, 1)
#define EXPAND(MACRO, ...) MACRO(__VA_ARGS__)
EXPAND(DEFINE_TILES, 1, WIDE_1)
EXPAND(DEFINE_TILES, 2, WIDE_2)
#ifdef WIDE_3
EXPAND(DEFINE_TILES, 3, WIDE_3)
#endif
#ifdef WIDE_4
EXPAND(DEFINE_TILES, 4, WIDE_4)
EXPAND(DEFINE_TILES, 6, WIDE_6)
#endif

typedef void tile_fn(int64_t, const float *, const void *, int64_t, int64_t, float *, int64_t, bool);

struct tile_set {
    int wide;                  /* panels per tile in `many` */
    tile_fn *one[3], *many[3]; /* by dtype */
};

#define BY_DTYPE(HEIGHT, PANELS)                                                                                               \
    {                                                                                                                          \
        [F32] = tile_##HEIGHT##x##PANELS##_float, [BF16] = tile_##HEIGHT##x##PANELS##_bf16,                                    \
        [INT8] = tile_##HEIGHT##x##PANELS##_int8_t                                                                             \
    }
#define ONE(HEIGHT)           [HEIGHT] = {1, BY_DTYPE(HEIGHT, 1), BY_DTYPE(HEIGHT, 1)}
#define WIDE_(HEIGHT, PANELS) [HEIGHT] = {PANELS, BY_DTYPE(HEIGHT, 1), BY_DTYPE(HEIGHT, PANELS)}

static const struct tile_set tiles[TILE_ROWS + 1] = {
    EXPAND(WIDE_, 1, WIDE_1), EXPAND(WIDE_, 2, WIDE_2),
#ifdef WIDE_3
    EXPAND(WIDE_, 3, WIDE_3),
#else
    ONE(3),
#endif
#ifdef WIDE_4
    EXPAND(WIDE_, 4, WIDE_4), EXPAND(WIDE_, 6, WIDE_6), ONE(12),
#else
    ONE(4),
#if TILE_ROWS == 6
    ONE(6),
#endif
#endif
};

void KERNEL(tile)(int height, int64_t panels, int64_t k, const float *packed, struct panels b, int64_t first_panel,
                  int64_t first_row, float *c, int64_t ldc, bool add)
{
    const struct tile_set *set = &tiles[height];
    const char *data =
        (const char *)b.data + (size_t)(first_panel * b.panel_stride + first_row * b.row_stride) * dtype_size(b.dtype);
    size_t panel_bytes = (size_t)b.panel_stride * dtype_size(b.dtype);
    while (panels > 0) {
        bool many = panels >= set->wide;
        int taken = many ? set->wide : 1;
        (many ? set->many : set->one)[b.dtype](k, packed, data, b.panel_stride, b.row_stride, c, ldc, add);
        data += (size_t)taken * panel_bytes;
        c += (size_t)taken * PANEL;
        panels -= taken;
    }
}

/* Initializes some rows of c for the first block of k: with the bias, or by adding the bias to what they hold. */
static void start(const struct gemm *g, int64_t row, int64_t rows, int64_t first_panel, int64_t last_panel)
{
    int64_t column = first_panel * PANEL, end = last_panel * PANEL < g->n ? last_panel * PANEL : g->n;
    for (int64_t r = row; g->bias && r < row + rows; r++)
        for (int64_t j = column; j < end; j++)
            g->c[r * g->ldc + j] = (g->accumulate ? g->c[r * g->ldc + j] : 0.0f) + g->bias[j];
}

/* A block of b's rows, in b itself or in a copy of some of its panels. */
struct block {
    struct panels b;
    int64_t panel, row; /* the first panel that b holds; the block's first row in b */
    int64_t from, k;    /* the block's first row in the whole matrix, and its number of rows */
};

/* A tile at the right edge, where c has fewer columns than the panel. */
static void edge(const struct gemm *g, const struct block *b, int height, const float *packed, int64_t panel, int64_t row,
                 bool add)
{
    float part[TILE_ROWS * PANEL];
    int64_t columns = g->n - panel * PANEL;
    KERNEL(tile)(height, 1, b->k, packed, b->b, panel - b->panel, b->row, part, PANEL, false);
    for (int r = 0; r < height; r++)
        for (int64_t j = 0; j < columns; j++) {
            float *to = &g->c[(row + r) * g->ldc + panel * PANEL + j];
            *to = add ? *to + part[r * PANEL + j] : part[r * PANEL + j];
        }
}

/* One packed tile of rows times panels first .. last - 1, over one block of k. */
static void tile_row(const struct gemm *g, const struct block *b, int height, const float *packed, int64_t row, int64_t first,
                     int64_t last)
{
    bool add = g->accumulate || g->bias || b->from > 0;
    int64_t whole = last * PANEL > g->n ? last - 1 : last;
    KERNEL(tile)
    (height, whole - first, b->k, packed, b->b, first - b->panel, b->row, g->c + row * g->ldc + first * PANEL, g->ldc, add);
    if (whole < last)
        edge(g, b, height, packed, whole, row, add);
}

static struct block block_of(const struct gemm *g, int64_t from)
{
    return (struct block){.b = g->b, .row = from, .from = from, .k = g->k - from < GEMM_BLOCK_K ? g->k - from : GEMM_BLOCK_K};
}

/* Few rows: each panel goes through all of k before the next, so that the weights are read from memory once. */
static void narrow(const struct gemm *g, int64_t first, int64_t last, float *scratch)
{
    int64_t group = tiles[tile_height(g->m)].wide;
    float *packed = scratch;
    start(g, 0, g->m, first, last);
    for (int64_t row = 0; row < g->m; row += tile_height(g->m - row)) {
        int height = tile_height(g->m - row);
        for (int64_t from = 0; from < g->k; from += GEMM_BLOCK_K, packed += height * GEMM_BLOCK_K)
            tile_pack(height, block_of(g, from).k, g->a + row * g->lda + from, g->lda, 1.0f, packed);
    }
    for (int64_t panel = first; panel < last; panel += group) {
        int64_t end = panel + group < last ? panel + group : last;
        packed = scratch;
        for (int64_t row = 0; row < g->m; row += tile_height(g->m - row)) {
            int height = tile_height(g->m - row);
            for (int64_t from = 0; from < g->k; from += GEMM_BLOCK_K, packed += height * GEMM_BLOCK_K) {
                struct block b = block_of(g, from);
                tile_row(g, &b, height, packed, row, panel, end);
            }
        }
    }
}

/* Widens a panel of bf16 once for many rows. */
static struct block widen(const struct block *b, int64_t panel, float *widened)
{
    const bf16 *from = (const bf16 *)b->b.data + panel * b->b.panel_stride + b->row * b->b.row_stride;
    for (int64_t i = 0; i < b->k; i++, from += b->b.row_stride)
        for (int j = 0; j < PANEL; j += LANES)
            store(widened + i * PANEL + j, load_bf16(from + j));
    return (struct block){.b = {widened, F32, 0, PANEL}, .panel = panel, .from = b->from, .k = b->k};
}

static void wide(const struct gemm *g, int64_t first, int64_t last, float *scratch)
{
    float *widened = scratch, *packed = scratch + GEMM_BLOCK_K * PANEL;
    for (int64_t top = 0; top < g->m; top += BLOCK_ROWS) {
        int64_t rows = g->m - top < BLOCK_ROWS ? g->m - top : BLOCK_ROWS;
        start(g, top, rows, first, last);
        for (int64_t from = 0; from < g->k; from += GEMM_BLOCK_K) {
            struct block whole = block_of(g, from);
            for (int64_t row = 0; row < rows; row += tile_height(rows - row))
                tile_pack(tile_height(rows - row), whole.k, g->a + (top + row) * g->lda + from, g->lda, 1.0f,
                          packed + row * whole.k);
            for (int64_t panel = first; panel < last; panel++) {
                struct block b = g->b.dtype == BF16 ? widen(&whole, panel, widened) : whole;
                for (int64_t row = 0; row < rows; row += tile_height(rows - row))
                    tile_row(g, &b, tile_height(rows - row), packed + row * b.k, top + row, panel, panel + 1);
            }
        }
    }
}

#define NARROW_ROWS 24

size_t KERNEL(gemm_scratch)(int64_t m, int64_t k)
{
    int64_t blocks = (k + GEMM_BLOCK_K - 1) / GEMM_BLOCK_K;
    return (size_t)(m <= NARROW_ROWS ? m * blocks * GEMM_BLOCK_K : (BLOCK_ROWS + PANEL) * GEMM_BLOCK_K);
}

void KERNEL(gemm)(const struct gemm *g, int64_t first_panel, int64_t last_panel, float *scratch)
{
    if (first_panel >= last_panel)
        return;
    if (g->m <= NARROW_ROWS)
        narrow(g, first_panel, last_panel, scratch);
    else
        wide(g, first_panel, last_panel, scratch);
}
