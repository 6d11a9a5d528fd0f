#include "tensor/cpu/kernel_resample.h"

#include "tensor/cpu/names.h"

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

/* Sums of the products with the high and low parts of weights: of bytes 0 to 3, 4 to 7, 8 to 11, 12 to 15, each also + 16. */
struct sums {
    __m256i high[4], low[4];
};

static inline __m256i load_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}

/* Adds two rows of bytes, each times its weight of the pair. */
static inline __attribute__((always_inline)) void add_pair(struct sums *sums, __m256i a, __m256i b,
                                                           const struct weight_pair *pair)
{
    int32_t high, low;
    memcpy(&high, pair->high, sizeof high);
    memcpy(&low, pair->low, sizeof low);
    const __m256i zero = _mm256_setzero_si256(), h = _mm256_set1_epi32(high), l = _mm256_set1_epi32(low);
    __m256i first = _mm256_unpacklo_epi8(a, b), second = _mm256_unpackhi_epi8(a, b);
    __m256i pairs[4] = {_mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero),
                        _mm256_unpacklo_epi8(second, zero), _mm256_unpackhi_epi8(second, zero)};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        sums->high[i] = _mm256_add_epi32(sums->high[i], _mm256_madd_epi16(pairs[i], h));
        sums->low[i] = _mm256_add_epi32(sums->low[i], _mm256_madd_epi16(pairs[i], l));
    }
}

static inline __m256i rounded(const struct sums *sums, int i)
{
    __m256i total = _mm256_add_epi32(_mm256_slli_epi32(sums->high[i], WEIGHT_LOW_BITS), sums->low[i]);
    return _mm256_srai_epi32(_mm256_add_epi32(total, _mm256_set1_epi32(1 << (WEIGHT_BITS - 1))), WEIGHT_BITS);
}

static void weigh_block(const struct weighted_sum *sum, size_t at, uint8_t *out)
{
    struct sums sums;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        sums.high[i] = sums.low[i] = _mm256_setzero_si256();
    const uint8_t *row = sum->rows + at;
    const struct weight_pair *pair = sum->weights;
    for (int t = 1; t < sum->taps; t += 2, row += 2 * sum->stride)
        add_pair(&sums, load_bytes(row), load_bytes(row + sum->stride), pair++);
    if (sum->taps % 2 == 1)
        add_pair(&sums, load_bytes(row), _mm256_setzero_si256(), pair);
    if (sum->fill)
        add_pair(&sums, load_bytes(sum->fill + at), _mm256_setzero_si256(), &sum->fill_weight);
    /* packing limits to a byte, and puts the bytes back into their order */
    __m256i first = _mm256_packs_epi32(rounded(&sums, 0), rounded(&sums, 1));
    __m256i second = _mm256_packs_epi32(rounded(&sums, 2), rounded(&sums, 3));
    _mm256_storeu_si256((void *)out, _mm256_packus_epi16(first, second));
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

const struct resample_kernels KERNEL(resample_kernels) = {.weigh = weigh, .interleave = interleave, .separate = separate};
