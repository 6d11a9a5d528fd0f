/*
 * What a file of kernels includes. Under nvcc it is CUDA. Else the same source is C++ that runs on the processor, block after
 * block, by tests/tensor/cuda/emulate.h, so that kernels are tested where there is no GPU. So kernels use no more than what is
 * said here:
 *
 *     __global__, __device__, threadIdx, blockIdx, blockDim, gridDim, __syncthreads(), __syncwarp()
 *     __shfl_xor_sync(), __shfl_sync(), always by all 32 lanes
 *     SHARED_ARRAY(TYPE, name, [ROWS][COLUMNS]), an array of constant size, and SHARED(TYPE, name), what a launch gives
 *     LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...), where a template's name with commas is in brackets
 *     multiply_16816(), the tensor cores, and pack_bf16(), load_a(), load_b(), load_b_turned()
 *     f16_to_f32()
 *     copy_16(), copies_close(), copies_wait()
 *     __fmul_rn(), a product that is never made part of a fused multiply-add, and exp2_fast()
 *     <math.h>'s functions of f32, exp() and ceil() of doubles, min(), max(), and __fdividef(), a division that may be wrong in
 * the last bits
 */
#ifndef LMVR_SRC_TENSOR_CUDA_CUDA_H
#define LMVR_SRC_TENSOR_CUDA_CUDA_H

#include "tensor/dtype.h"

#ifdef __CUDACC__

#include <cuda_runtime.h>

#define SHARED(type, name)                                                                                                     \
    extern __shared__ __align__(16) unsigned char shared_bytes[];                                                              \
    type *name = reinterpret_cast<type *>(shared_bytes)
#define SHARED_ARRAY(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
/* More than 48 KiB have to be allowed. What fails is found by whoever next asks for the stream's errors. */
#define LAUNCH(kernel, grid, block, shared, stream, ...)                                                                       \
    do {                                                                                                                       \
        if ((shared) > 48 * 1024)                                                                                              \
            (void)cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(shared));                    \
        (kernel)<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__);                                                        \
    } while (0)

/*
 * d (16, 8) += a (16, 16) b (16, 8), a warp together, in the layout of PTX's mma.m16n8k16 for bf16: with g = lane / 4 and
 * t = lane % 4, a[0] has row g, columns 2t and 2t + 1; a[1] row g + 8; a[2] row g, columns 2t + 8 and 2t + 9; a[3] row g + 8 of
 * these; b[0] rows 2t and 2t + 1 of column g, b[1] rows 2t + 8 and 2t + 9; d[0], d[1] row g, columns 2t and 2t + 1; d[2], d[3]
 * row g + 8.
 */
__device__ inline void multiply_16816(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Two bf16, the first in the lower half. Rounds to nearest, ties to even; NaN stays NaN. */
__device__ inline uint32_t pack_bf16(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* From binary16. */
__device__ inline float f16_to_f32(uint16_t x)
{
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
}

/*
 * Operands of multiply_16816() from a 16 x 16 matrix in shared memory, whose rows of 32 bytes, 16-byte aligned, are `pitch`
 * elements apart, a warp together. load_a() gives a. load_b() gives two matrices b, r[0] and r[1], r[2] and r[3]: the halves of
 * the matrix, 8 columns each. load_b_turned() gives the halves of its transpose.
 */
__device__ inline void load_a(uint32_t r[4], const bf16 *matrix, int pitch)
{
    unsigned lane = threadIdx.x % 32;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((uint32_t)__cvta_generic_to_shared(matrix + lane % 16 * pitch + lane / 16 * 8)));
}
__device__ inline void load_b(uint32_t r[4], const bf16 *matrix, int pitch)
{
    unsigned lane = threadIdx.x % 32;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((uint32_t)__cvta_generic_to_shared(matrix + lane % 16 * pitch + lane / 16 * 8)));
}
__device__ inline void load_b_turned(uint32_t r[4], const bf16 *matrix, int pitch)
{
    unsigned lane = threadIdx.x % 32;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((uint32_t)__cvta_generic_to_shared(matrix + (lane / 16 * 8 + lane % 8) * pitch + lane / 8 % 2 * 8)));
}

/*
 * Copies 16 bytes from the GPU's memory to shared memory, or writes zeros if they are not `there`; the thread goes on at once.
 * Copies since the last copies_close() are a batch. copies_wait<n>() returns when the thread's own batches are done but for the
 * last n; others see them after a barrier.
 */
__device__ inline void copy_16(void *to, const void *from, bool there)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)), "l"(from),
                 "r"(there ? 16 : 0)
                 : "memory");
}
__device__ inline void copies_close(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int LEFT> __device__ inline void copies_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}

/* 2^x within 2^-22, relative; results below 2^-126 are 0. */
__device__ inline float exp2_fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#else

#include "emulate.h"

#endif

#define WARP       32
#define EVERY_LANE 0xffffffffu

/* An element of a matrix of either type. */
__device__ inline float load_f32(const float *x, int64_t at)
{
    return x[at];
}
__device__ inline float load_f32(const bf16 *x, int64_t at)
{
    return __uint_as_float((uint32_t)x[at] << 16);
}
__device__ inline void store_f32(float *x, int64_t at, float value)
{
    x[at] = value;
}
__device__ inline void store_f32(bf16 *x, int64_t at, float value)
{
    x[at] = (bf16)pack_bf16(value, 0.0f);
}

/* Sums and maxima over a warp, in a fixed order; every lane receives them. */
__device__ inline float warp_sum(float x)
{
    for (int step = WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(EVERY_LANE, x, step);
    return x;
}
__device__ inline float warp_max(float x)
{
    for (int step = WARP / 2; step > 0; step /= 2)
        x = fmaxf(x, __shfl_xor_sync(EVERY_LANE, x, step));
    return x;
}

#endif
