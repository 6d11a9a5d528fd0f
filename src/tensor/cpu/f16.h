/* IEEE binary16, in which the scales of weights in 4 bits are kept. */
#ifndef LMVR_SRC_TENSOR_CPU_F16_H
#define LMVR_SRC_TENSOR_CPU_F16_H

#include <stdint.h>
#include <string.h>

typedef uint16_t f16;

static inline float f16_to_f32(f16 h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff, bits;
    float f;
    if (rest < 0x400) { /* subnormal: a multiple of 2^-24 */
        f = (float)rest * 0x1p-24f;
        return sign ? -f : f;
    }
    bits = sign | (rest >= 0x7c00 ? 0x7f800000 | (rest & 0x3ff) << 13 : (rest << 13) + (112u << 23));
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Rounds to nearest, ties to even; NaN stays NaN. */
static inline f16 f16_from_f32(float f)
{
    uint32_t bits, rest;
    memcpy(&bits, &f, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (f16)(sign | 0x7e00);
    if (rest >= 0x47800000 - 0x800) /* 65520 and up */
        return (f16)(sign | 0x7c00);
    if (rest < 0x38800000) { /* below 2^-14: adding 1/2 leaves a multiple of 2^-24 in the last bits */
        float magnitude;
        memcpy(&magnitude, &rest, sizeof rest);
        magnitude += 0.5f;
        memcpy(&rest, &magnitude, sizeof rest);
        return (f16)(sign | (rest - 0x3f000000));
    }
    return (f16)(sign | (((rest + 0xfff + (rest >> 13 & 1)) >> 13) - (112u << 10)));
}

#endif
