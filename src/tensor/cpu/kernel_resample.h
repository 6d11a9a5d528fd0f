/* Kernels for preparing pictures: weighted sums of rows of bytes with Pillow's fixed-point weights, rounded to bytes; and
 * floats from bytes. */
#ifndef LMVR_SRC_TENSOR_CPU_KERNEL_RESAMPLE_H
#define LMVR_SRC_TENSOR_CPU_KERNEL_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weights are integers in units of 2^-22: 8 bits are left for the result, 2 for sums outside 0 to 1. */
#define WEIGHT_BITS (32 - 8 - 2)

/* Rows that are interleaved to be resampled together, along themselves. */
#define RESAMPLE_ROWS 32

/* Two weights, each in two parts for multiplications of 16 bits: high * 2^12 + low. */
#define WEIGHT_LOW_BITS 12
struct weight_pair {
    int16_t high[2], low[2];
};

static inline struct weight_pair weight_pair(int32_t first, int32_t second)
{
    const int32_t half = 1 << (WEIGHT_LOW_BITS - 1);
    struct weight_pair pair;
    pair.high[0] = (int16_t)((first + half) >> WEIGHT_LOW_BITS);
    pair.high[1] = (int16_t)((second + half) >> WEIGHT_LOW_BITS);
    pair.low[0] = (int16_t)(first - pair.high[0] * (1 << WEIGHT_LOW_BITS));
    pair.low[1] = (int16_t)(second - pair.high[1] * (1 << WEIGHT_LOW_BITS));
    return pair;
}

/* The sum of `taps` rows, `stride` bytes apart, each times its weight, and of the row `fill` times the first of fill_weight. */
struct weighted_sum {
    const uint8_t *rows;
    size_t stride;
    int taps;
    const struct weight_pair *weights; /* (taps + 1) / 2; of an odd number of taps the last weight is 0 */
    const uint8_t *fill;               /* NULL: none */
    struct weight_pair fill_weight;
};

/* The float for each byte of each channel, and, if `formula` is true, what gives the same: (scale[0] * byte + scale[1] * byte -
 * mean) / std, of which the outer product and the sum are rounded at once. */
struct levels {
    float table[3][256];
    bool formula;
    float scale[2], mean[3], std[3];
};

struct resample_kernels {
    /* The first n bytes of the sum, each rounded and limited to a byte. Only those bytes of the rows are read. */
    void (*weigh)(const struct weighted_sum *sum, size_t n, uint8_t *out);
    /* out (n, RESAMPLE_ROWS) = the transpose of rows of n bytes each; and back into the first `count` rows, `stride` apart. */
    void (*interleave)(const uint8_t *const rows[RESAMPLE_ROWS], size_t n, uint8_t *out);
    void (*separate)(const uint8_t *in, size_t n, int count, uint8_t *rows, size_t stride);
    /* Writes n RGB pixels into three planes, which begin at out, out + plane and out + 2 * plane. */
    void (*spread)(const struct levels *levels, const uint8_t *rgb, size_t n, float *out, size_t plane);
};

/* The best set for this processor; a constant. All compute the same bytes. */
const struct resample_kernels *resample_kernels_get(void);

extern const struct resample_kernels resample_kernels_generic, resample_kernels_avx2;

#endif
