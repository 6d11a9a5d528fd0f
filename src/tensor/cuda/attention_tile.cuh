/*
 * The arithmetic of a tile of keys, by one warp for TILES times 16 rows, in the layout of multiply_16816()'s d: with
 * g = lane / 4 and t = lane % 4, x[n][0] and x[n][1] are row g, columns 8n + 2t and 8n + 2t + 1; x[n][2] and x[n][3] are row
 * g + 8. What is done to a row's numbers, and in which order, does not depend on TILES.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_ATTENTION_TILE_CUH
#define LMVR_SRC_TENSOR_CUDA_ATTENTION_TILE_CUH

#include "tensor/cuda/attention.h"

/* Of matrices in shared memory, whose rows have D elements: from row to row, so that ldmatrix, or lanes that read two rows
 * further each, meet no bank twice. */
template <typename T, int D> struct pitch_of;
template <int D> struct pitch_of<bf16, D> {
    static const int value = D + 8;
};
template <int D> struct pitch_of<float, D> {
    static const int value = D + 4;
};

__device__ inline int lane_row(void)
{
    return threadIdx.x % WARP / 4;
}
__device__ inline int lane_column(void)
{
    return threadIdx.x % 4 * 2;
}

/* ---- partial results ---------------------------------------------------------------------------------------------------- */

__device__ inline float joined(float values, float keep, float tile, float add)
{
    return fmaf(values, keep, __fmul_rn(tile, add));
}

/* The factor of a row's values at the end. */
__device__ inline float share(const struct attention_seen *all)
{
    return all->sum == 0.0f ? 0.0f : 1.0f / all->sum;
}
/* Adding 0 makes -0 the same as 0: joining tiles of which a row sees nothing does that too. */
__device__ inline float shared(float values, float factor)
{
    return fmaf(values, factor, 0.0f);
}

/* ---- scores ------------------------------------------------------------------------------------------------------------- */

/* s = q (TILES * 16, D) times the transpose of k (keys, D). */
template <int D, int TILES> __device__ inline void score(float s[TILES][8][4], const bf16 *q, const bf16 *k, int)
{
    const int pitch = pitch_of<bf16, D>::value;
#pragma unroll
    for (int d = 0; d < D; d += 16) {
        uint32_t a[TILES][4];
#pragma unroll
        for (int m = 0; m < TILES; m++)
            load_a(a[m], q + m * 16 * pitch + d, pitch);
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
            uint32_t r[4];
            load_b_turned(r, k + n * 8 * pitch + d, pitch);
#pragma unroll
            for (int m = 0; m < TILES; m++) {
                multiply_16816(s[m][n], a[m], r);
                multiply_16816(s[m][n + 1], a[m], r + 2);
            }
        }
    }
}

__device__ inline void multiply_add(float *sum, const float4 &x, const float4 &y)
{
    *sum = fmaf(x.x, y.x, *sum);
    *sum = fmaf(x.y, y.y, *sum);
    *sum = fmaf(x.z, y.z, *sum);
    *sum = fmaf(x.w, y.w, *sum);
}

template <int D, int TILES> __device__ inline void score(float s[TILES][4][4], const float *q, const float *k, int head_dim)
{
    const int pitch = pitch_of<float, D>::value;
    q += lane_row() * pitch;
    k += lane_column() * pitch;
#pragma unroll 2
    for (int d = 0; d < head_dim; d += 4) {
        float4 a[TILES][2];
#pragma unroll
        for (int m = 0; m < TILES * 2; m++)
            a[m / 2][m % 2] = *(const float4 *)(q + m * 8 * pitch + d);
#pragma unroll
        for (int n = 0; n < 8; n++) {
            float4 b = *(const float4 *)(k + (n / 2 * 8 + n % 2) * pitch + d);
#pragma unroll
            for (int m = 0; m < TILES * 2; m++)
                multiply_add(&s[m / 2][n / 2][m % 2 * 2 + n % 2], a[m / 2][m % 2], b);
        }
    }
}

/* ---- softmax ------------------------------------------------------------------------------------------------------------ */

/* -INFINITY takes the place of products with keys that a lane's two rows do not see: those from `visible` on. */
template <int BLOCKS> __device__ inline void hide_keys(float s[BLOCKS][4], const int visible[2])
{
#pragma unroll
    for (int i = 0; i < BLOCKS * 4; i++)
        if (i / 4 * 8 + lane_column() + i % 2 >= visible[i / 2 % 2])
            s[i / 4][i % 4] = -INFINITY;
}

/* Products become exponents of 2, to which a bias, of each row from the tile's first key on, is added. */
template <int BLOCKS>
__device__ inline void add_bias(float s[BLOCKS][4], const int visible[2], float scale, const float *const bias[2])
{
#pragma unroll
    for (int i = 0; i < BLOCKS * 4; i++) {
        int key = i / 4 * 8 + lane_column() + i % 2, row = i / 2 % 2;
        float *x = &s[i / 4][i % 4], add = key < visible[row] ? bias[row][key] : 0.0f;
        *x = fmaf(add, LOG2_E, __fmul_rn(*x, scale));
    }
}

__device__ inline float quad_max(float x)
{
    x = fmaxf(x, __shfl_xor_sync(EVERY_LANE, x, 1));
    return fmaxf(x, __shfl_xor_sync(EVERY_LANE, x, 2));
}
__device__ inline float quad_sum(float x)
{
    x += __shfl_xor_sync(EVERY_LANE, x, 1);
    return x + __shfl_xor_sync(EVERY_LANE, x, 2);
}

/* Numbers that, times `scale`, are exponents of 2 become powers relative to a row's largest. */
template <int BLOCKS> __device__ inline void soften(float s[BLOCKS][4], float scale, struct attention_seen tile[2])
{
#pragma unroll
    for (int r = 0; r < 2; r++) {
        float most = -INFINITY, sum = 0;
#pragma unroll
        for (int n = 0; n < BLOCKS; n++)
            most = fmaxf(most, fmaxf(s[n][2 * r], s[n][2 * r + 1]));
        most = __fmul_rn(quad_max(most), scale);
        float reference = reference_of(most);
#pragma unroll
        for (int n = 0; n < BLOCKS; n++) {
            s[n][2 * r] = exp2_fast(fmaf(s[n][2 * r], scale, -reference));
            s[n][2 * r + 1] = exp2_fast(fmaf(s[n][2 * r + 1], scale, -reference));
            sum += s[n][2 * r];
            sum += s[n][2 * r + 1];
        }
        tile[r].most = most;
        tile[r].sum = quad_sum(sum);
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------------- */

/* Exponentials as what weighs values: in bf16 they are operands of the tensor cores, in f32 they lie in shared memory. */
template <typename T, int TILES> struct weights;

template <int TILES> struct weights<bf16, TILES> {
    uint32_t a[TILES][4][4];
};
template <int TILES> __device__ inline void keep_weights(struct weights<bf16, TILES> *w, const float s[TILES][8][4], float *)
{
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
        for (int n = 0; n < 8; n++) {
            w->a[m][n / 2][n % 2 * 2] = pack_bf16(s[m][n][0], s[m][n][1]);
            w->a[m][n / 2][n % 2 * 2 + 1] = pack_bf16(s[m][n][2], s[m][n][3]);
        }
}

#define WEIGHTS_PITCH 36
template <int TILES> struct weights<float, TILES> {
    const float *rows; /* (TILES * 16, 32), of the lane's first row on */
};
template <int TILES>
__device__ inline void keep_weights(struct weights<float, TILES> *w, const float s[TILES][4][4], float *room)
{
    room += lane_row() * WEIGHTS_PITCH;
#pragma unroll
    for (int m = 0; m < TILES * 2; m++)
#pragma unroll
        for (int n = 0; n < 4; n++)
            *(float2 *)(room + m * 8 * WEIGHTS_PITCH + n * 8 + lane_column()) =
                make_float2(s[m / 2][n][m % 2 * 2], s[m / 2][n][m % 2 * 2 + 1]);
    w->rows = room;
    __syncwarp();
}

/* o = weights times 16 columns of values, whose rows are D elements. */
template <int D, int TILES>
__device__ inline void weigh(float o[TILES][2][4], const struct weights<bf16, TILES> &w, const bf16 *values)
{
    const int pitch = pitch_of<bf16, D>::value;
#pragma unroll
    for (int k = 0; k < 4; k++) {
        uint32_t r[4];
        load_b(r, values + k * 16 * pitch, pitch);
#pragma unroll
        for (int m = 0; m < TILES; m++) {
            multiply_16816(o[m][0], w.a[m][k], r);
            multiply_16816(o[m][1], w.a[m][k], r + 2);
        }
    }
}

__device__ inline float part_of(const float4 &x, int i)
{
    return i == 0 ? x.x : i == 1 ? x.y : i == 2 ? x.z : x.w;
}

template <int D, int TILES>
__device__ inline void weigh(float o[TILES][2][4], const struct weights<float, TILES> &w, const float *values)
{
    const int pitch = pitch_of<float, D>::value;
    values += lane_column();
#pragma unroll 2
    for (int k = 0; k < 32; k += 4) {
        float4 a[TILES * 2];
#pragma unroll
        for (int m = 0; m < TILES * 2; m++)
            a[m] = *(const float4 *)(w.rows + m * 8 * WEIGHTS_PITCH + k);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            float2 b = *(const float2 *)(values + (k + i / 2) * pitch + i % 2 * 8);
#pragma unroll
            for (int m = 0; m < TILES * 2; m++) {
                float *sum = &o[m / 2][i % 2][m % 2 * 2], weight = part_of(a[m], i / 2);
                sum[0] = fmaf(weight, b.x, sum[0]);
                sum[1] = fmaf(weight, b.y, sum[1]);
            }
        }
    }
}

#endif
