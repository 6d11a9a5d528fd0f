/*
 * Attention of a few queries of one head (Vaswani et al. 2017, equation 1), in two passes: all scores of a query are computed
 * before its softmax, so that the result does not depend on how keys and queries are divided into blocks.
 */
#include "tensor/cpu/attention_rows.h"
#include "tensor/cpu/kernel_gemm.h"

/* Room for the scores, rounded up to whole panels, a packed tile of queries or probabilities, and a tile of the output. */
size_t KERNEL(attention_scratch)(int64_t visible, int head_dim)
{
    int64_t keys = round_up(visible, PANEL), columns = round_up(head_dim, PANEL);
    int64_t packed = keys > head_dim ? keys : head_dim;
    return (size_t)(ATTENTION_ROWS * keys + TILE_ROWS * packed + TILE_ROWS * columns);
}

static void weigh_values(const struct attention *a, int row, int height, const float *scores, int64_t stride, const float *sums,
                         float *packed, float *tile_out)
{
    int64_t columns = round_up(a->head_dim, PANEL), visible = visible_to(a, row + height - 1);
    tile_pack(height, visible, scores, stride, 1.0f, packed);
    KERNEL(tile)(height, columns / PANEL, visible, packed, a->values, 0, 0, tile_out, columns, false);
    divide(a, row, height, sums, tile_out, columns);
}

/* Multiplies `height` rows (count) by factors (count). */
static void multiply_columns(int height, int64_t count, const float *factors, float *rows, int64_t stride)
{
    for (int r = 0; r < height; r++)
        for (int64_t i = 0; i < count; i++)
            rows[r * stride + i] *= factors[i];
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
        if (a->key_scales)
            multiply_columns(height, end, a->key_scales, scores + row * stride, stride);
        for (int r = 0; r < height && a->bias; r++)
            add_bias(a, row + r, scores + (row + r) * stride);
        for (int r = 0; r < height; r++)
            sums[r] = softmax_row(scores + (row + r) * stride, visible_to(a, row + r), end);
        if (a->value_scales)
            multiply_columns(height, visible_to(a, row + height - 1), a->value_scales, scores + row * stride, stride);
        weigh_values(a, row, height, scores + row * stride, stride, sums, packed, tile_out);
    }
}
