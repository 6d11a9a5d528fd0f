#include "format/gguf_blocks.h"

#include "format/half.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GGUF files are little-endian, and values are read without swapping");

#define LARGE 256 /* elements of a K block */
#define SMALL 32  /* elements of the others */

static float half_at(const unsigned char *bytes)
{
    uint16_t half;
    float value;
    memcpy(&half, bytes, sizeof half);
    half_widen_f16(&half, 1, &value);
    return value;
}

/* ---- one element after another ---------------------------------------------------------------------------------------- */

static void widen_f32(const unsigned char *blocks, size_t count, float *out)
{
    memcpy(out, blocks, count * sizeof *out);
}

#define HALVES 128

static void widen_halves(const unsigned char *blocks, size_t count, float *out,
                         void (*widen)(const uint16_t *in, size_t count, float *out))
{
    uint16_t halves[HALVES];
    for (size_t i = 0; i < count; i += HALVES) {
        size_t n = count - i < HALVES ? count - i : HALVES;
        memcpy(halves, blocks + i * sizeof *halves, n * sizeof *halves);
        widen(halves, n, out + i);
    }
}

static void widen_f16(const unsigned char *blocks, size_t count, float *out)
{
    widen_halves(blocks, count, out, half_widen_f16);
}

static void widen_bf16(const unsigned char *blocks, size_t count, float *out)
{
    widen_halves(blocks, count, out, half_widen_bf16);
}

/* ---- blocks of 32: a scale, perhaps a least value, the fifth bits, then the lower halves' nibbles below the upper's --- */

static int nibble(const unsigned char *low, int i)
{
    return i < SMALL / 2 ? low[i] & 15 : low[i - SMALL / 2] >> 4;
}

static int fifth_bit(const unsigned char *high, int i)
{
    return (high[i / 8] >> i % 8 & 1) << 4;
}

static void q4_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < SMALL; i++)
        out[i] = scale * (float)(nibble(block + 2, i) - 8);
}

static void q4_1(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int i = 0; i < SMALL; i++) {
        float product = scale * (float)nibble(block + 4, i);
        out[i] = product + least;
    }
}

static void q5_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < SMALL; i++)
        out[i] = scale * (float)((nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16);
}

static void q5_1(const unsigned char *block, float *out)
{
    float scale = half_at(block), least = half_at(block + 2);
    for (int i = 0; i < SMALL; i++) {
        float product = scale * (float)(nibble(block + 8, i) | fifth_bit(block + 4, i));
        out[i] = product + least;
    }
}

static void q8_0(const unsigned char *block, float *out)
{
    float scale = half_at(block);
    for (int i = 0; i < SMALL; i++)
        out[i] = (float)(int8_t)block[2 + i] * scale;
}

static void iq4_nl(const unsigned char *block, float *out)
{
    static const int8_t levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    float scale = half_at(block);
    for (int i = 0; i < SMALL; i++)
        out[i] = scale * (float)levels[nibble(block + 2, i)];
}

/* ---- blocks of 256: scales and least values are themselves numbers of a few bits, times the block's own --------------- */

#define RUN 16 /* elements that have a scale of their own in blocks of 2, 3 and 6 bits */

/* Where the bits of neighboring elements lie: in neighboring bytes, all at the same place. */
struct bits {
    const unsigned char *bytes;
    int shift;
};

/* Elements of 2 bits from `first` on: each byte of 32 has those of four rows of 32, and two such groups make up the block. */
static struct bits pairs_of_bits(const unsigned char *bytes, int first)
{
    return (struct bits){bytes + first / 128 * 32 + first % 32, first % 128 / 32 * 2};
}

static void q2_k(const unsigned char *block, float *out)
{
    float scale = half_at(block + 80), least = half_at(block + 82);
    for (int run = 0; run < LARGE / RUN; run++) {
        float step = scale * (float)(block[run] & 15), below = least * (float)(block[run] >> 4);
        struct bits elements = pairs_of_bits(block + 16, run * RUN);
        for (int i = 0; i < RUN; i++) {
            float product = step * (float)(elements.bytes[i] >> elements.shift & 3);
            out[run * RUN + i] = product - below;
        }
    }
}

/* The third bits: each byte of 32 has those of eight rows of 32; the element is 4 less where its bit is 0. */
static void q3_k(const unsigned char *block, float *out)
{
    const unsigned char *scales = block + 96;
    float scale = half_at(block + 108);
    for (int run = 0; run < LARGE / RUN; run++) {
        int scaled = (scales[run % 8] >> run / 8 * 4 & 15) | (scales[8 + run % 4] >> run / 4 * 2 & 3) << 4;
        float step = scale * (float)(scaled - 32);
        const unsigned char *high = block + run * RUN % 32;
        struct bits low = pairs_of_bits(block + 32, run * RUN);
        for (int i = 0; i < RUN; i++) {
            int third = (high[i] >> run / 2 & 1) << 2;
            out[run * RUN + i] = step * (float)((low.bytes[i] >> low.shift & 3) + third - 4);
        }
    }
}

/* Eight scales and eight least values of 6 bits in 12 bytes. */
static void unpack_scales(const unsigned char *packed, int scales[8], int least[8])
{
    for (int i = 0; i < 4; i++) {
        scales[i] = packed[i] & 63;
        least[i] = packed[i + 4] & 63;
        scales[i + 4] = (packed[i + 8] & 15) | (packed[i] >> 2 & 48);
        least[i + 4] = packed[i + 8] >> 4 | (packed[i + 4] >> 2 & 48);
    }
}

/* Elements of 4 bits: each byte of 32 has those of two rows of 32. The fifth ones: each has those of eight; `high` is NULL
 * where there are none. */
static void q4_or_5_k(const unsigned char *block, const unsigned char *high, const unsigned char *low, float *out)
{
    int scales[8], leasts[8];
    float scale = half_at(block), least = half_at(block + 2);
    unpack_scales(block + 4, scales, leasts);
    for (int row = 0; row < LARGE / 32; row++) {
        float step = scale * (float)scales[row], below = least * (float)leasts[row];
        for (int i = 0; i < 32; i++) {
            int fifth = high ? (high[i] >> row & 1) << 4 : 0, rest = low[row / 2 * 32 + i] >> row % 2 * 4 & 15;
            float product = step * (float)(rest | fifth);
            out[row * 32 + i] = product - below;
        }
    }
}

static void q4_k(const unsigned char *block, float *out)
{
    q4_or_5_k(block, NULL, block + 16, out);
}

static void q5_k(const unsigned char *block, float *out)
{
    q4_or_5_k(block, block + 16, block + 48, out);
}

static void q6_k(const unsigned char *block, float *out)
{
    const unsigned char *scales = block + 192;
    float scale = half_at(block + 208);
    for (int run = 0; run < LARGE / RUN; run++) {
        int first = run * RUN;
        float step = scale * (float)(int8_t)scales[run];
        struct bits low = {block + first / 128 * 64 + first % 64, first % 128 / 64 * 4};
        struct bits high = pairs_of_bits(block + 128, first);
        for (int i = 0; i < RUN; i++) {
            int element = (low.bytes[i] >> low.shift & 15) | (high.bytes[i] >> high.shift & 3) << 4;
            out[first + i] = step * (float)(element - 32);
        }
    }
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

#define DEFINE_WIDEN(name, elements, size)                                                                                     \
    static void widen_##name(const unsigned char *blocks, size_t count, float *out)                                            \
    {                                                                                                                          \
        for (size_t i = 0; i < count; i++)                                                                                     \
            name(blocks + i * (size), out + i * (elements));                                                                   \
    }

DEFINE_WIDEN(q4_0, SMALL, 18)
DEFINE_WIDEN(q4_1, SMALL, 20)
DEFINE_WIDEN(q5_0, SMALL, 22)
DEFINE_WIDEN(q5_1, SMALL, 24)
DEFINE_WIDEN(q8_0, SMALL, 34)
DEFINE_WIDEN(iq4_nl, SMALL, 18)
DEFINE_WIDEN(q2_k, LARGE, 84)
DEFINE_WIDEN(q3_k, LARGE, 110)
DEFINE_WIDEN(q4_k, LARGE, 144)
DEFINE_WIDEN(q5_k, LARGE, 176)
DEFINE_WIDEN(q6_k, LARGE, 210)

/* ---- from floats ------------------------------------------------------------------------------------------------------ */

static void narrow_f32(const float *values, size_t count, unsigned char *blocks)
{
    memcpy(blocks, values, count * sizeof *values);
}

static void put_half(float value, unsigned char *bytes)
{
    uint16_t half;
    half_narrow_f16(&value, 1, &half);
    memcpy(bytes, &half, sizeof half);
}

static void narrow_f16(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++)
        put_half(values[i], blocks + i * sizeof(uint16_t));
}

static void narrow_bf16(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        half_narrow_bf16(&values[i], 1, &half);
        memcpy(blocks + i * sizeof half, &half, sizeof half);
    }
}

/* The first of the values that is as large as any, with its sign. */
static float largest(const float *values)
{
    float found = values[0];
    for (int i = 1; i < SMALL; i++)
        found = fabsf(values[i]) > fabsf(found) ? values[i] : found;
    return found;
}

/* Scales below the reciprocal of the largest float have none; the module's numbers are then no numbers, and 0 as integers. */
static float inverse(float scale)
{
    return scale == 0 ? 0 : 1 / scale;
}

static void make_q8_0(const float *values, unsigned char *block)
{
    float scale = fabsf(largest(values)) / 127, by = inverse(scale);
    put_half(scale, block);
    for (int i = 0; i < SMALL; i++) {
        float scaled = values[i] * by;
        block[2 + i] = (unsigned char)(isfinite(scaled) ? (int8_t)roundf(scaled) : 0);
    }
}

static unsigned level(float value, float by)
{
    float scaled = value * by + 8.5f;
    return !isfinite(scaled) ? 0 : scaled < 15 ? (unsigned)scaled : 15;
}

static void make_q4_0(const float *values, unsigned char *block)
{
    float scale = largest(values) / -8, by = inverse(scale);
    put_half(scale, block);
    for (int i = 0; i < SMALL / 2; i++)
        block[2 + i] = (unsigned char)(level(values[i], by) | level(values[i + SMALL / 2], by) << 4);
}

static void narrow_q8_0(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++)
        make_q8_0(values + i * SMALL, blocks + i * 34);
}

static void narrow_q4_0(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++)
        make_q4_0(values + i * SMALL, blocks + i * 18);
}

/* ---- as Q4_1 ---------------------------------------------------------------------------------------------------------- */

/* Its minimum is -8 times the scale. */
static void q4_0_to_q4_1(const unsigned char *block, unsigned char *out)
{
    put_half(-8 * half_at(block), out + 2);
    memcpy(out, block, 2);
    memcpy(out + 4, block + 2, SMALL / 2);
}

static void q4_1_to_q4_1(const unsigned char *block, unsigned char *out)
{
    memcpy(out, block, GGUF_Q4_1_BYTES);
}

static void q4_k_to_q4_1(const unsigned char *block, unsigned char *out)
{
    int scales[8], leasts[8];
    float scale = half_at(block), least = half_at(block + 2);
    unpack_scales(block + 4, scales, leasts);
    for (int row = 0; row < LARGE / SMALL; row++, out += GGUF_Q4_1_BYTES) {
        const unsigned char *elements = block + 16 + row / 2 * SMALL;
        int shift = row % 2 * 4;
        put_half(scale * (float)scales[row], out);
        put_half(-least * (float)leasts[row], out + 2);
        for (int i = 0; i < SMALL / 2; i++)
            out[4 + i] = (unsigned char)((elements[i] >> shift & 15) | (elements[i + SMALL / 2] >> shift & 15) << 4);
    }
}

/* ---- all types -------------------------------------------------------------------------------------------------------- */

static const struct gguf_type types[] = {
    [0] = {"F32", 1, 4, widen_f32, narrow_f32, NULL},
    [1] = {"F16", 1, 2, widen_f16, narrow_f16, NULL},
    [2] = {"Q4_0", SMALL, 18, widen_q4_0, narrow_q4_0, q4_0_to_q4_1},
    [3] = {"Q4_1", SMALL, 20, widen_q4_1, NULL, q4_1_to_q4_1},
    [6] = {"Q5_0", SMALL, 22, widen_q5_0, NULL, NULL},
    [7] = {"Q5_1", SMALL, 24, widen_q5_1, NULL, NULL},
    [8] = {"Q8_0", SMALL, 34, widen_q8_0, narrow_q8_0, NULL},
    [9] = {"Q8_1", SMALL, 40, NULL, NULL, NULL},
    [10] = {"Q2_K", LARGE, 84, widen_q2_k, NULL, NULL},
    [11] = {"Q3_K", LARGE, 110, widen_q3_k, NULL, NULL},
    [12] = {"Q4_K", LARGE, 144, widen_q4_k, NULL, q4_k_to_q4_1},
    [13] = {"Q5_K", LARGE, 176, widen_q5_k, NULL, NULL},
    [14] = {"Q6_K", LARGE, 210, widen_q6_k, NULL, NULL},
    [15] = {"Q8_K", LARGE, 292, NULL, NULL, NULL},
    [16] = {"IQ2_XXS", LARGE, 66, NULL, NULL, NULL},
    [17] = {"IQ2_XS", LARGE, 74, NULL, NULL, NULL},
    [18] = {"IQ3_XXS", LARGE, 98, NULL, NULL, NULL},
    [19] = {"IQ1_S", LARGE, 50, NULL, NULL, NULL},
    [20] = {"IQ4_NL", SMALL, 18, widen_iq4_nl, NULL, NULL},
    [21] = {"IQ3_S", LARGE, 110, NULL, NULL, NULL},
    [22] = {"IQ2_S", LARGE, 82, NULL, NULL, NULL},
    [23] = {"IQ4_XS", LARGE, 136, NULL, NULL, NULL},
    [24] = {"I8", 1, 1, NULL, NULL, NULL},
    [25] = {"I16", 1, 2, NULL, NULL, NULL},
    [26] = {"I32", 1, 4, NULL, NULL, NULL},
    [27] = {"I64", 1, 8, NULL, NULL, NULL},
    [28] = {"F64", 1, 8, NULL, NULL, NULL},
    [29] = {"IQ1_M", LARGE, 56, NULL, NULL, NULL},
    [30] = {"BF16", 1, 2, widen_bf16, narrow_bf16, NULL},
    [34] = {"TQ1_0", LARGE, 54, NULL, NULL, NULL},
    [35] = {"TQ2_0", LARGE, 66, NULL, NULL, NULL},
    [39] = {"MXFP4", SMALL, 17, NULL, NULL, NULL},
};

const struct gguf_type *gguf_type(uint32_t number)
{
    return number < sizeof types / sizeof *types && types[number].name ? &types[number] : NULL;
}

uint32_t gguf_type_number(const struct gguf_type *type)
{
    return (uint32_t)(type - types);
}
