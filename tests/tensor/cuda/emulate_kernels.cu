#include "emulate_kernels.h"

#include "tensor/cuda/cuda.h"

__global__ static void place_kernel(int32_t *out)
{
    int block = (int)(blockIdx.y * gridDim.x + blockIdx.x), threads = (int)(blockDim.x * blockDim.y * blockDim.z);
    int thread = (int)((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x);
    out[block * threads + thread] =
        (int32_t)(blockIdx.y * 10000 + blockIdx.x * 1000 + threadIdx.z * 100 + threadIdx.y * 10 + threadIdx.x);
}

void emulated_places(int columns, int rows, const int block[3], int32_t *out)
{
    LAUNCH(place_kernel, dim3(columns, rows), dim3(block[0], block[1], block[2]), 0, nullptr, out);
}

__device__ static void reverse(int32_t *kept, int32_t *x)
{
    kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}

__global__ static void reverse_kernel(bool array, int32_t *x)
{
    SHARED(int32_t, given);
    SHARED_ARRAY(int32_t, kept, [1024]);
    reverse(array ? kept : given, x + blockIdx.x * blockDim.x);
}

void emulated_reverse(int blocks, int threads, bool array, int32_t *x)
{
    LAUNCH(reverse_kernel, blocks, threads, array ? 0 : threads * sizeof *x, nullptr, array, x);
}

__global__ static void sum_kernel(float *x)
{
    SHARED_ARRAY(float, sums, [2][WARP]);
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    float *mine = x + blockIdx.x * blockDim.x + threadIdx.x, sum = warp_sum(*mine);
    if (lane == 0)
        sums[1][warp] = sum;
    __syncthreads();
    *mine = warp_sum(lane < blockDim.x / WARP ? sums[1][lane] : 0);
}

void emulated_sum(int blocks, int threads, float *x)
{
    LAUNCH(sum_kernel, blocks, threads, 0, nullptr, x);
}

__global__ static void rotate_kernel(double *x)
{
    x[threadIdx.x] = __shfl_sync(EVERY_LANE, x[threadIdx.x], (int)threadIdx.x + 1);
}

void emulated_rotate(int threads, double *x)
{
    LAUNCH(rotate_kernel, 1, threads, 0, nullptr, x);
}

/* Elements (row, column) and (row, column + 1) of a matrix, or (row + 1, column). */
__device__ static uint32_t pair(const bf16 *x, int at, int step)
{
    return x[at] | (uint32_t)x[at + step] << 16;
}

__global__ static void multiply_kernel(const bf16 *a, const bf16 *b, float *d)
{
    int g = (int)threadIdx.x / 4, t = (int)threadIdx.x % 4 * 2;
    uint32_t x[4], y[2];
    float sums[4];
    for (int i = 0; i < 4; i++) {
        x[i] = pair(a, (g + i % 2 * 8) * 16 + t + i / 2 * 8, 1);
        sums[i] = d[(g + i / 2 * 8) * 8 + t + i % 2];
    }
    for (int i = 0; i < 2; i++)
        y[i] = pair(b, (t + i * 8) * 8 + g, 8);
    multiply_16816(sums, x, y);
    for (int i = 0; i < 4; i++)
        d[(g + i / 2 * 8) * 8 + t + i % 2] = sums[i];
}

void emulated_multiply(const uint16_t *a, const uint16_t *b, float *d)
{
    LAUNCH(multiply_kernel, 1, WARP, 0, nullptr, a, b, d);
}

__global__ static void unwritten_kernel(float *x)
{
    SHARED(float, given);
    SHARED_ARRAY(float, array, [256]);
    x[threadIdx.x] = threadIdx.x % 2 ? given[threadIdx.x] : array[threadIdx.x];
    given[threadIdx.x] = array[threadIdx.x] = 1;
}

void emulated_unwritten(int blocks, int threads, float *x)
{
    LAUNCH(unwritten_kernel, blocks, threads, threads * sizeof *x, nullptr, x);
}

__global__ static void reverse_at_once_kernel(int32_t *x)
{
    SHARED(int32_t, kept);
    kept[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}

void emulated_reverse_at_once(int threads, int32_t *x)
{
    LAUNCH(reverse_at_once_kernel, 1, threads, threads * sizeof *x, nullptr, x);
}

/* ---- mistakes ----------------------------------------------------------------------------------------------------------- */

__global__ static void end_kernel(int)
{
    if (threadIdx.x == 7)
        return;
    __syncthreads();
}

__global__ static void shuffle_kernel(int x)
{
    if (threadIdx.x % WARP < 20)
        warp_max((float)x);
}

__global__ static void two_barriers_kernel(int)
{
    if (threadIdx.x < WARP)
        __syncthreads();
    else
        __syncthreads();
}

__global__ static void large_kernel(int x)
{
    SHARED_ARRAY(float, one, [32][256]);
    SHARED_ARRAY(float, other, [16][257]);
    one[x][x] = other[x][x];
}

__global__ static void beyond_kernel(int x)
{
    SHARED(float, given);
    given[blockDim.x + x] = 0;
}

void emulated_mistake(enum emulated_mistake mistake)
{
    switch (mistake) {
    case SOME_END_BEFORE_A_BARRIER:
        LAUNCH(end_kernel, 3, 64, 0, nullptr, 0);
        break;
    case SOME_LANES_SHUFFLE:
        LAUNCH(shuffle_kernel, 1, 64, 0, nullptr, 0);
        break;
    case TWO_BARRIERS:
        LAUNCH(two_barriers_kernel, 1, 64, 0, nullptr, 0);
        break;
    case A_PART_OF_A_WARP:
        LAUNCH(shuffle_kernel, 1, 16, 0, nullptr, 0);
        break;
    case TOO_MANY_THREADS:
        LAUNCH(shuffle_kernel, 1, dim3(32, 33), 0, nullptr, 0);
        break;
    case TOO_MUCH_SHARED:
        LAUNCH(beyond_kernel, 1, 32, 227 * 1024 + 1, nullptr, -1);
        break;
    case TOO_LARGE_ARRAYS:
        LAUNCH(large_kernel, 1, 32, 0, nullptr, 0);
        break;
    default:
        LAUNCH(beyond_kernel, 1, 32, 32 * sizeof(float), nullptr, 0);
    }
}
