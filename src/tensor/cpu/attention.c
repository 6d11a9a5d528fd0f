/*
 * Attention of a few queries of one head (Vaswani et al. 2017, equation 1): all scores of a query are computed before its
 * softmax, in two passes, so that nothing depends on how keys or queries are cut into blocks.
 */
#include "tensor/cpu/gemm.h"

#include <math.h>

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static int64_t visible_to(const struct attention *a, int row)
{
    return a->visible + (int64_t)row * a->step;
}

/* Scores, rounded up to whole panels; a packed tile of queries or of probabilities; a tile of the output. */
size_t KERNEL(attention_scratch)(int64_t visible, int head_dim)
{
    int64_t keys = round_up(visible, PANEL), columns = round_up(head_dim, PANEL);
    int64_t packed = keys > head_dim ? keys : head_dim;
    return (size_t)(ATTENTION_ROWS * keys + TILE_ROWS * packed + TILE_ROWS * columns);
}

/* scores[0..visible) become exp(score - largest); what lies between there and `end` becomes 0. Returns their sum. */
static float softmax_row(float *scores, int64_t visible, int64_t end)
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

static void add_bias(const struct attention *a, int row, float *scores)
{
    const float *bias = a->bias + row * a->bias_step;
    int64_t visible = visible_to(a, row);
    for (int64_t i = 0; i < visible; i++)
        scores[i] += bias[i];
}

static void weigh_values(const struct attention *a, int row, int height, const float *scores, int64_t stride, const float *sums,
                         float *packed, float *tile_out)
{
    int64_t columns = round_up(a->head_dim, PANEL), visible = visible_to(a, row + height - 1);
    tile_pack(height, visible, scores, stride, 1.0f, packed);
    KERNEL(tile)(height, columns / PANEL, visible, packed, a->values, 0, 0, tile_out, columns, false);
    for (int r = 0; r < height; r++)
        for (int j = 0; j < a->head_dim; j++)
            a->out[(row + r) * a->out_stride + j] = tile_out[r * columns + j] / sums[r];
}

void KERNEL(attention)(const struct attention *a, float *scratch)
{
    int64_t most = visible_to(a, a->rows - 1), stride = round_up(most, PANEL);
    float *scores = scratch, *packed = scores + ATTENTION_ROWS * stride;
    float *tile_out = packed + TILE_ROWS * (stride > a->head_dim ? stride : a->head_dim);
    for (int row = 0; row < a->rows; row += tile_height(a->rows - row)) {
        int height = tile_height(a->rows - row);
        int64_t end = round_up(visible_to(a, row + height - 1), PANEL);
        tile_pack(height, a->head_dim, a->q + row * a->q_stride, a->q_stride, a->scale, packed);
        KERNEL(tile)(height, end / PANEL, a->head_dim, packed, a->keys, 0, 0, scores + row * stride, stride, false);
        float sums[TILE_ROWS];
        for (int r = 0; r < height && a->bias; r++)
            add_bias(a, row + r, scores + (row + r) * stride);
        for (int r = 0; r < height; r++)
            sums[r] = softmax_row(scores + (row + r) * stride, visible_to(a, row + r), end);
        weigh_values(a, row, height, scores + row * stride, stride, sums, packed, tile_out);
    }
}
