#include "format/half.h"

#include <string.h>

/* Values are converted in blocks of a fixed size, which GCC vectorizes at -O2 without a remainder loop. */
#define BLOCK 32

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The exponent of an f16 is biased by 15, that of an f32 by 127. Subnormals are normalized by an exact subtraction, so the
 * processor's denormals-are-zero mode makes no difference (Fabian Giesen, "half to float done quic"). */
static inline float widen_f16(uint16_t half)
{
    const uint32_t exponents = 0x1fu << 23;
    uint32_t magnitude = (half & 0x7fffu) << 13, exponent = magnitude & exponents;
    uint32_t is_special = -(uint32_t)(exponent == exponents), is_small = -(uint32_t)(exponent == 0); /* masks, no branches */
    uint32_t normal = magnitude + ((127u - 15u) << 23) + (is_special & (128u - 16u) << 23);
    uint32_t small = bits_of(from_bits(magnitude + (113u << 23)) - from_bits(113u << 23));
    return from_bits((normal & ~is_small) | (small & is_small) | (half & 0x8000u) << 16);
}

static inline float widen_bf16(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

#define DEFINE_WIDEN(name, widen)                                                                                              \
    static void name##_block(const uint16_t *restrict in, float *restrict out)                                                 \
    {                                                                                                                          \
        for (int i = 0; i < BLOCK; i++)                                                                                        \
            out[i] = widen(in[i]);                                                                                             \
    }                                                                                                                          \
    void name(const uint16_t *in, size_t count, float *out)                                                                    \
    {                                                                                                                          \
        size_t i = 0;                                                                                                          \
        for (; i + BLOCK <= count; i += BLOCK)                                                                                 \
            name##_block(in + i, out + i);                                                                                     \
        for (; i < count; i++)                                                                                                 \
            out[i] = widen(in[i]);                                                                                             \
    }

DEFINE_WIDEN(half_widen_f16, widen_f16)
DEFINE_WIDEN(half_widen_bf16, widen_bf16)

/* Adding the number whose last place is that of the result's rounds as the processor does; it is the least normal number's
 * where the result is subnormal. */
static uint16_t narrow_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= (127u + 16u) << 23) /* 65536 */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < (127u - 14u) << 23) {
        float shifted = from_bits(magnitude) + from_bits((127u - 1u) << 23); /* 0.5, whose last place is 2^-24 */
        return (uint16_t)(sign | (bits_of(shifted) - ((127u - 1u) << 23)));
    }
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | ((rounded >> 13) - ((127u - 15u) << 10)));
}

void half_narrow_f16(const float *in, size_t count, uint16_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = narrow_f16(in[i]);
}

static uint16_t narrow_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

void half_narrow_bf16(const float *in, size_t count, uint16_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = narrow_bf16(in[i]);
}

/* Infinities and NaN have an exponent of all ones: adding one to it carries into the sign bit. */
static uint32_t any_special(const float *values, size_t count)
{
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= (bits_of(values[i]) & 0x7fffffffu) + (1u << 23);
    return any >> 31;
}

bool half_all_finite(const float *values, size_t count)
{
    size_t i = 0;
    uint32_t any = 0;
    for (; i + BLOCK <= count && !any; i += BLOCK)
        any = any_special(values + i, BLOCK);
    return !any && !any_special(values + i, count - i);
}
