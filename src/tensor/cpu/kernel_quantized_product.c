/*
 * Products with weights in 8 or 4 bits by vectors. A step of weights meets four bytes of a row of the input, repeated. Four
 * neighboring products are then added up within a lane, by the processor's dot product or in halves of 16 bits; weights in 4
 * bits are not negative, and small enough for a whole group of sums in 16 bits.
 */
#include "tensor/cpu/f16.h"
#include "tensor/cpu/quantized_panels.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif

#define BLOCK_ROWS 96   /* that meet a widened part of a panel */
#define AHEAD      2560 /* bytes */

/* ---- The input ---- */

#define MOST_VECTORS (GROUP_8 / LANES)

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

/* What most values of a group have to reach, if they are to be bytes. Normal numbers reach 28 in 8 bits, and 36 in 4. */
INLINE int least_steps(int bits)
{
    return bits == 8 ? 16 : 8;
}

/* Whether more than half of the values that are not 0 do not reach that. */
INLINE bool most_are_small(int bits, int vectors, const vf *x, const vi *q)
{
    vi balance = {0};
    for (int v = 0; v < vectors; v++) {
        vi counts = x[v] != splat(0), small = (q[v] < least_steps(bits)) & (q[v] > -least_steps(bits));
        balance += (counts & ~small) - (counts & small); /* -1 where true */
    }
    return sum_lanes(to_floats(balance)) > 0;
}

/* The 256ths of `scale` that q leaves of x, from -128 to 127. */
INLINE void quantize_rest(int vectors, const vf *x, const vi *q, float scale, vi *low)
{
    vf inverse = splat(256 / scale);
    for (int v = 0; v < vectors; v++)
        low[v] = rounded(vmin(vmax((x[v] - to_floats(q[v]) * scale) * inverse, splat(-128)), splat(127)));
}

/* Stores integers as `to` has them, in bytes or in 16 bits, and returns their sum. */
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
    return sum_lanes(to_floats(sum)); /* exact: no more than 2^23 */
}

INLINE union group_sum sum_of(int bits, float sum)
{
    return bits == 4 ? (union group_sum){.real = sum} : (union group_sum){.whole = (int32_t)sum * OFFSET_8};
}

/* What of the input's numbers from x on is in a group: times `factors`, less `offset`; zeros where there are none. */
INLINE void load_group(int bits, int64_t count, const float *x, const float *factors, float offset, vf *to)
{
    float offsets[LANES];
    for (int i = 0; i < LANES; i++)
        offsets[i] = offset;
    for (int v = 0; v < group_size(bits) / LANES; v++, count -= LANES, x += LANES, factors += LANES) {
        if (count >= LANES)
            to[v] = load(x) * load(factors) - repeated(offset);
        else
            to[v] = count > 0 ? load_part(x, count) * load_part(factors, count) - load_part(offsets, count) : splat(0);
    }
}

/* What a row reaches. */
struct reach {
    float least, most, squares;
};

INLINE struct reach find_reach(int64_t count, const float *x, const float *factors)
{
    vf least = splat(0), most = splat(0), squares = splat(0);
    for (int64_t i = 0; i < count; i += LANES) {
        vf value = count - i >= LANES ? load(x + i) * load(factors + i)
                                      : load_part(x + i, count - i) * load_part(factors + i, count - i);
        least = vmin(least, value);
        most = vmax(most, value);
        squares += value * value;
    }
    return (struct reach){-max_lanes(-least), max_lanes(most), sum_lanes(squares)};
}

INLINE bool is_one_sided(struct reach r)
{
    return -r.least < 0.25f * r.most || r.most < -0.25f * r.least;
}

/* The middle of a row that lies on one side, unless its steps would be too large for most of it; else 0. */
INLINE float find_offset(int64_t in, const float *x, const float *factors)
{
    const float least_steps = 34; /* that the mean size has to reach; behind GELU it reaches 38 */
    if (!is_one_sided(find_reach(in < GROUP_8 ? in : GROUP_8, x, factors)))
        return 0;
    struct reach r = find_reach(in, x, factors);
    float step = (r.most - r.least) / 254, square = least_steps * step;
    return is_one_sided(r) && r.squares >= square * square * (float)in && r.squares * 0 == 0 ? (r.most + r.least) / 2 : 0;
}

INLINE void take_group(int bits, bool all_wide, const vf *x, struct activations to)
{
    vi q[MOST_VECTORS], low[MOST_VECTORS] = {{0}};
    int vectors = group_size(bits) / LANES;
    float scale = quantize_group(vectors, x, q);
    bool wide = scale > 0 && (all_wide || most_are_small(bits, vectors, x, q));
    if (wide)
        quantize_rest(vectors, x, q, scale, low);
    *to.scales = scale;
    *to.wide = wide;
    if (in_bytes(bits)) {
        *to.sums = sum_of(bits, store_group(bits, q, to.words));
        *to.low_sums = sum_of(bits, store_group(bits, low, to.low_words));
        return;
    }
    for (int v = 0; v < vectors; v++)
        q[v] = wide_products(q[v], low[v]);
    *to.scales *= 0x1p-8f;
    *to.sums = sum_of(bits, store_group(bits, q, to.words));
}

INLINE void take(int bits, const struct quantized_product *p, const float *x, const float *factors, int64_t row)
{
    float offset = p->bits == 8 && !p->all_wide ? find_offset(p->in, x, factors) : 0;
    p->offsets[row] = offset;
    for (int64_t block = 0; block < block_count(p->in); block++) {
        struct activations to = at_row(bits, p, block, row);
        memset(to.wide, 0, (size_t)block_groups(bits) * sizeof *to.wide); /* also of groups that are not there */
        for (int64_t g = 0, at = block * BLOCK_INPUTS; g < block_groups(bits) && at < p->in; g++, at += group_size(bits)) {
            vf values[MOST_VECTORS];
            load_group(bits, p->in - at, x + at, factors + at, offset, values);
            take_group(bits, bits == 8 && p->all_wide, values, at_group(bits, to, g));
        }
    }
}

void KERNEL(quantized_take_row)(const struct quantized_product *p, const float *x, const float *factors, int64_t row)
{
    if (input_bits(p) == 4)
        take(4, p, x, factors, row);
    else
        take(8, p, x, factors, row);
}

/* ---- The product ---- */

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

/* Some pieces of a panel: for each step_count() steps of two vectors, and in 4 bits its scales and minimums. */
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

size_t KERNEL(quantized_vector_scratch)(void)
{
    return sizeof(struct scratch);
}

INLINE struct part part_at(int bits, bool packed, struct part part, int64_t piece)
{
    return packed ? (struct part){part.packed + piece * piece_bytes(bits), NULL, NULL}
                  : (struct part){NULL, part.steps + piece * step_count(bits) * 2, part.lines + piece};
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

INLINE struct part widen(int bits, const uint8_t *from, int64_t pieces, struct scratch *s)
{
    for (int64_t g = 0; bits == 4 && g < pieces; g++, from += PIECE_4_BYTES) {
        load_f16(from, s->lines[g][0]);
        load_f16(from + 2 * PANEL, s->lines[g][1]);
        widen_group_4(from + 4 * PANEL, s->steps + g * step_count(4) * 2);
    }
    for (int64_t v = 0; bits == 8 && !BYTES_8 && v < pieces * step_count(8) * 2; v++)
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

/* Fetches what is read a little later: from memory the processor's own prefetching gives half of what it can. */
INLINE void fetch_ahead(int bits, const void *piece)
{
    UNROLL for (int64_t i = 0; i < piece_bytes(bits); i += 64) __builtin_prefetch((const char *)piece + AHEAD + i, 0, 2);
}

/* Adds the products of a piece. */
INLINE void add_piece(int bits, int rows, bool packed, const int32_t *x, struct part part, vi (*sum)[2])
{
    const int steps = step_count(bits), half = steps / 2;
    if (rows <= 4 && (packed || (bits == 8 && BYTES_8)))
        fetch_ahead(bits, packed ? part.packed : (const void *)part.steps);
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
}

/* The products of a group's pieces with the words of some rows. */
INLINE void multiply_words(int bits, int rows, bool packed, const int32_t *words, const union group_sum *offsets,
                           int64_t pieces, struct part part, vi (*sum)[2])
{
    UNROLL for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (vi){0};
    for (int64_t i = 0; i < (bits == 4 ? 1 : pieces); i++)
        add_piece(bits, rows, packed, words + i * step_count(bits), part_at(bits, packed, part, i), sum);
    UNROLL for (int r = 0; r < rows; r++) for (int v = 0; v < 2; v++) sum[r][v] =
        whole_products(bits, in_bytes(bits) ? whole_sum(sum[r][v]) : sum[r][v], offsets[r * block_groups(bits)]);
}

INLINE void add_to_totals(int bits, int rows, bool wide, struct activations x, vi (*sum)[2], const float (*line)[PANEL],
                          float (*totals)[PANEL])
{
    UNROLL for (int r = 0; r < rows; r++)
    {
        int64_t at = r * block_groups(bits);
        float real = bits == 4 ? real_sum(wide, x, at) : 0;
        UNROLL for (int v = 0; v < 2; v++)
        {
            float *total = totals[r] + v * LANES;
            vf scales = bits == 4 ? load(line[0] + v * LANES) : (vf){0},
               minimums = bits == 4 ? load(line[1] + v * LANES) : (vf){0};
            store(total, with_group(bits, wide, load(total), sum[r][v], x.scales[at], real, scales, minimums));
        }
    }
}

/* Adds the products of `rows` rows, a constant, and a group to the rows' totals. */
INLINE void add_group(int bits, int rows, bool packed, bool wide, struct activations x, int64_t pieces, struct part part,
                      float (*totals)[PANEL])
{
    vi sum[TILE_ROWS][2], low[TILE_ROWS][2];
    float lines[2][PANEL];
    const float(*line)[PANEL] = packed ? (const float(*)[PANEL])lines : part.lines[0];
    if (packed && bits == 4) {
        load_f16(part.packed, lines[0]);
        load_f16(part.packed + 2 * PANEL, lines[1]);
    }
    multiply_words(bits, rows, packed, x.words, x.sums, pieces, part, sum);
    if (wide) {
        multiply_words(bits, rows, packed, x.low_words, x.low_sums, pieces, part, low);
        UNROLL for (int r = 0; r < rows; r++) for (int v = 0; v < 2; v++) sum[r][v] = wide_products(sum[r][v], low[r][v]);
    }
    add_to_totals(bits, rows, wide, x, sum, line, totals);
}

/* And some groups, whose last may not be whole. */
INLINE void add_groups(int bits, int rows, bool packed, bool wide, struct activations x, int64_t pieces, struct part part,
                       float (*totals)[PANEL])
{
    const int whole = group_pieces(bits);
    for (int64_t g = 0; g * whole < pieces; g++)
        add_group(bits, rows, packed, wide, at_group(bits, x, g), pieces - g * whole < whole ? pieces - g * whole : whole,
                  part_at(bits, packed, part, g * whole), totals);
}

INLINE void tile(int bits, int rows, bool packed, struct activations x, int64_t pieces, struct part part,
                 float (*totals)[PANEL])
{
    if (in_bytes(bits) && any_wide(bits, x, rows))
        add_groups(bits, rows, packed, true, x, pieces, part, totals);
    else
        add_groups(bits, rows, packed, false, x, pieces, part, totals);
}

typedef void tile_function(struct activations x, int64_t pieces, struct part part, float (*totals)[PANEL]);

#define DEFINE_TILE(BITS, ROWS)                                                                                                \
    static void tile_##BITS##x##ROWS(struct activations x, int64_t pieces, struct part part, float(*totals)[PANEL])            \
    {                                                                                                                          \
        if (part.packed)                                                                                                       \
            tile(BITS, ROWS, true, x, pieces, (struct part){part.packed, NULL, NULL}, totals);                                 \
        else                                                                                                                   \
            tile(BITS, ROWS, false, x, pieces, (struct part){NULL, part.steps, part.lines}, totals);                           \
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

/* Adds the products of a block's first pieces and of some rows to the totals. */
INLINE void add_part(int bits, const struct quantized_product *p, int64_t row, int64_t rows, int64_t block, int64_t pieces,
                     struct part part, float (*totals)[PANEL])
{
    const struct tile_size *sizes = tile_sizes[bits == 8];
    for (int64_t r = 0, size = 3; r < rows; r += sizes[size].rows) {
        while (sizes[size].rows > rows - r)
            size--;
        sizes[size].add(at_row(bits, p, block, row + r), pieces, part, totals + r);
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
    for (int64_t block = 0, left = piece_count(bits, p->in); left > 0; block++, left -= block_pieces(bits)) {
        int64_t pieces = left < block_pieces(bits) ? left : block_pieces(bits);
        struct part part = packed ? (struct part){data, NULL, NULL} : widen(bits, data, pieces, s);
        add_part(bits, p, row, rows, block, pieces, part, s->totals);
        data += pieces * piece_bytes(bits);
    }
    put_rows(p, row, rows, panel, bits == 8 ? (const float *)begin : NULL, s->totals);
}

void KERNEL(quantized_multiply_vectors)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel,
                                        void *scratch)
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
