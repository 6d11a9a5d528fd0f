/*
 * CUDA's kernels on the processor: what src/tensor/cuda/cuda.h promises them, where there is no nvcc. A launch runs block after
 * block, and returns when all have run. A block's threads take turns, each up to its next barrier, in ascending order in some
 * blocks and in descending order in others, so that a missing barrier shows.
 *
 * What would be undefined on a GPU ends the process with a sentence: a barrier or a shuffle that some threads of a block or a
 * warp do not reach, or reach at different lines; too many threads; too much shared memory, or a write beyond it. Shared memory
 * is filled with NaN before each block.
 */
#ifndef LMVR_TESTS_TENSOR_CUDA_EMULATE_H
#define LMVR_TESTS_TENSOR_CUDA_EMULATE_H

#include "emulate_graph.h"
#include "tensor/cpu/f16.h"
#include "tensor/dtype.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tuple>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned columns = 1, unsigned rows = 1, unsigned layers = 1) : x(columns), y(rows), z(layers) {}
};
extern __thread uint3 threadIdx, blockIdx, blockDim, gridDim;

/* ---- scalars and vectors ------------------------------------------------------------------------------------------------ */

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

static inline float2 make_float2(float x, float y)
{
    return {x, y};
}
static inline float4 make_float4(float x, float y, float z, float w)
{
    return {x, y, z, w};
}
static inline uint2 make_uint2(unsigned x, unsigned y)
{
    return {x, y};
}
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return {x, y, z, w};
}
static inline float __uint_as_float(unsigned bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline unsigned __float_as_uint(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __fdividef(float x, float y)
{
    return x / y;
}
static inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}
template <class T> static inline T min(T a, T b)
{
    return b < a ? b : a;
}
template <class T> static inline T max(T a, T b)
{
    return a < b ? b : a;
}

static inline float __fmul_rn(float x, float y)
{
    return x * y;
}
static inline float exp2_fast(float x)
{
    float y = exp2f(x);
    return y < 0x1p-126f ? 0.0f : y;
}
static inline uint32_t pack_bf16(float low, float high)
{
    return bf16_from_f32(low) | (uint32_t)bf16_from_f32(high) << 16;
}

/* ---- barriers and what a warp does together ------------------------------------------------------------------------------ */

void emulate_block_barrier(int line);
void emulate_warp_barrier(int line);
/* Returns the value that lane (lane & keep) ^ flip gives, modulo 32. */
uint64_t emulate_shuffle(unsigned mask, uint64_t value, unsigned keep, unsigned flip, int line);

static inline void __syncthreads(int line = __builtin_LINE())
{
    emulate_block_barrier(line);
}
static inline void __syncwarp(int line = __builtin_LINE())
{
    emulate_warp_barrier(line);
}
template <class T> static inline T emulate_shuffle_any(unsigned mask, T value, unsigned keep, unsigned flip, int line)
{
    static_assert(sizeof value <= sizeof(uint64_t), "a shuffle moves up to 64 bits");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emulate_shuffle(mask, bits, keep, flip, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}
template <class T> static inline T __shfl_sync(unsigned mask, T value, int source, int line = __builtin_LINE())
{
    return emulate_shuffle_any(mask, value, 0, (unsigned)source, line);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int other, int line = __builtin_LINE())
{
    return emulate_shuffle_any(mask, value, ~0u, (unsigned)other, line);
}

/* As in cuda.h. Products of bf16 are exact in f32; 16 of them are added in ascending order, then d. */
void multiply_16816(float d[4], const uint32_t a[4], const uint32_t b[2], int line = __builtin_LINE());

/* Its operands in shared memory, as in cuda.h. */
void emulate_check_aligned(const void *memory);
static inline void load_a(uint32_t r[4], const bf16 *matrix, int pitch)
{
    int row = (int)threadIdx.x % 32 / 4, column = (int)threadIdx.x % 4 * 2;
    emulate_check_aligned(matrix + row * pitch);
    for (int i = 0; i < 4; i++)
        memcpy(&r[i], matrix + (row + i % 2 * 8) * pitch + column + i / 2 * 8, sizeof r[i]);
}
static inline void load_b(uint32_t r[4], const bf16 *matrix, int pitch)
{
    int column = (int)threadIdx.x % 32 / 4, row = (int)threadIdx.x % 4 * 2;
    emulate_check_aligned(matrix + row * pitch);
    for (int i = 0; i < 4; i++) {
        const bf16 *x = matrix + (row + i % 2 * 8) * pitch + column + i / 2 * 8;
        r[i] = x[0] | (uint32_t)x[pitch] << 16;
    }
}
static inline void load_b_turned(uint32_t r[4], const bf16 *matrix, int pitch)
{
    int row = (int)threadIdx.x % 32 / 4, column = (int)threadIdx.x % 4 * 2;
    emulate_check_aligned(matrix + row * pitch);
    for (int i = 0; i < 4; i++)
        memcpy(&r[i], matrix + (row + i / 2 * 8) * pitch + column + i % 2 * 8, sizeof r[i]);
}

/* As in cuda.h. In half of the blocks, bytes are copied when they are waited for, and not before. */
void copy_16(void *to, const void *from, bool there);
void copies_close(void);
void emulate_copies_wait(unsigned left);
template <int LEFT> static inline void copies_wait(void)
{
    emulate_copies_wait(LEFT);
}

/* ---- shared memory ------------------------------------------------------------------------------------------------------ */

/* Where an array lies in the block that last ran into its declaration. */
struct emulate_array {
    uint64_t block;
    void *at;
};
extern __thread uint64_t emulate_block; /* the number of the block that runs */
extern __thread unsigned char *emulate_launch_shared;
void *emulate_place(struct emulate_array *array, size_t size);

#define SHARED(type, name) type *name = reinterpret_cast<type *>(emulate_launch_shared)
#define SHARED_ARRAY(type, name, ...)                                                                                          \
    typedef type name##_type __VA_ARGS__;                                                                                      \
    static __thread struct emulate_array name##_place;                                                                         \
    name##_type &name = *static_cast<name##_type *>(                                                                           \
        name##_place.block == emulate_block ? name##_place.at : emulate_place(&name##_place, sizeof(name##_type)))

/* ---- launches ----------------------------------------------------------------------------------------------------------- */

void emulate_run(const char *name, dim3 grid, dim3 block, size_t shared, void (*thread)(const void *), const void *call);

/* A kernel and its arguments, which every thread receives as they were at the launch. */
template <class... Parameters> struct emulate_call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;
    static void run(const void *call)
    {
        const emulate_call *c = static_cast<const emulate_call *>(call);
        std::apply(c->kernel, c->arguments);
    }
};

template <class Call> struct emulate_launched {
    const char *name;
    dim3 grid, block;
    size_t shared;
    Call call;
    static void run(const void *launched)
    {
        const emulate_launched *l = static_cast<const emulate_launched *>(launched);
        emulate_run(l->name, l->grid, l->block, l->shared, l->call.run, &l->call);
    }
};

template <class... Parameters, class Stream, class... Arguments>
static inline void emulate_launch(const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, Stream,
                                  Arguments... arguments)
{
    emulate_launched<emulate_call<Parameters...>> launched = {
        name, grid, block, shared, {kernel, std::tuple<Parameters...>(arguments...)}};
    if (emulate_captures())
        emulate_keep(launched.run, &launched, sizeof launched);
    else
        launched.run(&launched);
}

#define LAUNCH(kernel, grid, block, shared, stream, ...)                                                                       \
    emulate_launch(#kernel, kernel, (grid), (block), (shared), (stream), __VA_ARGS__)

#endif
