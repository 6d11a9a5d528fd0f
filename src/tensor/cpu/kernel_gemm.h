/* The inner tiles of matrix products for one instruction set, on which kernel_gemm.c and kernel_attention.c are built. */
#ifndef LMVR_SRC_TENSOR_CPU_KERNEL_GEMM_H
#define LMVR_SRC_TENSOR_CPU_KERNEL_GEMM_H

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/names.h"
#include "tensor/cpu/vector.h"

#define PANEL  (2 * LANES) /* columns of a panel: two vectors */
#define UNROLL _Pragma("GCC unroll 16")

#if defined(__AVX512F__)
#define TILE_ROWS 12
#elif defined(__AVX2__)
#define TILE_ROWS 6
#else
#define TILE_ROWS 4
#endif

/* The height of the next tile when `rows` are left: one for which a tile exists, so that sums stay in registers. */
INLINE int tile_height(int64_t rows)
{
    if (rows >= TILE_ROWS)
        return TILE_ROWS;
    return rows >= 6 ? 6 : rows >= 4 ? 4 : (int)rows;
}

#if TILE_ROWS == 6
/* Two columns of each half: a0 b0 a1 b1 in every 128 bits, and likewise c and d, e and f, become a0 b0 c0 d0 e0 f0 a1 ... */
INLINE void store_columns(__m256 ab, __m256 cd, __m256 ef, float *low, float *high)
{
    __m256d x = (__m256d)ab, y = (__m256d)cd, z = (__m256d)ef;
    const __m256 parts[] = {(__m256)_mm256_unpacklo_pd(x, y), (__m256)_mm256_shuffle_pd(z, x, 10),
                            (__m256)_mm256_unpackhi_pd(y, z)};
    UNROLL for (int i = 0; i < 3; i++)
    {
        _mm_storeu_ps(low + 4 * i, _mm256_castps256_ps128(parts[i]));
        _mm_storeu_ps(high + 4 * i, _mm256_extractf128_ps(parts[i], 1));
    }
}

/* The first columns of six rows, in whole vectors; returns how many. */
INLINE int64_t pack_six(int64_t k, const float *a, int64_t lda, float scale, float *packed)
{
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES, a += LANES, packed += 6 * LANES) {
        __m256 row[6];
        UNROLL for (int r = 0; r < 6; r++) row[r] = (__m256)(load(a + r * lda) * scale);
        store_columns(_mm256_unpacklo_ps(row[0], row[1]), _mm256_unpacklo_ps(row[2], row[3]),
                      _mm256_unpacklo_ps(row[4], row[5]), packed, packed + 24);
        store_columns(_mm256_unpackhi_ps(row[0], row[1]), _mm256_unpackhi_ps(row[2], row[3]),
                      _mm256_unpackhi_ps(row[4], row[5]), packed + 12, packed + 36);
    }
    return i;
}
#endif

/* Copies `height` rows of a (.., k) to packed[k][height], times `scale`. */
INLINE void tile_pack(int height, int64_t k, const float *a, int64_t lda, float scale, float *packed)
{
    int64_t i = 0;
#if TILE_ROWS == 6
    if (height == 6)
        i = pack_six(k, a, lda, scale, packed);
#endif
    for (; i < k; i++)
        for (int r = 0; r < height; r++)
            packed[i * height + r] = a[r * lda + i] * scale;
}

/*
 * c (height, panels * PANEL) = or += packed (k, height)^T times b (k, panels * PANEL). One multiply-add per element and step of
 * k, in ascending order, which kernels.h promises.
 */
void KERNEL(tile)(int height, int64_t panels, int64_t k, const float *packed, struct panels b, int64_t first_panel,
                  int64_t first_row, float *c, int64_t ldc, bool add);

size_t KERNEL(gemm_scratch)(int64_t m, int64_t k);
void KERNEL(gemm)(const struct gemm *g, int64_t first_panel, int64_t last_panel, float *scratch);
size_t KERNEL(attention_scratch)(int64_t visible, int head_dim);
void KERNEL(attention)(const struct attention *a, float *scratch);
#if defined(__AVX512BF16__)
#endif

#endif
