/* What the kernels of attention do with a row of scores, and with the weighted values that become a row of the output. */
#ifndef LMVR_SRC_TENSOR_CPU_ATTENTION_ROWS_H
#define LMVR_SRC_TENSOR_CPU_ATTENTION_ROWS_H

#include "tensor/cpu/kernel_gemm.h"

#include <math.h>

INLINE int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

INLINE int64_t visible_to(const struct attention *a, int row)
{
    return a->visible + (int64_t)row * a->step;
}

/* scores[0..visible) become exp(score - largest), scores[visible..end) become 0. Returns their sum. */
INLINE float softmax_row(float *scores, int64_t visible, int64_t end)
{
    int64_t i, tail = visible % LANES;
    vf most = splat(-INFINITY);
    for (i = 0; i < visible - tail; i += LANES)
        most = vmax(load(scores + i), most);
    float largest = max_lanes(most);
    for (; i < visible; i++)
        largest = scores[i] > largest ? scores[i] : largest;
    for (i = visible; i < end; i++)
        scores[i] = 0.0f;

    vf sum = splat(0.0f);
    for (i = 0; i < visible - tail; i += LANES) {
        vf e = vexp(load(scores + i) - largest);
        store(scores + i, e);
        sum += e;
    }
    if (tail) {
        vf e = vexp(load_part(scores + i, tail) - largest), kept = splat(0.0f);
        store_part(scores + i, e, tail);
        memcpy(&kept, &e, (size_t)tail * sizeof(float));
        sum += kept;
    }
    return sum_lanes(sum);
}

INLINE void add_bias(const struct attention *a, int row, float *scores)
{
    const float *bias = a->bias + row * a->bias_step;
    int64_t visible = visible_to(a, row);
    for (int64_t i = 0; i < visible; i++)
        scores[i] += bias[i];
}

/* Writes a tile of weighted values, each row divided by the sum of its weights. */
INLINE void divide(const struct attention *a, int row, int height, const float *sums, const float *tile_out, int64_t stride)
{
    for (int r = 0; r < height; r++)
        for (int j = 0; j < a->head_dim; j++)
            a->out[(row + r) * a->out_stride + j] = tile_out[r * stride + j] / sums[r];
}

#endif
