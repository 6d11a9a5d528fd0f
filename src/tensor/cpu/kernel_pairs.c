/*
 * Attention with products in bf16, and sums and softmax in f32, of queries that see all keys: an encoder's. By AVX512_BF16, or
 * by AMX, whose tiles are as the panels are.
 */
#include "tensor/cpu/attention_rows.h"

#if defined(__AVX512BF16__)

/* Products of pairs: each lane adds x0 y0 + x1 y1 to its sum. So keys are packed as pairs of neighboring dimensions, values as
 * pairs of neighboring positions, both padded with zeros. */
typedef uint32_t pair;

#if defined(__AMX_BF16__) || defined(__AMXBF16__) /* as Clang 14 calls it */
#define STEP       16                             /* pairs that are multiplied at once */
#define BLOCK_ROWS PAIR_ROWS
#else
#define STEP       1
#define BLOCK_ROWS TILE_ROWS
#endif

INLINE __m512i widened_bf16(vf x)
{
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x));
}

/* 16 floats become 8 pairs. */
INLINE void store_pairs(pair *to, vf x)
{
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh((__m512)x));
}

INLINE vf load_up_to(const float *p, int64_t n)
{
    return n >= LANES ? load(p) : load_part(p, n);
}

#if defined(__AMX_BF16__) || defined(__AMXBF16__)

#define TILE 16 /* rows */

/* All tiles are as large: 0 .. 3 are sums of two times 16 rows and 16 columns, 4 and 5 rows, 6 and 7 columns. */
static void begin(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } sizes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        sizes.rows[i] = TILE;
        sizes.row_bytes[i] = STEP * sizeof(pair);
    }
    _tile_loadconfig(&sizes);
}

static void finish(void)
{
    _tile_release();
}

/* From row to row of `n` columns, an odd number of cache lines: 16 rows then lie in different sets of the first cache. */
static int64_t row_pairs(int64_t n)
{
    return round_up(n, 2 * STEP) / 2 / STEP % 2 ? round_up(n, 2 * STEP) / 2 : round_up(n, 2 * STEP) / 2 + STEP;
}

static int64_t row_scores(int64_t n)
{
    return round_up(n, PANEL) + LANES;
}

static void pack_row(int height, int row, int64_t n, const float *x, float scale, pair *packed)
{
    (void)height;
    pair *to = packed + row * row_pairs(n);
    for (int64_t i = 0; i < round_up(n, 2 * STEP); i += LANES)
        store_pairs(to + i / 2, i < n ? load_up_to(x + i, n - i) * scale : splat(0));
}

INLINE void multiply_panel(bool both, int64_t steps, const pair *rows, int64_t stride, const pair *columns,
                           int64_t column_stride, float *c, int64_t ldc)
{
    const int64_t row_bytes = stride * (int64_t)sizeof(pair), column_bytes = column_stride * (int64_t)sizeof(pair),
                  c_bytes = ldc * (int64_t)sizeof *c;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t i = 0; i < steps; i++, rows += STEP, columns += STEP * column_stride) {
        _tile_loadd(4, rows, row_bytes);
        _tile_loadd(6, columns, column_bytes);
        _tile_loadd(7, columns + LANES, column_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (both) {
            _tile_loadd(5, rows + TILE * stride, row_bytes);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + LANES, c_bytes);
    if (both) {
        _tile_stored(2, c + TILE * ldc, c_bytes);
        _tile_stored(3, c + TILE * ldc + LANES, c_bytes);
    }
}

/* c (BLOCK_ROWS, columns), of which `height` rows mean something, = rows (height, k pairs) times b (k pairs, columns). */
static void multiply(int height, int64_t panels, int64_t k, const pair *packed, const struct panels *b, float *c, int64_t ldc)
{
    int64_t stride = row_pairs(2 * k), steps = (k + STEP - 1) / STEP;
    __asm__ volatile("" ::: "memory"); /* GCC does not know what tiles are loaded from */
    for (int64_t j = 0; j < panels; j++) {
        const pair *columns = (const pair *)b->data + j * b->panel_stride;
        if (height > TILE)
            multiply_panel(true, steps, packed, stride, columns, b->row_stride, c + j * PANEL, ldc);
        else
            multiply_panel(false, steps, packed, stride, columns, b->row_stride, c + j * PANEL, ldc);
    }
}

static int next_height(int64_t rows)
{
    return rows < BLOCK_ROWS ? (int)rows : BLOCK_ROWS;
}

#else

#define PAIR_BLOCK 64 /* contiguous pairs of a row: a constant, so that a tile's rows are a constant distance apart */

static void begin(void) {}

static void finish(void) {}

static int64_t row_scores(int64_t n)
{
    return round_up(n, PANEL);
}

/* The number of pairs for `n` columns of a row of keys or probabilities, in whole blocks. */
static int64_t row_pairs(int64_t n)
{
    return round_up(round_up(n, LANES) / 2, PAIR_BLOCK);
}

/* The index of pair `i` of row `row` in packed rows. */
INLINE int64_t pair_at(int height, int row, int64_t i)
{
    return (i / PAIR_BLOCK * height + row) * PAIR_BLOCK + i % PAIR_BLOCK;
}

static void pack_row(int height, int row, int64_t n, const float *x, float scale, pair *packed)
{
    for (int64_t i = 0; i < n; i += LANES)
        store_pairs(packed + pair_at(height, row, i / 2), load_up_to(x + i, n - i) * scale);
}

/* c (HEIGHT, PANEL) = packed rows (HEIGHT, k pairs) times a panel of b (k pairs, PANEL). */
#define DEFINE_PAIR_TILE(HEIGHT)                                                                                               \
    static void pair_tile_##HEIGHT(int64_t k, const pair *a, const pair *b, int64_t row_stride, float *c, int64_t ldc)         \
    {                                                                                                                          \
        __m512 sum[HEIGHT][2];                                                                                                 \
        UNROLL for (int r = 0; r < HEIGHT; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();                                   \
        for (; k > 0; k -= PAIR_BLOCK, a += HEIGHT * PAIR_BLOCK)                                                               \
            for (int64_t i = 0; i < (k < PAIR_BLOCK ? k : PAIR_BLOCK); i++, b += row_stride) {                                 \
                __m512bh left = (__m512bh)_mm512_loadu_si512(b), right = (__m512bh)_mm512_loadu_si512(b + LANES);              \
                UNROLL for (int r = 0; r < HEIGHT; r++)                                                                        \
                {                                                                                                              \
                    __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[r * PAIR_BLOCK + i]);                                      \
                    sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, left);                                                          \
                    sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, right);                                                         \
                }                                                                                                              \
            }                                                                                                                  \
        UNROLL for (int r = 0; r < HEIGHT; r++)                                                                                \
        {                                                                                                                      \
            store(c + r * ldc, (vf)sum[r][0]);                                                                                 \
            store(c + r * ldc + LANES, (vf)sum[r][1]);                                                                         \
        }                                                                                                                      \
    }

DEFINE_PAIR_TILE(1)
DEFINE_PAIR_TILE(2)
DEFINE_PAIR_TILE(3)
DEFINE_PAIR_TILE(4)
DEFINE_PAIR_TILE(6)
DEFINE_PAIR_TILE(12)

static void multiply(int height, int64_t panels, int64_t k, const pair *packed, const struct panels *b, float *c, int64_t ldc)
{
    static void (*const tiles[])(int64_t, const pair *, const pair *, int64_t, float *, int64_t) = {
        [1] = pair_tile_1, [2] = pair_tile_2, [3] = pair_tile_3, [4] = pair_tile_4, [6] = pair_tile_6, [12] = pair_tile_12};
    for (int64_t j = 0; j < panels; j++)
        tiles[height](k, packed, (const pair *)b->data + j * b->panel_stride, b->row_stride, c + j * PANEL, ldc);
}

static int next_height(int64_t rows)
{
    return tile_height(rows);
}

#endif

/* Pairs of a key. */
static int64_t key_pairs(int head_dim)
{
    return round_up(head_dim, 2 * STEP) / 2;
}

static size_t packed_size(int64_t keys, int head_dim)
{
    int64_t positions = round_up(keys, PANEL);
    return (size_t)(positions * key_pairs(head_dim) + positions / 2 * round_up(head_dim, PANEL));
}

static void pack(const struct attention_source *s, struct panels *keys, struct panels *values, float *memory)
{
    int64_t positions = round_up(s->count, PANEL), pairs = key_pairs(s->head_dim), columns = round_up(s->head_dim, PANEL);
    pair *key = (pair *)memory, *value = key + positions * pairs, row[LANES / 2];
    *keys = (struct panels){key, BF16, pairs * PANEL, PANEL};
    *values = (struct panels){value, BF16, PANEL, columns};
    memset(memory, 0, packed_size(s->count, s->head_dim) * sizeof *memory);
    for (int64_t p = 0; p < s->count; p++)
        for (int64_t d = 0; d < s->head_dim; d += LANES) {
            store_pairs(row, load_up_to(s->k + p * s->stride + d, s->head_dim - d));
            for (int64_t i = 0; i < LANES / 2 && d / 2 + i < pairs; i++)
                key[p / PANEL * PANEL * pairs + (d / 2 + i) * PANEL + p % PANEL] = row[i];
        }
    for (int64_t p = 0; p < s->count; p += 2)
        for (int64_t d = 0; d < s->head_dim; d += LANES) {
            const float *v = s->v + p * s->stride + d;
            __m512i low = widened_bf16(load_up_to(v, s->head_dim - d)), high = _mm512_setzero_si512();
            if (p + 1 < s->count)
                high = widened_bf16(load_up_to(v + s->stride, s->head_dim - d));
            _mm512_storeu_si512(value + p / 2 * columns + d, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
}

/* Room for scores, packed queries or probabilities, and the output. */
static size_t scratch_size(int64_t visible, int head_dim)
{
    int64_t keys = round_up(visible, PANEL), most = keys > head_dim ? keys : head_dim;
    return (size_t)(BLOCK_ROWS * (row_scores(keys) + row_pairs(most) + STEP + row_scores(head_dim)));
}

static void attention(const struct attention *a, float *scratch)
{
    int64_t keys = round_up(a->visible, PANEL), columns = round_up(a->head_dim, PANEL), dim = a->head_dim;
    int64_t stride = row_scores(keys), out_stride = row_scores(columns);
    float *scores = scratch, *out = scores + BLOCK_ROWS * stride;
    pair *packed = (pair *)(out + BLOCK_ROWS * out_stride);
    begin();
    for (int row = 0, height; row < a->rows; row += height) {
        float sums[BLOCK_ROWS];
        height = next_height(a->rows - row);
        for (int r = 0; r < height; r++)
            pack_row(height, r, dim, a->q + (row + r) * a->q_stride, a->scale, packed);
        multiply(height, keys / PANEL, (dim + 1) / 2, packed, &a->keys, scores, stride);
        for (int r = 0; r < height; r++) {
            if (a->bias)
                add_bias(a, row + r, scores + r * stride);
            sums[r] = softmax_row(scores + r * stride, a->visible, keys);
        }
        for (int r = 0; r < height; r++)
            pack_row(height, r, keys, scores + r * stride, 1.0f, packed);
        multiply(height, columns / PANEL, keys / 2, packed, &a->values, out, out_stride);
        divide(a, row, height, sums, out, out_stride);
    }
    finish();
}

const struct pair_kernels KERNEL(pair_kernels) = {
    .rows = BLOCK_ROWS > ATTENTION_ROWS ? BLOCK_ROWS : ATTENTION_ROWS,
    .size = packed_size,
    .pack = pack,
    .scratch = scratch_size,
    .attention = attention,
};

#endif
