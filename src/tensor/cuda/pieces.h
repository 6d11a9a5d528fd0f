/* Pieces of rows: a few elements next to each other, which a thread loads and stores together where they are aligned. */
#ifndef LMVR_SRC_TENSOR_CUDA_PIECES_H
#define LMVR_SRC_TENSOR_CUDA_PIECES_H

#include "tensor/cuda/cuda.h"

#define BLOCK 256 /* threads, where nothing else is said */

/* Elements of a type that make 16 bytes. */
#define PIECE_OF(type) (16 / (int)sizeof(type))

template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) piece {
    T at[N];
};

/* Whether every piece of rows of `width` elements, `stride` apart, is whole and aligned. */
template <int N, class T> static inline bool are_whole(const T *x, int64_t width, int64_t stride)
{
    return width % N == 0 && stride % N == 0 && (uintptr_t)x % alignof(piece<T, N>) == 0;
}

/* v receives the elements of a row of `width` from `at` on; zeros beyond its end. */
template <int N, class T> __device__ inline void load_piece(const T *x, int64_t at, int64_t width, bool whole, float v[N])
{
    if (whole) {
        piece<T, N> p = *reinterpret_cast<const piece<T, N> *>(x + at);
        for (int i = 0; i < N; i++)
            v[i] = load_f32(p.at, i);
    } else
        for (int i = 0; i < N; i++)
            v[i] = at + i < width ? load_f32(x, at + i) : 0.0f;
}

template <class T, int N> __device__ inline piece<T, N> make_piece(const float v[N])
{
    piece<T, N> p;
    if constexpr (sizeof(T) == sizeof(bf16) && N % 2 == 0) { /* one instruction for two */
        uint32_t pairs[N / 2];
        for (int i = 0; i < N / 2; i++)
            pairs[i] = pack_bf16(v[2 * i], v[2 * i + 1]);
        memcpy(&p, pairs, sizeof p);
    } else
        for (int i = 0; i < N; i++)
            store_f32(p.at, i, v[i]);
    return p;
}

template <int N, class T> __device__ inline void store_piece(T *x, int64_t at, int64_t width, bool whole, const float v[N])
{
    if (whole) {
        *reinterpret_cast<piece<T, N> *>(x + at) = make_piece<T, N>(v);
    } else
        for (int i = 0; i < N; i++)
            if (at + i < width)
                store_f32(x, at + i, v[i]);
}

/* A launch with a thread for each piece of each row; threads find theirs by row_of() and at_of(). */
struct row_launch {
    dim3 grid, block;
};

static inline struct row_launch launch_rows(int64_t rows, int64_t width, int piece)
{
    int64_t pieces = (width + piece - 1) / piece;
    unsigned across = 1;
    while (across < BLOCK && across < pieces)
        across *= 2;
    unsigned down = BLOCK / across;
    return {dim3((unsigned)((rows + down - 1) / down), (unsigned)((pieces + across - 1) / across)), dim3(across, down)};
}

__device__ inline int64_t row_of_thread(void)
{
    return (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
}

__device__ inline int64_t piece_of_thread(void)
{
    return (int64_t)blockIdx.y * blockDim.x + threadIdx.x;
}

#endif
