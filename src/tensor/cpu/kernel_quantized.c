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

#define BLOCK_ROWS 96 /* that meet a widened part of a panel */

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

static int64_t block_words(int bits)
{
    return BLOCK_INPUTS / per_step(bits);
}

/* What belongs to a row in a block. */
INLINE struct activations at_row(int bits, const struct quantized_product *p, const struct activations *a, int64_t block,
                                 int64_t row)
{
    int64_t place = block * p->all_rows + row;
    return (struct activations){a->words + place * block_words(bits), a->scales + place * block_groups(bits),
                                a->sums + place * block_groups(bits)};
}

/* And in a group of it. */
INLINE struct activations at_group(int bits, struct activations a, int64_t group)
{
    return (struct activations){a.words + group * step_count(bits), a.scales + group, a.sums + group};
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

/* Whether more than half of the values that are not 0 are less than eight steps. */
INLINE bool most_are_small(int vectors, const vf *x, const vi *q)
{
    vi balance = {0};
    for (int v = 0; v < vectors; v++) {
        vi counts = x[v] != splat(0), small = (q[v] < 8) & (q[v] > -8);
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

INLINE bool take_group(int bits, const vf *x, struct activations first, struct activations rest)
{
    vf left[MOST_VECTORS];
    vi q[MOST_VECTORS];
    int vectors = group_size(bits) / LANES;
    float scale = *first.scales = quantize_group(vectors, x, q);
    *first.sums = store_group(bits, q, first.words);
    *rest.scales = 0;
    if (!(scale > 0) || !most_are_small(vectors, x, q))
        return false;
    for (int v = 0; v < vectors; v++)
        left[v] = x[v] - to_floats(q[v]) * scale;
    *rest.scales = quantize_group(vectors, left, q);
    *rest.sums = store_group(bits, q, rest.words);
    return *rest.scales > 0;
}

INLINE bool take(int bits, const struct quantized_product *p, const float *x, const float *factors, int64_t row)
{
    bool any = false;
    for (int64_t g = 0; g < group_count(bits, p->in); g++) {
        vf values[MOST_VECTORS];
        int64_t at = g * group_size(bits), block = g / block_groups(bits), group = g % block_groups(bits);
        load_group(bits, p->in - at, x + at, factors + at, values);
        any |= take_group(bits, values, at_group(bits, at_row(bits, p, &p->first, block, row), group),
                          at_group(bits, at_row(bits, p, &p->rest, block, row), group));
    }
    return any;
}

static bool take_row(const struct quantized_product *p, const float *x, const float *factors, int64_t row)
{
    return p->bits == 4 ? take(4, p, x, factors, row) : take(8, p, x, factors, row);
}

/* ---- The product ---- */

/* Some groups of a panel: for each STEPS steps of two vectors, and in 4 bits its scales and minimums. */
struct part {
    const uint8_t *packed; /* as in the panel; else NULL */
    const vi *steps;       /* widened to what is multiplied */
    const float (*lines)[2][PANEL];
};

struct scratch {
    vi steps[BLOCK_INPUTS / 2 * 2];
    float lines[BLOCK_INPUTS / GROUP_4][2][PANEL];
    float totals[BLOCK_ROWS][PANEL];
};

static size_t scratch_bytes(void)
{
    return sizeof(struct scratch);
}

INLINE int64_t group_bytes(int bits)
{
    return bits == 4 ? GROUP_4_BYTES : GROUP_8_BYTES;
}

INLINE struct part part_at(int bits, bool packed, struct part part, int64_t group)
{
    return packed ? (struct part){part.packed + group * group_bytes(bits), NULL, NULL}
                  : (struct part){NULL, part.steps + group * step_count(bits) * 2, part.lines + group};
}

/* The vectors of two steps, s and s + step_count(4) / 2. */
INLINE vi lower_halves(vi both)
{
    return both & ((vi){0} + 0x0f0f0f0f);
}

INLINE vi upper_halves(vi both)
{
    return (vi)((vu)both >> 4) & ((vi){0} + 0x0f0f0f0f);
}

/* Half a vector of bytes to 16 bits; intrinsics, as the compiler's own way takes five instructions instead of one. */
INLINE vi widen_bytes(const uint8_t *from)
{
#if defined(__AVX512BW__)
    return (vi)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)from));
#elif defined(__AVX2__)
    return (vi)_mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)from));
#else
    typedef int8_t bytes __attribute__((vector_size(LANES * 2)));
    typedef int16_t halves __attribute__((vector_size(LANES * 4)));
    bytes b;
    memcpy(&b, from, sizeof b);
    return (vi) __builtin_convertvector(b, halves);
#endif
}

INLINE void widen_group_4(const uint8_t *from, vi *to)
{
#if BYTES_4
    const vi *packed = (const vi *)from; /* panels are aligned to a cache line, and so are their groups */
    const int half = step_count(4) / 2 * 2;
    for (int v = 0; v < half; v++) {
        to[v] = lower_halves(packed[v]);
        to[v + half] = upper_halves(packed[v]);
    }
#else
    typedef int16_t half __attribute__((may_alias));
    half *halves = (half *)to;
    for (int at = 0; at < GROUP_4; at++)
        for (int c = 0; c < PANEL; c++)
            halves[(at / 2 * PANEL + c) * 2 + at % 2] = from[place_4(at, c)] >> at / (GROUP_4 / 2) * 4 & 15;
#endif
}

INLINE struct part widen(int bits, const uint8_t *from, int64_t groups, struct scratch *s)
{
    for (int64_t g = 0; bits == 4 && g < groups; g++, from += GROUP_4_BYTES) {
        load_f16(from, s->lines[g][0]);
        load_f16(from + 2 * PANEL, s->lines[g][1]);
        widen_group_4(from + 4 * PANEL, s->steps + g * step_count(4) * 2);
    }
    for (int64_t v = 0; bits == 8 && !BYTES_8 && v < groups * step_count(8) * 2; v++)
        s->steps[v] = widen_bytes(from + v * 2 * LANES);
    return (struct part){NULL, bits == 8 && BYTES_8 ? (const vi *)from : s->steps, s->lines};
}

/* sum + the products of a step, for the vectors `w` of weights and the words `x`, block_words() from row to row. */
INLINE void add_step(int bits, int rows, const vi *w, const int32_t *x, vi (*sum)[2])
{
    UNROLL for (int r = 0; r < rows; r++)
    {
        vi word = (vi){0} + x[r * block_words(bits)];
        UNROLL for (int v = 0; v < 2; v++) sum[r][v] =
            in_bytes(bits) ? dot_bytes(sum[r][v], w[v], word) : dot_pairs(sum[r][v], w[v], word);
    }
}

/* The sums of a group. */
INLINE void sum_group(int bits, int rows, bool packed, const int32_t *x, struct part part, vi (*sum)[2])
{
    const int steps = step_count(bits), half = steps / 2;
    UNROLL for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (vi){0};
    if (packed && bits == 4) {
        const vi *pairs = (const vi *)(part.packed + 4 * PANEL);
        UNROLL for (int s = 0; s < half; s++)
        {
            vi both[2] = {pairs[2 * s], pairs[2 * s + 1]};
            add_step(4, rows, (vi[]){lower_halves(both[0]), lower_halves(both[1])}, x + s, sum);
            add_step(4, rows, (vi[]){upper_halves(both[0]), upper_halves(both[1])}, x + s + half, sum);
        }
    } else if (packed) {
        UNROLL for (int s = 0; s < steps; s++)
        {
            const uint8_t *from = part.packed + s * PANEL * 2;
            add_step(8, rows, (vi[]){widen_bytes(from), widen_bytes(from + 2 * LANES)}, x + s, sum);
        }
    } else {
        UNROLL for (int s = 0; s < steps; s++) add_step(bits, rows, part.steps + 2 * s, x + s, sum);
    }
    UNROLL for (int r = 0; r < rows; r++) for (int v = 0; v < 2; v++)
    {
        if (in_bytes(bits))
            sum[r][v] = whole_sum(sum[r][v]);
    }
}

/* As splat(), in one instruction: x - 0 is x, also where x is -0. */
INLINE vf repeated(float x)
{
    return x - (vf){0};
}

/* Adds the products of `rows` rows, a constant, and some groups to the rows' totals. */
INLINE void tile(int bits, int rows, bool packed, struct activations x, int64_t groups, struct part part,
                 float (*totals)[PANEL])
{
    for (int64_t g = 0; g < groups; g++) {
        vi sum[TILE_ROWS][2];
        float lines[2][PANEL];
        struct part group = part_at(bits, packed, part, g);
        const float(*line)[PANEL] = packed ? (const float(*)[PANEL])lines : group.lines[0];
        if (packed && bits == 4) {
            load_f16(group.packed, lines[0]);
            load_f16(group.packed + 2 * PANEL, lines[1]);
        }
        sum_group(bits, rows, packed, x.words + g * step_count(bits), group, sum);
        UNROLL for (int r = 0; r < rows; r++)
        {
            int64_t at = r * block_groups(bits) + g;
            vf scale = repeated(x.scales[at]), offset = repeated(x.sums[at]);
            UNROLL for (int v = 0; v < 2; v++)
            {
                vf product = to_floats(sum[r][v]);
                if (bits == 4)
                    product = product * load(line[0] + v * LANES) + offset * load(line[1] + v * LANES);
                else if (OFFSET_8)
                    product += offset;
                store(totals[r] + v * LANES, load(totals[r] + v * LANES) + product * scale);
            }
        }
    }
}

typedef void tile_function(struct activations x, int64_t groups, struct part part, float (*totals)[PANEL]);

#define DEFINE_TILE(BITS, ROWS)                                                                                                \
    static void tile_##BITS##x##ROWS(struct activations x, int64_t groups, struct part part, float(*totals)[PANEL])            \
    {                                                                                                                          \
        if (part.packed)                                                                                                       \
            tile(BITS, ROWS, true, x, groups, (struct part){part.packed, NULL, NULL}, totals);                                 \
        else                                                                                                                   \
            tile(BITS, ROWS, false, x, groups, (struct part){NULL, part.steps, part.lines}, totals);                           \
    }

DEFINE_TILE(4, 1)
DEFINE_TILE(4, 2)
DEFINE_TILE(4, 4)
DEFINE_TILE(8, 1)
DEFINE_TILE(8, 2)
DEFINE_TILE(8, 4)
#define SMALL_TILES(bits)                                                                                                      \
    {1, tile_##bits##x1}, {2, tile_##bits##x2},                                                                                \
    {                                                                                                                          \
        4, tile_##bits##x4                                                                                                     \
    }
#if TILE_ROWS == 8
DEFINE_TILE(4, 8)
DEFINE_TILE(8, 8)
#define LARGEST_TILE(bits)                                                                                                     \
    {                                                                                                                          \
        8, tile_##bits##x8                                                                                                     \
    }
#elif TILE_ROWS == 6
DEFINE_TILE(4, 6)
DEFINE_TILE(8, 6)
#define LARGEST_TILE(bits)                                                                                                     \
    {                                                                                                                          \
        6, tile_##bits##x6                                                                                                     \
    }
#else
#define LARGEST_TILE(bits)                                                                                                     \
    {                                                                                                                          \
        4, tile_##bits##x4                                                                                                     \
    }
#endif
static const struct tile_size {
    int rows;
    tile_function *add;
} tile_sizes[2][4] = {{SMALL_TILES(4), LARGEST_TILE(4)}, {SMALL_TILES(8), LARGEST_TILE(8)}};

/* Adds the products of a block's first groups and of some rows, and of what is left of those, to the totals. */
INLINE void add_part(int bits, const struct quantized_product *p, int64_t row, int64_t rows, int64_t block, int64_t groups,
                     struct part part, float (*totals)[PANEL])
{
    const struct tile_size *sizes = tile_sizes[bits == 8];
    for (int64_t r = 0, size = 3; r < rows; r += sizes[size].rows) {
        while (sizes[size].rows > rows - r)
            size--;
        sizes[size].add(at_row(bits, p, &p->first, block, row + r), groups, part, totals + r);
    }
    for (int64_t r = 0; r < rows; r++) {
        struct activations rest = at_row(bits, p, &p->rest, block, row + r);
        for (int64_t g = 0; p->has_rest[row + r] && g < groups; g++)
            if (rest.scales[g] > 0)
                sizes[0].add(at_group(bits, rest, g), 1, part_at(bits, part.packed != NULL, part, g), totals + r);
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

/* All of a panel for rows row .. row + rows - 1. Where few rows meet it, weights are not widened ahead. */
INLINE void multiply_panel(int bits, const struct quantized_product *p, int64_t row, int64_t rows, int64_t panel,
                           struct scratch *s)
{
    const uint8_t *begin = p->panels + panel * (int64_t)panel_bytes(bits, p->in);
    const uint8_t *data = begin + (bits == 8 ? SCALES_8_BYTES : 0);
    bool packed = rows <= TILE_ROWS && in_bytes(bits) == (bits == 4);
    memset(s->totals, 0, (size_t)rows * sizeof *s->totals);
    for (int64_t block = 0, left = group_count(bits, p->in); left > 0; block++, left -= block_groups(bits)) {
        int64_t groups = left < block_groups(bits) ? left : block_groups(bits);
        struct part part = packed ? (struct part){data, NULL, NULL} : widen(bits, data, groups, s);
        add_part(bits, p, row, rows, block, groups, part, s->totals);
        data += groups * group_bytes(bits);
    }
    put_rows(p, row, rows, panel, (const float *)begin, s->totals);
}

static void multiply(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *scratch)
{
    int64_t end = p->first_row + p->rows;
    for (int64_t row = p->first_row; row < end; row += BLOCK_ROWS) {
        int64_t rows = end - row < BLOCK_ROWS ? end - row : BLOCK_ROWS;
        for (int64_t j = first_panel; j < last_panel; j++) {
            if (p->bits == 4)
                multiply_panel(4, p, row, rows, j, scratch);
            else
                multiply_panel(8, p, row, rows, j, scratch);
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
    .block_words = block_words,
    .take_row = take_row,
    .scratch = scratch_bytes,
    .multiply = multiply,
};
