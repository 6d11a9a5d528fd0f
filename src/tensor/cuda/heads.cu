/* Norms and rotary embeddings of queries and keys, and filing keys and values in the cache, in one pass. */
#include "tensor/cuda/kernels.h"

#include "tensor/cuda/pieces.h"

#define HEADS (BLOCK / WARP) /* of a block; a warp has each */

/*
 * A head as two halves that turn against each other; the second may be shorter by one where nothing turns. N elements of each
 * are taken together.
 */
template <class T> struct head {
    T *x;
    int dim, half;
    bool whole;
    __device__ int second(void) const
    {
        return dim - half;
    }
};

/* 1 / the root of the mean square of a head. */
template <int N, class T> __device__ inline float norm_scale(const struct head<T> *h, float eps)
{
    float sum = 0;
    for (int at = (int)threadIdx.x * N; at < h->half; at += WARP * N) {
        float a[N], b[N];
        load_piece<N>(h->x, at, h->half, h->whole, a);
        load_piece<N>(h->x + h->half, at, h->second(), h->whole, b);
        for (int i = 0; i < N; i++)
            sum += a[i] * a[i] + b[i] * b[i];
    }
    return 1.0f / sqrtf(warp_sum(sum) / (float)h->dim + eps);
}

/* x *= scale * weight, for elements `at` and on. */
template <int N> __device__ inline void scale_piece(const float *weight, float scale, int at, int width, float x[N])
{
    for (int i = 0; i < N; i++)
        x[i] *= at + i < width ? scale * weight[at + i] : 0.0f;
}

template <int N> __device__ inline void turn_piece(const float *angles, int pairs, int at, float a[N], float b[N])
{
    for (int i = 0; i < N; i++) {
        int pair = min(at + i, pairs - 1);
        float cosine = angles[pair], sine = angles[pairs + pair], x = a[i], y = b[i];
        a[i] = x * cosine - y * sine;
        b[i] = y * cosine + x * sine;
    }
}

/* Rounds v as T holds it. */
template <int N, class T> __device__ inline void round_piece(float v[N])
{
    for (int i = 0; i < N; i++) {
        T rounded[1];
        store_f32(rounded, 0, v[i]);
        v[i] = load_f32(rounded, 0);
    }
}

/* What is done to one head. */
template <class C> struct head_work {
    const float *norm, *angles; /* NULL: none */
    float eps;
    C *file; /* where it is filed; NULL: nowhere */
    bool file_whole;
};

template <int N, class T, class C> __device__ inline void run_head(const struct head<T> *h, const struct head_work<C> *work)
{
    float scale = work->norm ? norm_scale<N>(h, work->eps) : 0.0f;
    for (int at = (int)threadIdx.x * N; at < h->half; at += WARP * N) {
        float a[N], b[N];
        load_piece<N>(h->x, at, h->half, h->whole, a);
        load_piece<N>(h->x + h->half, at, h->second(), h->whole, b);
        if (work->norm) {
            scale_piece<N>(work->norm, scale, at, h->half, a);
            scale_piece<N>(work->norm + h->half, scale, at, h->second(), b);
        }
        if (work->angles)
            turn_piece<N>(work->angles, h->half, at, a, b);
        if (work->norm || work->angles) {
            store_piece<N>(h->x, at, h->half, h->whole, a);
            store_piece<N>(h->x + h->half, at, h->second(), h->whole, b);
        }
        if (work->file) {
            round_piece<N, T>(a);
            round_piece<N, T>(b);
            store_piece<N>(work->file, at, h->half, work->file_whole, a);
            store_piece<N>(work->file + h->half, at, h->second(), work->file_whole, b);
        }
    }
}

/* Where key or value head `head`, counted from the cache's first block on, of a row is filed. */
template <class C> __device__ inline C *file_of(const struct cuda_kv_place *place, bool value, int head, int head_dim)
{
    return (C *)(value ? place->values : place->keys) + (head * place->capacity + place->position) * head_dim;
}

/* `first` and on: heads of the row that there is work for. */
template <int N, class T, class C>
__global__ static void __launch_bounds__(BLOCK) heads_kernel(struct cuda_heads heads, int first, int count, bool whole, T *qkv)
{
    int64_t row = blockIdx.x;
    int i = (int)(blockIdx.y * HEADS + threadIdx.y); /* a warp has one */
    if (i >= count)
        return;
    i += first;
    bool query = i < heads.q_heads, value = i >= heads.q_heads + heads.kv_heads;
    int kv_head = i - heads.q_heads - (value ? heads.kv_heads : 0);
    struct head<T> h = {
        qkv + row *heads.stride + (int64_t)i *heads.head_dim, heads.head_dim, (heads.head_dim + 1) / 2, whole
    };
    struct head_work<C> work = {
    };
    if (!value) {
        work.norm = query ? heads.q_norm : heads.k_norm;
        work.eps = query ? heads.q_eps : heads.k_eps;
        work.angles = heads.angles ? heads.angles + row * heads.head_dim : nullptr;
    }
    if (!query && heads.places) {
        work.file = file_of<C>(&heads.places[row], value, heads.block * heads.kv_heads + kv_head, heads.head_dim);
        work.file_whole = whole && (uintptr_t)work.file % alignof(piece<C, N>) == 0;
    }
    run_head<N>(&h, &work);
}

template <class T, class C> static void run_heads(cuda_stream stream, const struct cuda_heads *heads, T *qkv)
{
    bool queries = heads->q_norm || heads->angles, keys = heads->k_norm || heads->angles || heads->places;
    int first = queries ? 0 : heads->q_heads;
    int end = heads->q_heads + (heads->places ? 2 : keys ? 1 : 0) * heads->kv_heads;
    if (heads->rows == 0 || end <= first)
        return;
    dim3 grid((unsigned)heads->rows, (unsigned)((end - first + HEADS - 1) / HEADS)), block(WARP, HEADS);
    if (heads->head_dim % 4 == 0 && are_whole<2>(qkv, heads->head_dim, heads->stride))
        LAUNCH((heads_kernel<2, T, C>), grid, block, 0, stream, *heads, first, end - first, true, qkv);
    else
        LAUNCH((heads_kernel<1, T, C>), grid, block, 0, stream, *heads, first, end - first, false, qkv);
}

void cuda_heads(cuda_stream stream, const struct cuda_heads *heads, enum dtype dtype, void *qkv)
{
    bool f32_cache = heads->cache_dtype == F32;
    if (dtype == F32 && f32_cache)
        run_heads<float, float>(stream, heads, (float *)qkv);
    else if (dtype == F32)
        run_heads<float, bf16>(stream, heads, (float *)qkv);
    else if (f32_cache)
        run_heads<bf16, float>(stream, heads, (bf16 *)qkv);
    else
        run_heads<bf16, bf16>(stream, heads, (bf16 *)qkv);
}
