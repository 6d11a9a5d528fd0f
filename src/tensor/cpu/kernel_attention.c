/*
 * Attention of a few queries of one head (Vaswani et al. 2017, equation 1), in two passes: all scores of a query are computed
 * before its softmax, so that the result does not depend on how keys and queries are divided into blocks.
 */
#include "tensor/cpu/kernel_gemm.h"

#include <math.h>

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static int64_t visible_to(const struct attention *a, int row)
{
    return a->visible + (int64_t)row * a->step;
}

/* Room for the scores, rounded up to whole panels, a packed tile of queries or probabilities, and a tile of the output. */
size_t KERNEL(attention_scratch)(int64_t visible, int head_dim)
{
    int64_t keys = round_up(visible, PANEL), columns = round_up(head_dim, PANEL);
    int64_t packed = keys > head_dim ? keys : head_dim;
    return (size_t)(ATTENTION_ROWS * keys + TILE_ROWS * packed + TILE_ROWS * columns);
}

/* scores[0..visible) become exp(score - largest), scores[visible..end) become 0. Returns their sum. */
static float softmax_row(float *scores, int64_t visible, int64_t end)
{
    int64_t i, tail = visible % LANES;
    vf most = splat(-INFINITY);
    for (i = 0; i < visible - tail; i += LANES)
        most = vmax(load(scores + i), most);
    float largest = max_lanes(most);
    for (; i < visible; i++)
        largest = scores[i] > largest ? scores[i] : largest;
    for (i = visible; i < end; i++)
        scores[i] = 0.0f;

    vf sum = splat(0.0f);
    for (i = 0; i < visible - tail; i += LANES) {
        vf e = vexp(load(scores + i) - largest);
        store(scores + i, e);
        sum += e;
    }
    if (tail) {
        vf e = vexp(load_part(scores + i, tail) - largest), kept = splat(0.0f);
        store_part(scores + i, e, tail);
        memcpy(&kept, &e, (size_t)tail * sizeof(float));
        sum += kept;
    }
    return sum_lanes(sum);
}

static void add_bias(const struct attention *a, int row, float *scores)
{
    const float *bias = a->bias + row * a->bias_step;
    int64_t visible = visible_to(a, row);
    for (int64_t i = 0; i < visible; i++)
        scores[i] += bias[i];
}

/* Writes a tile of weighted values, each row divided by the sum of its weights. */
static void divide(const struct attention *a, int row, int height, const float *sums, const float *tile_out)
{
    int64_t columns = round_up(a->head_dim, PANEL);
    for (int r = 0; r < height; r++)
        for (int j = 0; j < a->head_dim; j++)
            a->out[(row + r) * a->out_stride + j] = tile_out[r * columns + j] / sums[r];
}

static void weigh_values(const struct attention *a, int row, int height, const float *scores, int64_t stride, const float *sums,
                         float *packed, float *tile_out)
{
    int64_t columns = round_up(a->head_dim, PANEL), visible = visible_to(a, row + height - 1);
    tile_pack(height, visible, scores, stride, 1.0f, packed);
    KERNEL(tile)(height, columns / PANEL, visible, packed, a->values, 0, 0, tile_out, columns, false);
    divide(a, row, height, sums, tile_out);
}

/* Multiplies `height` rows (count) by factors (count). */
static void multiply_columns(int height, int64_t count, const float *factors, float *rows, int64_t stride)
{
    for (int r = 0; r < height; r++)
        for (int64_t i = 0; i < count; i++)
            rows[r * stride + i] *= factors[i];
}

void KERNEL(attention)(const struct attention *a, float *scratch)
{
    int64_t most = visible_to(a, a->rows - 1), stride = round_up(most, PANEL);
    float *scores = scratch, *packed = scores + ATTENTION_ROWS * stride;
    float *tile_out = packed + TILE_ROWS * (stride > a->head_dim ? stride : a->head_dim);
    for (int row = 0; row < a->rows; row += tile_height(a->rows - row)) {
        int height = tile_height(a->rows - row);
        int64_t end = round_up(visible_to(a, row + height - 1), PANEL);
        tile_pack(height, a->head_dim, a->q + row * a->q_stride, a->q_stride, a->scale, packed);
        KERNEL(tile)(height, end / PANEL, a->head_dim, packed, a->keys, 0, 0, scores + row * stride, stride, false);
        float sums[TILE_ROWS];
        if (a->key_scales)
            multiply_columns(height, end, a->key_scales, scores + row * stride, stride);
        for (int r = 0; r < height && a->bias; r++)
            add_bias(a, row + r, scores + (row + r) * stride);
        for (int r = 0; r < height; r++)
            sums[r] = softmax_row(scores + (row + r) * stride, visible_to(a, row + r), end);
        if (a->value_scales)
            multiply_columns(height, visible_to(a, row + height - 1), a->value_scales, scores + row * stride, stride);
        weigh_values(a, row, height, scores + row * stride, stride, sums, packed, tile_out);
    }
}

/* ---- in bf16 ------------------------------------------------------------------------------------------------------------ */

#if defined(__AVX512BF16__)

/* Products of pairs: each lane adds x0 y0 + x1 y1 to its sum. So keys are packed as pairs of neighboring dimensions, values as
 * pairs of neighboring positions, both padded with zeros. */
typedef uint32_t pair;

#define PAIR_BLOCK 64 /* contiguous pairs of a row: a constant, so that a tile's rows are a constant distance apart */

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

static void pair_tile(int height, int64_t panels, int64_t k, const pair *packed, const struct panels *b, float *c, int64_t ldc)
{
    static void (*const tiles[])(int64_t, const pair *, const pair *, int64_t, float *, int64_t) = {
        [1] = pair_tile_1, [2] = pair_tile_2, [3] = pair_tile_3, [4] = pair_tile_4, [6] = pair_tile_6, [12] = pair_tile_12};
    for (int64_t j = 0; j < panels; j++)
        tiles[height](k, packed, (const pair *)b->data + j * b->panel_stride, b->row_stride, c + j * PANEL, ldc);
}

/* The number of pairs for `n` columns of a row of keys or probabilities, in whole blocks. */
static int64_t row_pairs(int64_t n)
{
    return round_up(round_up(n, LANES) / 2, PAIR_BLOCK);
}

size_t KERNEL(pairs_size)(int64_t keys, int head_dim)
{
    int64_t positions = round_up(keys, PANEL);
    return (size_t)(positions * (round_up(head_dim, 2) / 2) + positions / 2 * round_up(head_dim, PANEL));
}

void KERNEL(pairs_pack)(const struct attention_source *s, struct panels *keys, struct panels *values, float *memory)
{
    int64_t positions = round_up(s->count, PANEL), pairs = (s->head_dim + 1) / 2, columns = round_up(s->head_dim, PANEL);
    pair *key = (pair *)memory, *value = key + positions * pairs, row[LANES / 2];
    *keys = (struct panels){key, BF16, pairs * PANEL, PANEL};
    *values = (struct panels){value, BF16, PANEL, columns};
    memset(memory, 0, KERNEL(pairs_size)(s->count, s->head_dim) * sizeof *memory);
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

size_t KERNEL(pairs_scratch)(int64_t visible, int head_dim)
{
    int64_t keys = round_up(visible, PANEL), most = keys > head_dim ? keys : head_dim;
    return (size_t)(TILE_ROWS * (keys + row_pairs(most) + round_up(head_dim, PANEL)));
}

void KERNEL(pairs_attention)(const struct attention *a, float *scratch)
{
    int64_t keys = round_up(a->visible, PANEL), columns = round_up(a->head_dim, PANEL), dim = a->head_dim;
    float *scores = scratch, *tile_out = scores + TILE_ROWS * keys;
    pair *packed = (pair *)(tile_out + TILE_ROWS * columns);
    for (int row = 0; row < a->rows; row += tile_height(a->rows - row)) {
        int height = tile_height(a->rows - row);
        float sums[TILE_ROWS];
        for (int r = 0; r < height; r++)
            pack_row(height, r, dim, a->q + (row + r) * a->q_stride, a->scale, packed);
        pair_tile(height, keys / PANEL, (dim + 1) / 2, packed, &a->keys, scores, keys);
        for (int r = 0; r < height; r++) {
            if (a->bias)
                add_bias(a, row + r, scores + r * keys);
            sums[r] = softmax_row(scores + r * keys, a->visible, keys);
        }
        for (int r = 0; r < height; r++)
            pack_row(height, r, keys, scores + r * keys, 1.0f, packed);
        pair_tile(height, columns / PANEL, keys / 2, packed, &a->values, tile_out, columns);
        divide(a, row, height, sums, tile_out);
    }
}

#endif
