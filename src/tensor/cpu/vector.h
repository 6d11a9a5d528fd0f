/* Vectors of floats, as wide as the instruction set that this file is compiled for, by the compiler's vector extensions. */
#ifndef LMVR_SRC_TENSOR_CPU_VECTOR_H
#define LMVR_SRC_TENSOR_CPU_VECTOR_H

#include "tensor/dtype.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
typedef uint16_t vh __attribute__((vector_size(LANES * 2)));
typedef int8_t vb_unaligned __attribute__((vector_size(LANES), aligned(1), may_alias));
typedef float vf_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint16_t vh_unaligned __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline, unused))

INLINE vf splat(float x)
{
    return (vf){0} + x;
}

INLINE vf load(const float *p)
{
    return *(const vf_unaligned *)p;
}

INLINE void store(float *p, vf x)
{
    *(vf_unaligned *)p = x;
}

/* Intrinsics, as the compiler's own widening of 16-bit lanes takes five instructions instead of one. */
INLINE vf load_bf16(const bf16 *p)
{
#if defined(__AVX512F__)
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)), 16);
#elif defined(__AVX2__)
    return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)), 16);
#else
    return (vf)(__builtin_convertvector(*(const vh_unaligned *)p, vu) << 16);
#endif
}

INLINE vf load_int8(const int8_t *p)
{
#if defined(__AVX512F__)
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p)));
#elif defined(__AVX2__)
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p)));
#else
    return __builtin_convertvector(*(const vb_unaligned *)p, vf);
#endif
}

/* Loads the first `n` lanes, or all if there are more; the others are 0. */
INLINE vf load_part(const float *p, int64_t n)
{
    if (n >= LANES)
        return load(p);
    vf x = {0};
#if defined(__AVX512F__)
    x = (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    memcpy(&x, p, (size_t)n * sizeof *p);
#endif
    return x;
}

INLINE void store_part(float *p, vf x, int64_t n)
{
    if (n >= LANES)
        store(p, x);
    else
#if defined(__AVX512F__)
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#else
        memcpy(p, &x, (size_t)n * sizeof *p);
#endif
}

/* Lanes of `yes` where `mask` is all ones, of `no` where it is 0. */
INLINE vf blend(vi mask, vf yes, vf no)
{
#if defined(__AVX2__) && !defined(__AVX512F__)
    return (vf)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
#endif
}

/* a > b ? a : b, also of NaNs, which is what the instruction does. */
INLINE vf vmax(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return blend(a > b, a, b);
#endif
}

INLINE vf vmin(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return blend(a < b, a, b);
#endif
}

/* Adds lanes in pairs, always in the same tree. */
INLINE float sum_lanes(vf x)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x);
#else
    float lane[LANES];
    memcpy(lane, &x, sizeof x);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
#endif
}

INLINE float max_lanes(vf x)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)x);
#else
    float lane[LANES], most;
    memcpy(lane, &x, sizeof x);
    most = lane[0];
    for (int i = 1; i < LANES; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
#endif
}

/* e^x to about 1 ulp: x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, times 2^n. 0 below the
 * smallest normal number, infinity above the largest. */
INLINE vf vexp(vf x)
{
    const vf magic = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    vf clamped = vmin(vmax(x, splat(-88.0f)), splat(89.0f));
    vf n = clamped * 1.44269504f + magic;
    vi bits = (vi)n << 23;
    n -= magic;
    vf r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
    vf p = splat(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    vf y = (vf)((vi)p + bits);
    y = blend(x < splat(-87.33f), splat(0.0f), y);
    return blend(x > splat(88.72f), splat(__builtin_inff()), blend(x == x, y, x));
}

#endif
