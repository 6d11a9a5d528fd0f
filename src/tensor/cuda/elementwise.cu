/* Norms, activations and conversions. Each is one pass over memory; what a norm reads again is in the cache. */
#include "tensor/cuda/kernels.h"

#include "tensor/cuda/pieces.h"

/* ---- norms -------------------------------------------------------------------------------------------------------------- */

#define QUAD   4    /* elements that a thread takes together */
#define NARROW 1024 /* up to this width, a warp has a row; beyond it, a block */

/* Sums over the `threads` threads that have the row; every one receives the sum. `sums` is for the warps of a block. */
template <int THREADS> __device__ inline float sum_threads(float x, float *sums)
{
    x = warp_sum(x);
    if (THREADS == WARP)
        return x;
    int lane = (int)threadIdx.x % WARP;
    if (lane == 0)
        sums[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_sum(lane < THREADS / WARP ? sums[lane] : 0.0f);
}

/* The sum of (x - mean)^power over the row, power being 1 or 2. */
template <int THREADS, int power>
__device__ inline float sum_row(const float *x, int64_t width, bool whole, float mean, float *sums)
{
    float sum = 0;
#pragma unroll 4
    for (int64_t at = (int64_t)threadIdx.x * QUAD; at < width; at += THREADS * QUAD) {
        float v[QUAD];
        load_piece<QUAD>(x, at, width, whole, v);
        for (int i = 0; i < QUAD; i++) {
            float d = at + i < width ? v[i] - mean : 0.0f;
            v[i] = power == 1 ? d : d * d;
        }
        sum += (v[0] + v[1]) + (v[2] + v[3]);
    }
    return sum_threads<THREADS>(sum, sums);
}

template <int THREADS, class T>
__global__ static void __launch_bounds__(BLOCK)
    norm_kernel(struct cuda_norm norm, int64_t rows, int64_t width, bool whole, const float *x, T *y)
{
    SHARED_ARRAY(float, sums, [2][WARP]);
    int64_t row = row_of_thread();
    if (row >= rows) /* a whole warp of them */
        return;
    x += row * width;
    y += row * width;
    float mean = norm.rms ? 0.0f : sum_row<THREADS, 1>(x, width, whole, 0.0f, sums[0]) / (float)width;
    float scale = 1.0f / sqrtf(sum_row<THREADS, 2>(x, width, whole, mean, sums[1]) / (float)width + norm.eps);
#pragma unroll 4
    for (int64_t at = (int64_t)threadIdx.x * QUAD; at < width; at += THREADS * QUAD) {
        float v[QUAD], weight[QUAD], bias[QUAD] = {0};
        load_piece<QUAD>(x, at, width, whole, v);
        load_piece<QUAD>(norm.weight, at, width, whole, weight);
        if (!norm.rms)
            load_piece<QUAD>(norm.bias, at, width, whole, bias);
        for (int i = 0; i < QUAD; i++)
            v[i] = (v[i] - mean) * scale * weight[i] + bias[i];
        store_piece<QUAD>(y, at, width, whole, v);
    }
}

template <class T>
static void norm_rows(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x, T *y)
{
    bool whole = are_whole<QUAD>(x, width, width) && are_whole<QUAD>(y, width, width) &&
                 are_whole<QUAD>(norm->weight, width, width) && (norm->rms || are_whole<QUAD>(norm->bias, width, width));
    unsigned down = BLOCK / WARP;
    if (width <= NARROW)
        LAUNCH((norm_kernel<WARP, T>), (unsigned)((rows + down - 1) / down), dim3(WARP, down), 0, stream, *norm, rows, width,
               whole, x, y);
    else
        LAUNCH((norm_kernel<BLOCK, T>), (unsigned)rows, dim3(BLOCK), 0, stream, *norm, rows, width, whole, x, y);
}

void cuda_norm(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x, enum dtype dtype,
               void *y)
{
    if (rows == 0)
        return;
    if (dtype == F32)
        norm_rows(stream, norm, rows, width, x, (float *)y);
    else
        norm_rows(stream, norm, rows, width, x, (bf16 *)y);
}

/* ---- activations -------------------------------------------------------------------------------------------------------- */

__device__ inline float sigmoid(float x)
{
    return __fdividef(1.0f, 1.0f + expf(-x));
}

__device__ inline float gelu(float x)
{
    return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

/* tanh(u) = 2 sigmoid(2 u) - 1, so 1 + tanh(u) = 2 sigmoid(2 u). */
__device__ inline float gelu_tanh(float x)
{
    return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

/* v = activation(v) * up. */
template <int N> __device__ inline void activate(enum activation activation, float v[N], const float up[N])
{
#define EACH(value)                                                                                                            \
    for (int i = 0; i < N; i++)                                                                                                \
    v[i] = (value)*up[i]
    switch (activation) {
    case ACTIVATION_GELU:
        EACH(gelu(v[i]));
        break;
    case ACTIVATION_QUICK_GELU:
        EACH(v[i] * sigmoid(1.702f * v[i]));
        break;
    case ACTIVATION_GELU_TANH:
        EACH(gelu_tanh(v[i]));
        break;
    case ACTIVATION_SILU:
        EACH(v[i] * sigmoid(v[i]));
        break;
    case ACTIVATION_RELU:
        EACH(v[i] < 0.0f ? 0.0f : v[i]); /* NaN stays */
        break;
    }
#undef EACH
}

template <class T>
__global__ static void __launch_bounds__(BLOCK) activate_kernel(enum activation activation, int64_t count, bool aligned, T *x)
{
    const int N = PIECE_OF(T);
    int64_t at = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) * N;
    if (at >= count)
        return;
    bool whole = aligned && at + N <= count;
    float v[N], ones[N];
    for (int i = 0; i < N; i++)
        ones[i] = 1.0f;
    load_piece<N>(x, at, count, whole, v);
    activate<N>(activation, v, ones);
    store_piece<N>(x, at, count, whole, v);
}

/* Blocks that have a thread for each piece of so many elements. */
static unsigned blocks_of(int64_t count, int piece)
{
    int64_t each = (int64_t)BLOCK * piece;
    return (unsigned)((count + each - 1) / each);
}

template <class T> static void activate_all(cuda_stream stream, enum activation activation, int64_t count, T *x)
{
    const int N = PIECE_OF(T);
    LAUNCH(activate_kernel<T>, blocks_of(count, N), BLOCK, 0, stream, activation, count, are_whole<N>(x, 0, 0), x);
}

void cuda_activate(cuda_stream stream, enum activation activation, int64_t count, enum dtype dtype, void *x)
{
    if (count == 0)
        return;
    if (dtype == F32)
        activate_all(stream, activation, count, (float *)x);
    else
        activate_all(stream, activation, count, (bf16 *)x);
}

template <class T>
__global__ static void __launch_bounds__(BLOCK)
    gate_kernel(enum activation activation, int64_t rows, int64_t width, bool whole, const T *both, T *y)
{
    const int N = PIECE_OF(T);
    int64_t row = row_of_thread(), at = piece_of_thread() * N;
    if (row >= rows || at >= width)
        return;
    const T *gate = both + row * 2 * width;
    float v[N], up[N];
    load_piece<N>(gate, at, width, whole, v);
    load_piece<N>(gate + width, at, width, whole, up);
    activate<N>(activation, v, up);
    store_piece<N>(y + row * width, at, width, whole, v);
}

template <class T>
static void gate_rows(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, const T *both, T *y)
{
    const int N = PIECE_OF(T);
    struct row_launch l = launch_rows(rows, width, N);
    bool whole = are_whole<N>(both, width, width) && are_whole<N>(y, width, width);
    LAUNCH(gate_kernel<T>, l.grid, l.block, 0, stream, activation, rows, width, whole, both, y);
}

void cuda_gate(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, enum dtype dtype, const void *both,
               void *y)
{
    if (rows == 0)
        return;
    if (dtype == F32)
        gate_rows(stream, activation, rows, width, (const float *)both, (float *)y);
    else
        gate_rows(stream, activation, rows, width, (const bf16 *)both, (bf16 *)y);
}

/* ---- conversions -------------------------------------------------------------------------------------------------------- */

template <class T>
__global__ static void __launch_bounds__(BLOCK) convert_kernel(int64_t count, float factor, bool aligned, const float *x, T *y)
{
    int64_t at = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) * QUAD;
    if (at >= count)
        return;
    bool whole = aligned && at + QUAD <= count;
    float v[QUAD];
    load_piece<QUAD>(x, at, count, whole, v);
    for (int i = 0; i < QUAD; i++)
        v[i] *= factor;
    store_piece<QUAD>(y, at, count, whole, v);
}

template <class T> static void convert_all(cuda_stream stream, int64_t count, float factor, const float *x, T *y)
{
    bool aligned = are_whole<QUAD>(x, 0, 0) && are_whole<QUAD>(y, 0, 0);
    LAUNCH(convert_kernel<T>, blocks_of(count, QUAD), BLOCK, 0, stream, count, factor, aligned, x, y);
}

void cuda_convert(cuda_stream stream, int64_t count, float factor, const float *x, enum dtype dtype, void *y)
{
    if (count == 0)
        return;
    if (dtype == F32)
        convert_all(stream, count, factor, x, (float *)y);
    else
        convert_all(stream, count, factor, x, (bf16 *)y);
}
