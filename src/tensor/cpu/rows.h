/* Sums over a row of any length. */
#ifndef LMVR_SRC_TENSOR_CPU_ROWS_H
#define LMVR_SRC_TENSOR_CPU_ROWS_H

#include "tensor/cpu/vector.h"

INLINE float sum_row(int64_t n, const float *x)
{
    vf sum = splat(0.0f);
    int64_t i, tail = n % LANES;
    for (i = 0; i < n - tail; i += LANES)
        sum += load(x + i);
    sum += load_part(x + i, tail);
    return sum_lanes(sum);
}

/* The sum of (x - mean)^2. */
INLINE float sum_squares(int64_t n, const float *x, float mean)
{
    vf sum = splat(0.0f);
    int64_t i, tail = n % LANES;
    for (i = 0; i < n - tail; i += LANES) {
        vf d = load(x + i) - mean;
        sum += d * d;
    }
    float total = sum_lanes(sum);
    for (; i < n; i++)
        total += (x[i] - mean) * (x[i] - mean);
    return total;
}

#endif
