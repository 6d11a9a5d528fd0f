/*
 * Weights lie in panels of two vectors of columns, in steps of four bytes a column: `w` of a step is (PANEL, 4) bytes, which
 * meets four bytes of a row of the input, repeated. Four neighboring products are then added up within a lane, by the
 * processor's dot product or in halves of 16 bits; weights in 4 bits are not negative, and small enough for a whole group of
 * sums in 16 bits. Where the processor multiplies no bytes, or only ones that overflow, a step is (PANEL, 2) numbers of 16
 * bits.
 */
#include "tensor/cpu/kernel_quantized.h"

#include "tensor/cpu/f16.h"
#include "tensor/cpu/names.h"
#include "tensor/cpu/vector.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

#define PANEL  (2 * LANES)
#define UNROLL _Pragma("GCC unroll 32")

/* What a processor multiplies: BYTES_4 and BYTES_8 say whether steps are of bytes, OFFSET_8 what is added to weights in 8 bits
 * so that they are not negative. */
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define BYTES_4  1
#define BYTES_8  1
#define OFFSET_8 128
#elif defined(__ARM_FEATURE_DOTPROD)
#define BYTES_4  1
#define BYTES_8  1
#define OFFSET_8 0
#elif defined(__AVX2__)
#define BYTES_4  1
#define BYTES_8  0
#define OFFSET_8 0
#else
#define BYTES_4  0
#define BYTES_8  0
#define OFFSET_8 0
#endif

#if defined(__AVX512F__)
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif

#define BLOCK_ROWS   96  /* that meet a widened part of a panel */
#define BLOCK_INPUTS 256 /* columns of the input in that part, which stays in the first cache */

#define GROUP_4_BYTES  ((int64_t)PANEL * BLOCK_4_BYTES)
#define GROUP_8_BYTES  ((int64_t)PANEL * GROUP_8)
#define SCALES_8_BYTES ((int64_t)PANEL * (int64_t)sizeof(float)) /* before the groups of a panel */

/* Whether weights and input are multiplied in bytes; constants, as all that follows, once a function of `bits` is inlined. */
INLINE bool in_bytes(int bits)
{
    const bool either[] = {BYTES_4, BYTES_8};
    return either[bits == 8];
}

INLINE int group_size(int bits)
{
    return bits == 8 ? GROUP_8 : GROUP_4;
}

INLINE int per_step(int bits)
{
    return in_bytes(bits) ? 4 : 2;
}

/* The steps of a group. */
INLINE int step_count(int bits)
{
    return group_size(bits) / per_step(bits);
}

/* sum + w x in every lane, four bytes each: w from 0 to 15, or to 255 where OFFSET_8 says so; x signed. With AVX2 alone the
 * sums are of 16 bits: a group's 8 steps reach 8 * 2 * 15 * 127 at most. */
INLINE vi dot_bytes(vi sum, vi w, vi x)
{
#if defined(__AVX512VNNI__)
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
#elif defined(__AVXVNNI__)
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
#elif defined(__ARM_FEATURE_DOTPROD)
    return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)w, (int8x16_t)x);
#elif defined(__AVX512BW__)
    return (vi)_mm512_add_epi16((__m512i)sum, _mm512_maddubs_epi16((__m512i)w, (__m512i)x));
#elif defined(__AVX2__)
    return (vi)_mm256_add_epi16((__m256i)sum, _mm256_maddubs_epi16((__m256i)w, (__m256i)x));
#else
    (void)w, (void)x;
    return sum;
#endif
}

/* The sum of dot_bytes() in 32 bits. */
INLINE vi whole_sum(vi sum)
{
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
    return sum;
#elif defined(__AVX512BW__)
    return (vi)_mm512_madd_epi16((__m512i)sum, _mm512_set1_epi16(1));
#elif defined(__AVX2__)
    return (vi)_mm256_madd_epi16((__m256i)sum, _mm256_set1_epi16(1));
#else
    return sum;
#endif
}

/* sum + w x in every lane, two numbers of 16 bits each. */
INLINE vi dot_pairs(vi sum, vi w, vi x)
{
#if defined(__AVX512BW__)
    return (vi)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16((__m512i)w, (__m512i)x));
#elif defined(__AVX2__)
    return (vi)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)w, (__m256i)x));
#else
    return sum + (w << 16 >> 16) * (x << 16 >> 16) + (w >> 16) * (x >> 16);
#endif
}

/* Two vectors of f16. */
INLINE void load_f16(const void *from, float *to)
{
    for (int v = 0; v < PANEL; v += LANES) {
#if defined(__AVX512F__)
        store(to + v, (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)((const f16 *)from + v))));
#elif defined(__AVX2__)
        store(to + v, (vf)_mm256_cvtph_ps(_mm_loadu_si128((const void *)((const f16 *)from + v))));
#else
        for (int i = v; i < v + LANES; i++)
            to[i] = f16_to_f32(((const f16 *)from)[i]);
#endif
    }
}

/* ---- Weights: records and panels ---- */

/* Rounds to the nearest integer; |x| below 2^22. */
INLINE vi rounded(vf x)
{
    const vf magic = splat(12582912.0f); /* 1.5 * 2^23 */
    return (vi)(x + magic) - (vi)magic;
}

INLINE vf to_floats(vi x)
{
    return __builtin_convertvector(x, vf);
}

#define VECTORS_4 (BLOCK_4 / LANES)

/* A line through the points (q, w) by least squares, and how far they are from it; q are the whole numbers 0 .. 15 nearest to
 * (w - minimum) / scale. */
struct line {
    float scale, minimum, error;
};

INLINE vi levels(vf w, float scale, float minimum)
{
    float inverse = scale > 0 ? 1 / scale : 0;
    return rounded(vmin(vmax((w - minimum) * inverse, splat(0)), splat(15)));
}

INLINE float distance(const vf *w, struct line line, float scale, float minimum)
{
    vf sum = splat(0);
    for (int v = 0; v < VECTORS_4; v++) {
        vf left = w[v] - to_floats(levels(w[v], scale, minimum)) * line.scale - line.minimum;
        sum += left * left;
    }
    return sum_lanes(sum);
}

static struct line fit(const vf *w, float scale, float minimum)
{
    vf q1 = splat(0), q2 = splat(0), w1 = splat(0), qw = splat(0);
    for (int v = 0; v < VECTORS_4; v++) {
        vf q = to_floats(levels(w[v], scale, minimum));
        q1 += q;
        q2 += q * q;
        w1 += w[v];
        qw += q * w[v];
    }
    float sum_q = sum_lanes(q1), sum_w = sum_lanes(w1), n = BLOCK_4;
    float spread = n * sum_lanes(q2) - sum_q * sum_q;
    struct line line = {scale, minimum, 0};
    if (spread > 0) {
        line.scale = (n * sum_lanes(qw) - sum_q * sum_w) / spread;
        line.minimum = (sum_w - line.scale * sum_q) / n;
    }
    line.error = distance(w, line, scale, minimum);
    return line;
}

/* Tries to clip a little or to leave a level out, and moves the line twice to where its points are. */
static struct line best_line(const vf *w, float least, float most)
{
    struct line best = {0, least, __builtin_inff()};
    for (int i = 0; i < 10; i++) {
        float range = most - least, scale = range / (13.0f + 0.4f * (float)i), minimum = least + (range - 15 * scale) / 2;
        for (int again = 0; again < 3 && scale > 0; again++) {
            struct line line = fit(w, scale, minimum);
            if (line.error < best.error)
                best = line;
            scale = line.scale;
            minimum = line.minimum;
        }
    }
    return best;
}

static void quantize_block(const float *weights, int64_t count, uint8_t *block)
{
    vf w[VECTORS_4], least, most, finite = splat(0);
    int32_t q[BLOCK_4];
    float padded[BLOCK_4];
    for (int i = 0; i < BLOCK_4; i++) /* padding changes neither the least nor the most */
        padded[i] = weights[i < count ? i : 0];
    for (int v = 0; v < VECTORS_4; v++) {
        w[v] = load(padded + v * LANES);
        finite += w[v] * 0;
        least = v ? vmin(least, w[v]) : w[v];
        most = v ? vmax(most, w[v]) : w[v];
    }
    bool is_finite = sum_lanes(finite) == 0;
    struct line line = is_finite ? best_line(w, -max_lanes(-least), max_lanes(most)) : (struct line){__builtin_nanf(""), 0, 0};
    f16 scale = f16_from_f32(line.scale), minimum = f16_from_f32(line.minimum);
    for (int v = 0; v < VECTORS_4; v++) {
        vi level = is_finite ? levels(w[v], f16_to_f32(scale), f16_to_f32(minimum)) : (vi){0};
        memcpy(q + v * LANES, &level, sizeof level);
    }
    memcpy(block, &scale, sizeof scale);
    memcpy(block + sizeof scale, &minimum, sizeof minimum);
    for (int i = 0; i < BLOCK_4 / 2; i++)
        block[4 + i] = (uint8_t)(q[i] | q[i + BLOCK_4 / 2] << 4);
}

static void quantize_8(int64_t in, const float *weights, uint8_t *record)
{
    float most = 0, finite = 0;
    for (int64_t i = 0; i < in; i++) {
        float size = weights[i] < 0 ? -weights[i] : weights[i];
        most = size > most ? size : most;
        finite += weights[i] * 0;
    }
    float scale = finite == 0 ? most / 127 : __builtin_nanf(""), inverse = finite == 0 && scale > 0 ? 1 / scale : 0;
    memcpy(record, &scale, sizeof scale);
    for (int64_t i = 0; i < in; i++) {
        float level = inverse > 0 ? weights[i] * inverse : 0;
        record[sizeof scale + (size_t)i] = (uint8_t)(int8_t)__builtin_rintf(level > 127 ? 127 : level < -127 ? -127 : level);
    }
}

static void quantize(int bits, int64_t in, const float *weights, uint8_t *record)
{
    if (bits == 8)
        quantize_8(in, weights, record);
    else
        for (int64_t i = 0; i < in; i += BLOCK_4, record += BLOCK_4_BYTES)
            quantize_block(weights + i, in - i < BLOCK_4 ? in - i : BLOCK_4, record);
}

static void restore(int bits, int64_t in, const uint8_t *record, float *weights)
{
    float scale;
    f16 line[2];
    memcpy(&scale, record, sizeof scale);
    for (int64_t i = 0; i < in; i++) {
        if (bits == 8) {
            weights[i] = scale * (float)(int8_t)record[sizeof scale + (size_t)i];
            continue;
        }
        const uint8_t *block = record + i / BLOCK_4 * BLOCK_4_BYTES;
        int64_t at = i % BLOCK_4;
        memcpy(line, block, sizeof line);
        weights[i] = f16_to_f32(line[0]) * (float)(block[4 + at % 16] >> at / 16 * 4 & 15) + f16_to_f32(line[1]);
    }
}

static size_t panel_bytes(int bits, int64_t in)
{
    int64_t groups = group_count(bits, in);
    return (size_t)(bits == 4 ? groups * GROUP_4_BYTES : SCALES_8_BYTES + groups * GROUP_8_BYTES);
}

/* Where byte i of a record in 8 bits lies in its panel. */
INLINE int64_t place_8(int64_t i, int64_t column)
{
    int64_t step = i / per_step(8);
    return SCALES_8_BYTES + (step * PANEL + column) * per_step(8) + i % per_step(8);
}

/* Where weight `at` of a group in 4 bits lies behind the group's scales and minimums, and in which half of its byte: the upper
 * halves are the group's second half of steps. */
INLINE int64_t place_4(int64_t at, int64_t column)
{
    int64_t step = at % (BLOCK_4 / 2) / 4;
    return (step * PANEL + column) * 4 + at % 4;
}

static void pack(int bits, int64_t in, const uint8_t *record, int64_t column, uint8_t *panel)
{
    if (bits == 8) {
        memcpy(panel + column * (int64_t)sizeof(float), record, sizeof(float));
        for (int64_t i = 0; i < in; i++)
            panel[place_8(i, column)] = (uint8_t)(record[sizeof(float) + (size_t)i] + OFFSET_8);
        return;
    }
    for (int64_t g = 0; g < group_count(4, in); g++, record += BLOCK_4_BYTES, panel += GROUP_4_BYTES) {
        memcpy(panel + 2 * column, record, 2);
        memcpy(panel + 2 * (PANEL + column), record + 2, 2);
        for (int64_t i = 0; i < BLOCK_4 / 2; i++)
            panel[4 * PANEL + place_4(i, column)] = record[4 + i];
    }
}

static void unpack(int bits, int64_t in, const uint8_t *panel, int64_t column, uint8_t *record)
{
    if (bits == 8) {
        memcpy(record, panel + column * (int64_t)sizeof(float), sizeof(float));
        for (int64_t i = 0; i < in; i++)
            record[sizeof(float) + (size_t)i] = (uint8_t)(panel[place_8(i, column)] - OFFSET_8);
        return;
    }
    for (int64_t g = 0; g < group_count(4, in); g++, record += BLOCK_4_BYTES, panel += GROUP_4_BYTES) {
        memcpy(record, panel + 2 * column, 2);
        memcpy(record + 2, panel + 2 * (PANEL + column), 2);
        for (int64_t i = 0; i < BLOCK_4 / 2; i++)
            record[4 + i] = panel[4 * PANEL + place_4(i, column)];
    }
}

/* ---- Activations ---- */

#define MOST_VECTORS (GROUP_8 / LANES)

static int64_t words(int bits, int64_t in)
{
    return group_count(bits, in) * step_count(bits);
}

/* x = about scale * q; NaN, and q 0, if any is not finite. */
INLINE float quantize_group(int vectors, const vf *x, vi *q)
{
    vf size = splat(0), finite = splat(0);
    for (int v = 0; v < vectors; v++) {
        size = vmax(size, vmax(x[v], -x[v]));
        finite += x[v] * 0;
    }
    float most = max_lanes(size), scale = sum_lanes(finite) == 0 ? most / 127 : __builtin_nanf("");
    bool counts = scale > 0x1p-100f; /* else its inverse may be infinite, and it is nothing */
    vf inverse = splat(counts ? 1 / scale : 0);
    for (int v = 0; v < vectors; v++)
        q[v] = counts ? rounded(x[v] * inverse) : (vi){0};
    return counts || scale != scale ? scale : 0;
}

/* Whether more than half of the values that are not 0 are less than four steps. */
INLINE bool most_are_small(int vectors, const vf *x, const vi *q)
{
    vi balance = {0};
    for (int v = 0; v < vectors; v++) {
        vi counts = x[v] != splat(0), small = (q[v] < 4) & (q[v] > -4);
        balance += (counts & ~small) - (counts & small); /* -1 where true */
    }
    int32_t lane[LANES], sum = 0;
    memcpy(lane, &balance, sizeof lane);
    for (int i = 0; i < LANES; i++)
        sum += lane[i];
    return sum > 0;
}

/* Stores the integers as `to` has them, and returns their sum. */
INLINE float store_group(int bits, const vi *q, int32_t *to)
{
    typedef int8_t bytes __attribute__((vector_size(LANES)));
    typedef int16_t halves __attribute__((vector_size(LANES * 2)));
    const int vectors = group_size(bits) / LANES;
    vi sum = {0};
    UNROLL for (int v = 0; v < vectors; v++)
    {
        sum += q[v];
        if (in_bytes(bits)) {
            bytes b = __builtin_convertvector(q[v], bytes);
            memcpy((char *)to + v * LANES, &b, sizeof b);
        } else {
            halves h = __builtin_convertvector(q[v], halves);
            memcpy((char *)to + 2 * v * LANES, &h, sizeof h);
        }
    }
    float total = sum_lanes(to_floats(sum)); /* exact: far below 2^24 */
    return bits == 4 ? total : total * -OFFSET_8;
}

INLINE void load_group(int bits, int64_t count, const float *x, const float *factors, vf *to)
{
    for (int v = 0; v < group_size(bits) / LANES; v++, count -= LANES, x += LANES, factors += LANES) {
        if (count >= LANES)
            to[v] = load(x) * load(factors);
        else
            to[v] = count > 0 ? load_part(x, count) * load_part(factors, count) : splat(0);
    }
}

INLINE bool take_group(int bits, const vf *x, int64_t word, int64_t group, const struct activations *first,
                       const struct activations *rest)
{
    vf left[MOST_VECTORS];
    vi q[MOST_VECTORS];
    int vectors = group_size(bits) / LANES;
    float scale = first->scales[group] = quantize_group(vectors, x, q);
    first->sums[group] = store_group(bits, q, first->words + word);
    rest->scales[group] = 0;
    if (!(scale > 0) || !most_are_small(vectors, x, q))
        return false;
    for (int v = 0; v < vectors; v++)
        left[v] = x[v] - to_floats(q[v]) * scale;
    rest->scales[group] = quantize_group(vectors, left, q);
    rest->sums[group] = store_group(bits, q, rest->words + word);
    return rest->scales[group] > 0;
}

INLINE bool take(int bits, int64_t in, const float *x, const float *factors, int64_t row, const struct activations *first,
                 const struct activations *rest)
{
    bool any = false;
    int64_t groups = group_count(bits, in);
    for (int64_t g = 0; g < groups; g++) {
        vf values[MOST_VECTORS];
        int64_t at = g * group_size(bits);
        load_group(bits, in - at, x + at, factors + at, values);
        any |= take_group(bits, values, (row * groups + g) * step_count(bits), row * groups + g, first, rest);
    }
    return any;
}

static bool take_row(int bits, int64_t in, const float *x, const float *factors, int64_t row, const struct activations *first,
                     const struct activations *rest)
{
    return bits == 4 ? take(4, in, x, factors, row, first, rest) : take(8, in, x, factors, row, first, rest);
}

/* ---- The product ---- */

/* A part of a panel, widened to what is multiplied: for each group STEPS steps of two vectors. */
struct part {
    const vi *steps;
    float scales[BLOCK_INPUTS / GROUP_4][PANEL], minimums[BLOCK_INPUTS / GROUP_4][PANEL]; /* in 4 bits */
};

struct scratch {
    struct part part;
    vi steps[BLOCK_INPUTS / 2 * 2];
    float totals[BLOCK_ROWS][PANEL];
};

static size_t scratch_bytes(void)
{
    return sizeof(struct scratch);
}

INLINE void widen_group_4(const uint8_t *from, vi *to)
{
#if BYTES_4
    const vi *packed = (const vi *)from; /* panels are aligned to a cache line, and so are their groups */
    const vi low = (vi){0} + 0x0f0f0f0f;
    UNROLL for (int v = 0; v < GROUP_4 / 8 * 2; v++)
    {
        vi both = packed[v];
        to[v] = both & low;
        to[v + GROUP_4 / 8 * 2] = (vi)((vu)both >> 4) & low;
    }
#else
    typedef int16_t half __attribute__((may_alias));
    half *halves = (half *)to;
    for (int at = 0; at < GROUP_4; at++)
        for (int c = 0; c < PANEL; c++)
            halves[(at / 2 * PANEL + c) * 2 + at % 2] = from[place_4(at, c)] >> at / (GROUP_4 / 2) * 4 & 15;
#endif
}

/* Widens `groups` groups from `from` on. */
INLINE void widen(int bits, const uint8_t *from, int64_t groups, struct scratch *s)
{
    s->part.steps = s->steps;
    if (bits == 4) {
        for (int64_t g = 0; g < groups; g++, from += GROUP_4_BYTES) {
            load_f16(from, s->part.scales[g]);
            load_f16(from + 2 * PANEL, s->part.minimums[g]);
            widen_group_4(from + 4 * PANEL, s->steps + g * step_count(4) * 2);
        }
    } else if (BYTES_8) {
        s->part.steps = (const vi *)from;
    } else {
        typedef int8_t bytes __attribute__((vector_size(LANES * 2)));
        typedef int16_t halves __attribute__((vector_size(LANES * 4)));
        for (int64_t v = 0; v < groups * step_count(8) * 2; v++) {
            bytes b;
            memcpy(&b, from + v * (int64_t)sizeof b, sizeof b);
            s->steps[v] = (vi) __builtin_convertvector(b, halves);
        }
    }
}

/* Adds the products of one group of `rows` rows, beginning at `row`, to their totals. */
INLINE void tile_group(int bits, int rows, const struct activations *a, int64_t row, int64_t groups, int64_t group,
                       const struct part *part, int64_t at, float (*totals)[PANEL])
{
    const int steps = step_count(bits);
    const int64_t stride = groups * steps;
    const int32_t *x = a->words + row * stride + group * steps;
    const vi *w = part->steps + at * steps * 2;
    vi sum[TILE_ROWS][2];
    UNROLL for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (vi){0};
    UNROLL for (int s = 0; s < steps; s++)
    {
        UNROLL for (int r = 0; r < rows; r++)
        {
            vi repeated = (vi){0} + x[r * stride + s];
            UNROLL for (int v = 0; v < 2; v++) sum[r][v] =
                in_bytes(bits) ? dot_bytes(sum[r][v], w[2 * s + v], repeated) : dot_pairs(sum[r][v], w[2 * s + v], repeated);
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
    {
        int64_t place = (row + r) * groups + group;
        vf scale = splat(a->scales[place]), offset = splat(a->sums[place]);
        UNROLL for (int v = 0; v < 2; v++)
        {
            vf product = to_floats(in_bytes(bits) ? whole_sum(sum[r][v]) : sum[r][v]);
            if (bits == 4)
                product = product * load(part->scales[at] + v * LANES) + offset * load(part->minimums[at] + v * LANES);
            else if (OFFSET_8)
                product += offset;
            store(totals[r] + v * LANES, load(totals[r] + v * LANES) + product * scale);
        }
    }
}

#define DEFINE_TILE(BITS, ROWS)                                                                                                \
    static void tile_##BITS##x##ROWS(const struct activations *a, int64_t row, int64_t groups, int64_t first, int64_t count,   \
                                     const struct part *part, float(*totals)[PANEL])                                           \
    {                                                                                                                          \
        for (int64_t g = 0; g < count; g++)                                                                                    \
            tile_group(BITS, ROWS, a, row, groups, first + g, part, g, totals);                                                \
    }

typedef void tile_function(const struct activations *a, int64_t row, int64_t groups, int64_t first, int64_t count,
                           const struct part *part, float (*totals)[PANEL]);

DEFINE_TILE(4, 1)
DEFINE_TILE(4, 2)
DEFINE_TILE(4, 4)
DEFINE_TILE(8, 1)
DEFINE_TILE(8, 2)
DEFINE_TILE(8, 4)
#if TILE_ROWS == 8
DEFINE_TILE(4, 8)
DEFINE_TILE(8, 8)
static tile_function *const tiles[2][4] = {{tile_4x1, tile_4x2, tile_4x4, tile_4x8}, {tile_8x1, tile_8x2, tile_8x4, tile_8x8}};
#define MOST_TILE 3
#else
static tile_function *const tiles[2][3] = {{tile_4x1, tile_4x2, tile_4x4}, {tile_8x1, tile_8x2, tile_8x4}};
#define MOST_TILE 2
#endif

/* Adds the products of some groups of the rows first .. first + rows - 1, and of what is left of them. */
static void add_part(const struct quantized_product *p, int64_t row, int64_t rows, int64_t group, int64_t count,
                     struct scratch *s)
{
    int64_t groups = group_count(p->bits, p->in);
    tile_function *const *tile = tiles[p->bits == 8];
    for (int64_t r = 0; r < rows;) {
        int size = MOST_TILE;
        while (1 << size > rows - r)
            size--;
        tile[size](&p->first, row + r, groups, group, count, &s->part, s->totals + r);
        r += 1 << size;
    }
    for (int64_t r = 0; r < rows; r++) {
        if (!p->has_rest[row + r])
            continue;
        for (int64_t g = 0; g < count; g++)
            if (p->rest.scales[(row + r) * groups + group + g] > 0) {
                if (p->bits == 4)
                    tile_group(4, 1, &p->rest, row + r, groups, group + g, &s->part, g, s->totals + r);
                else
                    tile_group(8, 1, &p->rest, row + r, groups, group + g, &s->part, g, s->totals + r);
            }
    }
}

/* The totals of a panel become rows of c. */
static void put_rows(const struct quantized_product *p, int64_t row, int64_t rows, int64_t panel, const float *scales,
                     float (*totals)[PANEL])
{
    int64_t column = panel * PANEL, columns = p->n - column < PANEL ? p->n - column : PANEL;
    for (int64_t r = 0; r < rows; r++) {
        float *c = p->c + (row + r) * p->ldc + column;
        for (int64_t i = 0; i < columns; i += LANES) {
            int64_t count = columns - i < LANES ? columns - i : LANES;
            vf value = load(totals[r] + i);
            if (p->bits == 8)
                value *= load(scales + i);
            if (p->bias)
                value += load_part(p->bias + column + i, count);
            if (p->accumulate)
                value += load_part(c + i, count);
            store_part(c + i, value, count);
        }
    }
}

static void multiply(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *memory)
{
    struct scratch *s = memory;
    int64_t groups = group_count(p->bits, p->in), size = (int64_t)panel_bytes(p->bits, p->in);
    int64_t step = BLOCK_INPUTS / group_size(p->bits), group_bytes = p->bits == 4 ? GROUP_4_BYTES : GROUP_8_BYTES;
    for (int64_t row = 0; row < p->rows; row += BLOCK_ROWS) {
        int64_t rows = p->rows - row < BLOCK_ROWS ? p->rows - row : BLOCK_ROWS;
        for (int64_t j = first_panel; j < last_panel; j++) {
            const uint8_t *panel = p->panels + j * size, *data = panel + (p->bits == 8 ? SCALES_8_BYTES : 0);
            memset(s->totals, 0, (size_t)rows * sizeof *s->totals);
            for (int64_t g = 0; g < groups; g += step, data += step * group_bytes) {
                int64_t count = groups - g < step ? groups - g : step;
                if (p->bits == 4)
                    widen(4, data, count, s);
                else
                    widen(8, data, count, s);
                add_part(p, row, rows, g, count, s);
            }
            put_rows(p, row, rows, j, (const float *)panel, s->totals);
        }
    }
}

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

const struct quantized_kernels KERNEL(quantized_kernels) = {
    .name = STRING(ISA),
    .panel = PANEL,
    .quantize = quantize,
    .restore = restore,
    .panel_bytes = panel_bytes,
    .pack = pack,
    .unpack = unpack,
    .words = words,
    .take_row = take_row,
    .scratch = scratch_bytes,
    .multiply = multiply,
};
