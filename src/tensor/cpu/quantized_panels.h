/*
 * How weights and inputs lie for the kernels of products with weights in 8 or 4 bits, which are compiled once per instruction
 * set.
 *
 * Weights lie in panels of two vectors of columns, in steps of four bytes a column: `w` of a step is (PANEL, 4) bytes, which
 * meets four bytes of a row of the input. Where the processor multiplies no bytes, or only ones that overflow, a step is
 * (PANEL, 2) numbers of 16 bits.
 */
#ifndef LMVR_SRC_TENSOR_CPU_QUANTIZED_PANELS_H
#define LMVR_SRC_TENSOR_CPU_QUANTIZED_PANELS_H

#include "tensor/cpu/f16.h"
#include "tensor/cpu/kernel_quantized.h"
#include "tensor/cpu/names.h"
#include "tensor/cpu/vector.h"

#define PANEL (2 * LANES)

/* Checked code is not worth unrolling: it takes a minute and a half to compile. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

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

/* Weights lie in pieces, which are multiplied without a branch: in 4 bits a group, in 8 bits a part of one. */
#define PIECE_8        64
#define PIECE_4_BYTES  ((int64_t)PANEL * BLOCK_4_BYTES)
#define PIECE_8_BYTES  ((int64_t)PANEL * PIECE_8)
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

INLINE int piece_size(int bits)
{
    return bits == 8 ? PIECE_8 : GROUP_4;
}

INLINE int64_t piece_count(int bits, int64_t in)
{
    return (in + piece_size(bits) - 1) / piece_size(bits);
}

/* Of a whole group. */
INLINE int group_pieces(int bits)
{
    return group_size(bits) / piece_size(bits);
}

INLINE int64_t block_pieces(int bits)
{
    return BLOCK_INPUTS / piece_size(bits);
}

/* The steps of a piece. */
INLINE int step_count(int bits)
{
    return piece_size(bits) / per_step(bits);
}

INLINE int64_t piece_bytes(int bits)
{
    return bits == 4 ? PIECE_4_BYTES : PIECE_8_BYTES;
}

INLINE size_t panel_bytes(int bits, int64_t in)
{
    return (size_t)((bits == 8 ? SCALES_8_BYTES : 0) + piece_count(bits, in) * piece_bytes(bits));
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

/* The words of a row of the input in a block. */
INLINE int64_t block_words(int bits)
{
    return BLOCK_INPUTS / per_step(bits);
}

/* Rounds to the nearest integer; |x| below 2^22. */
INLINE vi rounded(vf x)
{
    const vf magic = splat(12582912.0f); /* 1.5 * 2^23 */
    return (vi)(x + magic) - (vi)magic;
}

/* What belongs to a row in a block. */
INLINE struct activations at_row(int bits, const struct quantized_product *p, int64_t block, int64_t row)
{
    int64_t place = block * p->all_rows + row, word = place * block_words(bits), group = place * block_groups(bits);
    const struct activations *x = &p->x;
    return (struct activations){x->words + word, x->low_words + word, x->scales + group,
                                x->sums + group, x->low_sums + group, x->wide + group};
}

/* And in a group of it. */
INLINE struct activations at_group(int bits, struct activations x, int64_t group)
{
    int64_t word = group * group_pieces(bits) * step_count(bits);
    return (struct activations){x.words + word, x.low_words + word, x.scales + group,
                                x.sums + group, x.low_sums + group, x.wide + group};
}

/* Whether a group of some rows is wide in a block. */
INLINE bool any_wide(int bits, struct activations x, int64_t rows)
{
    bool any = false;
    for (int64_t i = 0; i < rows * block_groups(bits); i++)
        any |= x.wide[i];
    return any;
}

INLINE vf to_floats(vi x)
{
    return __builtin_convertvector(x, vf);
}

/* Vector v of some f16. */
INLINE vf load_half_vector(const void *from, int v)
{
    const f16 *at = (const f16 *)from + v * LANES;
#if defined(__AVX512F__)
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)at));
#elif defined(__AVX2__)
    return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const void *)at));
#else
    vf x;
    for (int i = 0; i < LANES; i++)
        x[i] = f16_to_f32(at[i]);
    return x;
#endif
}

/* Two vectors of f16. */
INLINE void load_f16(const void *from, float *to)
{
    store(to, load_half_vector(from, 0));
    store(to + LANES, load_half_vector(from, 1));
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

/* As splat(), in one instruction: x - 0 is x, also where x is -0. */
INLINE vf repeated(float x)
{
    return x - (vf){0};
}

/* x * y + z, rounded once where the processor can. */
INLINE vf multiply_add(vf x, vf y, vf z)
{
#if defined(__AVX512F__)
    return (vf)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
#elif defined(__AVX2__)
    return (vf)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
#else
    return x * y + z;
#endif
}

/* The products of a group: of its bytes, and of its 256ths if it is wide. Rows of a tile that are not there may overflow. */
INLINE vi whole_products(int bits, vi sum, union group_sum offset)
{
    return bits == 8 && OFFSET_8 > 0 ? (vi)((vu)sum - ((vu){0} + (uint32_t)offset.whole)) : sum;
}

INLINE vi wide_products(vi products, vi low)
{
    return (vi)(((vu)products << 8) + (vu)low);
}

/* What the sums of a row's integers are multiplied by the minimums of weights in 4 bits as. */
INLINE float real_sum(bool wide, struct activations x, int64_t at)
{
    return wide ? x.sums[at].real + x.low_sums[at].real * 0x1p-8f : x.sums[at].real;
}

/* What the products of a group add to a vector of totals, whoever has multiplied. In a group that is not wide, but has been
 * multiplied with others that are, it is the same to the last bit. */
INLINE vf with_group(int bits, bool wide, vf total, vi products, float scale, float sum, vf line_scale, vf line_minimum)
{
    vf product = to_floats(products);
    if (wide)
        product *= 0x1p-8f;
    if (bits == 4)
        product = multiply_add(product, line_scale, repeated(sum) * line_minimum);
    return multiply_add(product, repeated(scale), total);
}

/* The totals of some columns, times those scales if there are any, become rows of c. */
INLINE void put_rows(const struct quantized_product *p, int64_t row, int64_t rows, int64_t panel, const float *scales,
                     float (*totals)[PANEL])
{
    int64_t column = panel * PANEL, columns = p->n - column < PANEL ? p->n - column : PANEL;
    for (int64_t r = 0; r < rows; r++) {
        float *c = p->c + (row + r) * p->ldc + column;
        for (int64_t i = 0; i < columns; i += LANES) {
            vf value = load(totals[r] + i);
            if (scales)
                value *= load(scales + i);
            if (p->offsets[row + r] != 0)
                value += repeated(p->offsets[row + r]) * load_part(p->sums + column + i, columns - i);
            if (p->bias)
                value += load_part(p->bias + column + i, columns - i);
            if (p->accumulate)
                value += load_part(c + i, columns - i);
            store_part(c + i, value, columns - i);
        }
    }
}

/* As in struct quantized_kernels; tiles multiply no fewer than LEAST_TILE_ROWS rows. */
void KERNEL(quantized_take_row)(const struct quantized_product *p, const float *x, const float *factors, int64_t row);
size_t KERNEL(quantized_vector_scratch)(void);
void KERNEL(quantized_multiply_vectors)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel,
                                        void *scratch);
#if defined(__AMX_INT8__) || defined(__AMXINT8__) /* as Clang 14 calls it */
#define LEAST_TILE_ROWS 8
size_t KERNEL(quantized_tile_scratch)(void);
void KERNEL(quantized_multiply_tiles)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel,
                                      void *scratch);
#endif

#endif
