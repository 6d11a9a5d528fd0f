#include "tensor/cpu/kernel_resample.h"

#include "tensor/cpu/names.h"

#include <stdbool.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* Bytes summed at a time. */
#define BLOCK 32
/* Bytes of a row that are interleaved at a time. */
#define PART 16

/* ---- one byte at a time ---------------------------------------------------------------------------------------------- */

static uint32_t weight_at(const struct weight_pair *pair, int i)
{
    return ((uint32_t)pair->high[i] << WEIGHT_LOW_BITS) + (uint32_t)pair->low[i];
}

static uint8_t to_byte(uint32_t sum)
{
    int32_t value = (int32_t)(sum + (1U << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Bytes `at` to `at` + n - 1 of the sum, at most BLOCK of them. */
static void weigh_few(const struct weighted_sum *sum, size_t at, size_t n, uint8_t *out)
{
    uint32_t totals[BLOCK] = {0}, weight = weight_at(&sum->fill_weight, 0);
    for (size_t i = 0; sum->fill && i < n; i++)
        totals[i] = weight * sum->fill[at + i];
    for (int t = 0; t < sum->taps; t++) {
        const uint8_t *row = sum->rows + t * sum->stride + at;
        weight = weight_at(&sum->weights[t / 2], t % 2);
        for (size_t i = 0; i < n; i++)
            totals[i] += weight * row[i];
    }
    for (size_t i = 0; i < n; i++)
        out[i] = to_byte(totals[i]);
}

/* ---- a block at a time ----------------------------------------------------------------------------------------------- */

#if defined(__AVX2__)

static inline __m256i load_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}

static inline __m256i broadcast(const int16_t weights[2])
{
    int32_t both;
    memcpy(&both, weights, sizeof both);
    return _mm256_set1_epi32(both);
}

/* Sums of the products with the high and low parts of weights. */
struct sums {
    __m256i high[2], low[2];
};

/* Adds two rows of bytes, which are interleaved, each times its weight of the pair. */
static inline __attribute__((always_inline)) void add_pair(struct sums *sums, __m256i bytes, const struct weight_pair *pair)
{
    const __m256i zero = _mm256_setzero_si256(), high = broadcast(pair->high), low = broadcast(pair->low);
    __m256i first = _mm256_unpacklo_epi8(bytes, zero), second = _mm256_unpackhi_epi8(bytes, zero);
    sums->high[0] = _mm256_add_epi32(sums->high[0], _mm256_madd_epi16(first, high));
    sums->low[0] = _mm256_add_epi32(sums->low[0], _mm256_madd_epi16(first, low));
    sums->high[1] = _mm256_add_epi32(sums->high[1], _mm256_madd_epi16(second, high));
    sums->low[1] = _mm256_add_epi32(sums->low[1], _mm256_madd_epi16(second, low));
}

static inline __attribute__((always_inline)) __m256i interleaved(__m256i a, __m256i b, bool upper)
{
    return upper ? _mm256_unpackhi_epi8(a, b) : _mm256_unpacklo_epi8(a, b);
}

static inline __m256i rounded(__m256i high, __m256i low)
{
    __m256i total = _mm256_add_epi32(_mm256_slli_epi32(high, WEIGHT_LOW_BITS), low);
    return _mm256_srai_epi32(_mm256_add_epi32(total, _mm256_set1_epi32(1 << (WEIGHT_BITS - 1))), WEIGHT_BITS);
}

/* The lower or upper eight bytes of each 16, as 16 bits, in turn: all 32 at once would take more registers than there are. */
static inline __attribute__((always_inline)) __m256i weigh_half(const struct weighted_sum *sum, size_t at, bool upper)
{
    const __m256i zero = _mm256_setzero_si256();
    struct sums sums = {{zero, zero}, {zero, zero}};
    const uint8_t *row = sum->rows + at;
    const struct weight_pair *pair = sum->weights;
    size_t stride = sum->stride;
    for (int t = sum->taps / 2; t > 0; t--, row += 2 * stride)
        add_pair(&sums, interleaved(load_bytes(row), load_bytes(row + stride), upper), pair++);
    if (sum->taps % 2 == 1)
        add_pair(&sums, interleaved(load_bytes(row), zero, upper), pair);
    if (sum->fill)
        add_pair(&sums, interleaved(load_bytes(sum->fill + at), zero, upper), &sum->fill_weight);
    return _mm256_packs_epi32(rounded(sums.high[0], sums.low[0]), rounded(sums.high[1], sums.low[1]));
}

/* Packing limits to a byte, and puts the bytes back into their order. */
static void weigh_block(const struct weighted_sum *sum, size_t at, uint8_t *out)
{
    __m256i lower = weigh_half(sum, at, false), upper = weigh_half(sum, at, true);
    _mm256_storeu_si256((void *)out, _mm256_packus_epi16(lower, upper));
}

#else

static void weigh_block(const struct weighted_sum *sum, size_t at, uint8_t *out)
{
    weigh_few(sum, at, BLOCK, out);
}

#endif

static void weigh(const struct weighted_sum *sum, size_t n, uint8_t *out)
{
    size_t tail = n % BLOCK;
    for (size_t i = 0; i < n - tail; i += BLOCK)
        weigh_block(sum, i, out + i);
    weigh_few(sum, n - tail, tail, out + n - tail);
}

/* ---- transposing ----------------------------------------------------------------------------------------------------- */

#if defined(__SSE2__)
#include <emmintrin.h>

/* A perfect shuffle of 256 bytes rotates their index by one bit, so that four of them exchange rows and columns. */
static inline void shuffle(const __m128i in[PART], __m128i out[PART])
{
#pragma GCC unroll 8
    for (int i = 0; i < PART / 2; i++) {
        out[2 * i] = _mm_unpacklo_epi8(in[i], in[i + PART / 2]);
        out[2 * i + 1] = _mm_unpackhi_epi8(in[i], in[i + PART / 2]);
    }
}

static inline void transpose(__m128i part[PART])
{
    __m128i other[PART];
    shuffle(part, other);
    shuffle(other, part);
    shuffle(part, other);
    shuffle(other, part);
}

/* PART bytes of PART rows each way; `in` and `out` are pointers to the rows' bytes. */
static void transpose_part(const uint8_t *const in[PART], uint8_t *const out[PART])
{
    __m128i part[PART];
#pragma GCC unroll 16
    for (int i = 0; i < PART; i++)
        part[i] = _mm_loadu_si128((const void *)in[i]);
    transpose(part);
#pragma GCC unroll 16
    for (int i = 0; i < PART; i++)
        _mm_storeu_si128((void *)out[i], part[i]);
}

#else

static void transpose_part(const uint8_t *const in[PART], uint8_t *const out[PART])
{
    for (int i = 0; i < PART; i++)
        for (int j = 0; j < PART; j++)
            out[j][i] = in[i][j];
}

#endif

static void interleave(const uint8_t *const rows[RESAMPLE_ROWS], size_t n, uint8_t *out)
{
    const uint8_t *in[PART];
    uint8_t *to[PART];
    size_t i, tail = n % PART;
    for (i = 0; i < n - tail; i += PART)
        for (int half = 0; half < RESAMPLE_ROWS; half += PART) {
            for (int r = 0; r < PART; r++) {
                in[r] = rows[half + r] + i;
                to[r] = out + (i + r) * RESAMPLE_ROWS + half;
            }
            transpose_part(in, to);
        }
    for (; i < n; i++)
        for (int r = 0; r < RESAMPLE_ROWS; r++)
            out[i * RESAMPLE_ROWS + r] = rows[r][i];
}

static void separate(const uint8_t *in, size_t n, int count, uint8_t *rows, size_t stride)
{
    const uint8_t *from[PART];
    uint8_t *out[PART], unused[PART];
    size_t i, tail = n % PART;
    for (i = 0; i < n - tail; i += PART)
        for (int half = 0; half < count; half += PART) {
            for (int r = 0; r < PART; r++) {
                from[r] = in + (i + r) * RESAMPLE_ROWS + half;
                out[r] = half + r < count ? rows + (half + r) * stride + i : unused;
            }
            transpose_part(from, out);
        }
    for (; i < n; i++)
        for (int r = 0; r < count; r++)
            rows[r * stride + i] = in[i * RESAMPLE_ROWS + r];
}

/* ---- floats ---------------------------------------------------------------------------------------------------------- */

static void spread_few(const struct levels *levels, const uint8_t *rgb, size_t n, float *out, size_t plane)
{
    for (size_t i = 0; i < n; i++, rgb += 3) {
        out[i] = levels->table[0][rgb[0]];
        out[i + plane] = levels->table[1][rgb[1]];
        out[i + 2 * plane] = levels->table[2][rgb[2]];
    }
}

#if defined(__AVX2__)

/* The first byte of each of four pixels in the lower half, and of four that begin four bytes later in the upper, as 32 bits. */
static inline __m256i pick(__m256i pixels, int channel)
{
    const __m256i red = _mm256_setr_epi8(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1, /* -1 makes 0 */
                                         4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1, 13, -1, -1, -1);
    return _mm256_shuffle_epi8(pixels, _mm256_add_epi32(red, _mm256_set1_epi32(channel)));
}

static inline __m256 level(const struct levels *levels, int channel, __m256i bytes)
{
    __m256 value = _mm256_cvtepi32_ps(bytes);
    value = _mm256_fmadd_ps(value, _mm256_set1_ps(levels->scale[0]), _mm256_mul_ps(value, _mm256_set1_ps(levels->scale[1])));
    return _mm256_div_ps(_mm256_sub_ps(value, _mm256_set1_ps(levels->mean[channel])), _mm256_set1_ps(levels->std[channel]));
}

static void spread(const struct levels *levels, const uint8_t *rgb, size_t n, float *out, size_t plane)
{
    size_t i, tail = levels->formula ? n % 8 : n;
    for (i = 0; i < n - tail; i += 8, rgb += 24) {
        __m128i lower = _mm_loadu_si128((const void *)rgb), upper = _mm_loadu_si128((const void *)(rgb + 8));
        __m256i pixels = _mm256_inserti128_si256(_mm256_castsi128_si256(lower), upper, 1);
#pragma GCC unroll 3
        for (int c = 0; c < 3; c++)
            _mm256_storeu_ps(out + i + c * plane, level(levels, c, pick(pixels, c)));
    }
    spread_few(levels, rgb, tail, out + i, plane);
}

#else

static void spread(const struct levels *levels, const uint8_t *rgb, size_t n, float *out, size_t plane)
{
    spread_few(levels, rgb, n, out, plane);
}

#endif

const struct resample_kernels KERNEL(resample_kernels) = {
    .weigh = weigh,
    .interleave = interleave,
    .separate = separate,
    .spread = spread,
};
