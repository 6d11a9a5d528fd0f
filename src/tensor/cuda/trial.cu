#include "tensor/cuda/trial.h"

#include "tensor/cuda/cuda.h"

#define BLOCK  256
#define BLOCKS 1024 /* at most, where threads go on to further elements */

static unsigned blocks_for(int64_t threads)
{
    int64_t blocks = (threads + BLOCK - 1) / BLOCK;
    return (unsigned)(blocks < BLOCKS ? blocks : BLOCKS);
}

__device__ inline int64_t thread_of_all(void)
{
    return (int64_t)blockIdx.x * BLOCK + threadIdx.x;
}

__device__ inline int64_t all_threads(void)
{
    return (int64_t)gridDim.x * BLOCK;
}

/* ---- operands ----------------------------------------------------------------------------------------------------------- */

/* Steele, Lea and Flood's SplitMix64, whose state is the place. It also draws the magnitude. */
__device__ inline float random_at(uint64_t seed, int64_t at)
{
    uint64_t z = (seed << 48) + (uint64_t)at * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)(int32_t)(z >> 32) / (float)(1ll << (31 + (z & 7)));
}

__device__ inline float made_at(uint64_t seed, int64_t row, int64_t column, int64_t width, enum cuda_trial_pattern pattern)
{
    int64_t half = width / 2;
    bool again = pattern != CUDA_TRIAL_GAPS && column >= half && column < 2 * half;
    float value = random_at(seed, row * width + (again ? column - half : column));
    if (pattern == CUDA_TRIAL_GAPS)
        return column % 2 == 1 ? 0.0f : value;
    if (pattern == CUDA_TRIAL_OPPOSED && row % 2 == 1 && column >= half)
        return again ? -value : 0.0f;
    return value;
}

template <class T>
__global__ static void __launch_bounds__(BLOCK) fill_kernel(uint64_t seed, int64_t first, int64_t rows, int64_t width,
                                                            int64_t stride, enum cuda_trial_pattern pattern, T *to)
{
    for (int64_t i = thread_of_all(); i < rows * width; i += all_threads()) {
        int64_t row = i / width, column = i % width;
        store_f32(to, row * stride + column, made_at(seed, first + row, column, width, pattern));
    }
}

void cuda_trial_fill(cuda_stream stream, uint64_t seed, int64_t first, int64_t rows, int64_t width, int64_t stride,
                     enum cuda_trial_pattern pattern, enum dtype dtype, void *to)
{
    unsigned blocks = blocks_for(rows * width);
    if (dtype == F32)
        LAUNCH(fill_kernel<float>, blocks, BLOCK, 0, stream, seed, first, rows, width, stride, pattern, (float *)to);
    else
        LAUNCH(fill_kernel<bf16>, blocks, BLOCK, 0, stream, seed, first, rows, width, stride, pattern, (bf16 *)to);
}

/* ---- comparison --------------------------------------------------------------------------------------------------------- */

template <class Bits>
__global__ static void __launch_bounds__(BLOCK) compare_kernel(int64_t count, const Bits *a, const Bits *b, int32_t *verdict)
{
    bool same = true;
    for (int64_t i = thread_of_all(); i < count; i += all_threads())
        same = same && a[i] == b[i];
    if (!same)
        *verdict = 1;
}

void cuda_trial_compare(cuda_stream stream, int64_t count, enum dtype dtype, const void *a, const void *b, int32_t *verdict)
{
    unsigned blocks = blocks_for(count);
    if (dtype == F32)
        LAUNCH(compare_kernel<uint32_t>, blocks, BLOCK, 0, stream, count, (const uint32_t *)a, (const uint32_t *)b, verdict);
    else
        LAUNCH(compare_kernel<uint16_t>, blocks, BLOCK, 0, stream, count, (const uint16_t *)a, (const uint16_t *)b, verdict);
}

/* ---- the right values --------------------------------------------------------------------------------------------------- */

__device__ inline double warp_sum_of_doubles(double x)
{
    for (int step = WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(EVERY_LANE, x, step);
    return x;
}

/*
 * A warp has an element. Errors are measured by the size of the sum, the root of its squared terms. Sums in f32 of tens of
 * thousands of terms stay below 1e-5 of it, TF32's are above 1e-4. Tensor cores cut off bits where they add, by which sums of
 * bf16 drift.
 */
template <class T, class Y>
__global__ static void __launch_bounds__(BLOCK)
    check_kernel(int64_t out, int64_t in, const T *weights, const T *x, const Y *bias, const float *before, const Y *y,
                 double tolerance, double rounding, int32_t *verdict)
{
    int64_t at = thread_of_all() / WARP;
    int lane = threadIdx.x % WARP;
    if (at >= out)
        return;
    double sum = 0.0, squares = 0.0;
    for (int64_t i = lane; i < in; i += WARP) {
        double term = (double)load_f32(weights, at * in + i) * (double)load_f32(x, i);
        sum += term;
        squares += term * term;
    }
    sum = warp_sum_of_doubles(sum);
    double size = sqrt(warp_sum_of_doubles(squares));
    double added = (bias ? (double)load_f32(bias, at) : 0.0) + (before ? (double)before[at] : 0.0);
    double expected = sum + added, error = fabs((double)load_f32(y, at) - expected);
    if (lane == 0 && !(error <= tolerance * (size + fabs(added)) + rounding * fabs(expected))) /* NaN is wrong */
        *verdict = 1;
}

template <class T, class Y> static void check(cuda_stream stream, const struct cuda_trial_row *row, int32_t *verdict)
{
    double tolerance = row->dtype == F32 ? 5e-5 : 1e-3, rounding = row->y_dtype == F32 ? 0.0 : 1.0 / 256;
    unsigned blocks = (unsigned)((row->out * WARP + BLOCK - 1) / BLOCK);
    LAUNCH((check_kernel<T, Y>), blocks, BLOCK, 0, stream, row->out, row->in, (const T *)row->weights, (const T *)row->x,
           (const Y *)row->bias, row->before, (const Y *)row->y, tolerance, rounding, verdict);
}

void cuda_trial_check(cuda_stream stream, const struct cuda_trial_row *row, int32_t *verdict)
{
    if (row->dtype == F32)
        check<float, float>(stream, row, verdict);
    else if (row->y_dtype == F32)
        check<bf16, float>(stream, row, verdict);
    else
        check<bf16, bf16>(stream, row, verdict);
}
