/* Rows that are looked up, gathered, added, pooled and searched. */
#include "tensor/cuda/kernels.h"

#include "tensor/cuda/pieces.h"

#define QUAD 4 /* elements that a thread takes together */

/* ---- looking up and gathering ------------------------------------------------------------------------------------------- */

template <class T>
__global__ static void __launch_bounds__(BLOCK)
    embed_kernel(const T *table, int64_t width, int64_t count, const int32_t *tokens, bool whole, float *x)
{
    const int N = PIECE_OF(T);
    int64_t row = row_of_thread(), at = piece_of_thread() * N;
    if (row >= count || at >= width)
        return;
    float v[N];
    load_piece<N>(table + tokens[row] * width, at, width, whole, v);
    store_piece<N>(x + row * width, at, width, whole, v);
}

template <class T>
static void embed_rows(cuda_stream stream, const T *table, int64_t width, int64_t count, const int32_t *tokens, float *x)
{
    const int N = PIECE_OF(T);
    struct row_launch l = launch_rows(count, width, N);
    bool whole = are_whole<N>(table, width, width) && are_whole<N>(x, width, width);
    LAUNCH(embed_kernel<T>, l.grid, l.block, 0, stream, table, width, count, tokens, whole, x);
}

__global__ static void __launch_bounds__(BLOCK)
    embed_records_kernel(const uint8_t *table, int64_t width, int64_t count, const int32_t *tokens, float *x)
{
    int64_t row = row_of_thread(), first = piece_of_thread() * QUAD;
    if (row >= count)
        return;
    float scale;
    const uint8_t *record = table + tokens[row] * ((int64_t)sizeof scale + width);
    memcpy(&scale, record, sizeof scale);
    for (int64_t at = first; at < first + QUAD && at < width; at++)
        x[row * width + at] = scale * (float)(int8_t)record[(int64_t)sizeof scale + at];
}

static void embed_records(cuda_stream stream, const uint8_t *table, int64_t width, int64_t count, const int32_t *tokens,
                          float *x)
{
    struct row_launch l = launch_rows(count, width, QUAD);
    LAUNCH(embed_records_kernel, l.grid, l.block, 0, stream, table, width, count, tokens, x);
}

void cuda_embed(cuda_stream stream, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
                float *x)
{
    if (count == 0)
        return;
    if (dtype == F32)
        embed_rows(stream, (const float *)table, width, count, tokens, x);
    else if (dtype == INT8)
        embed_records(stream, (const uint8_t *)table, width, count, tokens, x);
    else
        embed_rows(stream, (const bf16 *)table, width, count, tokens, x);
}

template <class T>
__global__ static void __launch_bounds__(BLOCK) gather_kernel(int64_t count, int64_t width, const int64_t *rows, bool whole,
                                                              const float *from, int64_t from_stride, T *to, int64_t to_stride)
{
    int64_t row = row_of_thread(), at = piece_of_thread() * QUAD;
    if (row >= count || at >= width)
        return;
    float v[QUAD];
    load_piece<QUAD>(from + (rows ? rows[row] : row) * from_stride, at, width, whole, v);
    store_piece<QUAD>(to + row * to_stride, at, width, whole, v);
}

template <class T>
static void gather_rows(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from,
                        int64_t from_stride, T *to, int64_t to_stride)
{
    struct row_launch l = launch_rows(count, width, QUAD);
    bool whole = are_whole<QUAD>(from, width, from_stride) && are_whole<QUAD>(to, width, to_stride);
    LAUNCH(gather_kernel<T>, l.grid, l.block, 0, stream, count, width, rows, whole, from, from_stride, to, to_stride);
}

void cuda_gather(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from, int64_t from_stride,
                 enum dtype dtype, void *to, int64_t to_stride)
{
    if (count == 0)
        return;
    if (dtype == F32)
        gather_rows(stream, count, width, rows, from, from_stride, (float *)to, to_stride);
    else
        gather_rows(stream, count, width, rows, from, from_stride, (bf16 *)to, to_stride);
}

/* ---- adding ------------------------------------------------------------------------------------------------------------- */

__global__ static void __launch_bounds__(BLOCK)
    add_rows_kernel(int64_t count, int64_t width, const int64_t *rows, bool whole, const float *from, float *to)
{
    int64_t row = row_of_thread(), at = piece_of_thread() * QUAD;
    if (row >= count || at >= width)
        return;
    float *sums = to + rows[row] * width;
    float v[QUAD], sum[QUAD];
    load_piece<QUAD>(from + row * width, at, width, whole, v);
    load_piece<QUAD>(sums, at, width, whole, sum);
    for (int i = 0; i < QUAD; i++)
        sum[i] += v[i];
    store_piece<QUAD>(sums, at, width, whole, sum);
}

void cuda_add_rows(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to)
{
    if (count == 0)
        return;
    struct row_launch l = launch_rows(count, width, QUAD);
    bool whole = are_whole<QUAD>(from, width, width) && are_whole<QUAD>(to, width, width);
    LAUNCH(add_rows_kernel, l.grid, l.block, 0, stream, count, width, rows, whole, from, to);
}

__global__ static void __launch_bounds__(BLOCK)
    add_table_kernel(int64_t count, int64_t width, int terms, const int32_t *indexes, const float *weights, bool whole,
                     const float *table, float *x)
{
    int64_t row = row_of_thread(), at = piece_of_thread() * QUAD;
    if (row >= count || at >= width)
        return;
    float sum[QUAD] = {0}, v[QUAD];
    for (int64_t t = row * terms; t < (row + 1) * terms; t++) {
        if (indexes[t] < 0)
            continue;
        float weight = weights ? weights[t] : 1.0f;
        load_piece<QUAD>(table + indexes[t] * width, at, width, whole, v);
        for (int i = 0; i < QUAD; i++)
            sum[i] += weight * v[i];
    }
    load_piece<QUAD>(x + row * width, at, width, whole, v);
    for (int i = 0; i < QUAD; i++)
        v[i] += sum[i];
    store_piece<QUAD>(x + row * width, at, width, whole, v);
}

void cuda_add_table(cuda_stream stream, int64_t count, int64_t width, int terms, const int32_t *indexes, const float *weights,
                    const float *table, float *x)
{
    if (count == 0)
        return;
    struct row_launch l = launch_rows(count, width, QUAD);
    bool whole = are_whole<QUAD>(table, width, width) && are_whole<QUAD>(x, width, width);
    LAUNCH(add_table_kernel, l.grid, l.block, 0, stream, count, width, terms, indexes, weights, whole, table, x);
}

/* ---- pooling ------------------------------------------------------------------------------------------------------------ */

#define COLUMNS 64 /* of a block: few, so that one task's dimensions spread over many multiprocessors */

/* A thread has one dimension of one task. */
__global__ static void __launch_bounds__(COLUMNS) pool_kernel(const struct cuda_pool_task *tasks)
{
    struct cuda_pool_task task = tasks[blockIdx.x];
    int64_t at = (int64_t)blockIdx.y * COLUMNS + threadIdx.x;
    if (at >= task.dim || task.rows == 0)
        return;
    const float *x = task.states + at;
    if (task.kind == CUDA_POOL_LAST) {
        task.value[at] = (double)x[(task.rows - 1) * task.stride];
        return;
    }
    double value = task.begin ? (double)x[0] : task.value[at];
#pragma unroll 8 // loads go ahead of the sums
    for (int64_t row = task.begin; row < task.rows; row++) {
        double next = (double)x[row * task.stride];
        if (task.kind == CUDA_POOL_SUM)
            value += next;
        else if (value == value && !(next <= value))
            value = next;
    }
    task.value[at] = value;
}

void cuda_pool(cuda_stream stream, int64_t count, int64_t dim, const struct cuda_pool_task *tasks)
{
    if (count == 0)
        return;
    LAUNCH(pool_kernel, dim3((unsigned)count, (unsigned)((dim + COLUMNS - 1) / COLUMNS)), COLUMNS, 0, stream, tasks);
}

/* ---- searching ---------------------------------------------------------------------------------------------------------- */

#define SEARCHERS 1024 /* threads for a row */

struct place {
    float value;
    int32_t at;
};

/* The first of the largest. NaN is never larger. */
__device__ inline struct place larger(struct place a, struct place b)
{
    return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
}

__device__ inline struct place largest_of_warp(struct place best)
{
    for (int step = WARP / 2; step > 0; step /= 2) {
        struct place other = {__shfl_xor_sync(EVERY_LANE, best.value, step), __shfl_xor_sync(EVERY_LANE, best.at, step)};
        best = larger(best, other);
    }
    return best;
}

__global__ static void __launch_bounds__(SEARCHERS)
    argmax_kernel(int64_t width, bool whole, const float *logits, int32_t *tokens)
{
    SHARED_ARRAY(struct place, places, [WARP]);
    const struct place none = {-INFINITY, INT32_MAX};
    const float *x = logits + blockIdx.x * width;
    struct place best = none;
    for (int64_t at = (int64_t)threadIdx.x * QUAD; at < width; at += SEARCHERS * QUAD) {
        float v[QUAD];
        load_piece<QUAD>(x, at, width, whole, v);
        for (int i = 0; i < QUAD && at + i < width; i++)
            best = larger(best, {v[i], (int32_t)(at + i)});
    }
    best = largest_of_warp(best);
    if (threadIdx.x % WARP == 0)
        places[threadIdx.x / WARP] = best;
    __syncthreads();
    best = largest_of_warp(places[threadIdx.x % WARP]);
    if (threadIdx.x == 0) /* nothing is larger than NaN in the first place */
        tokens[blockIdx.x] = x[0] == x[0] ? best.at : 0;
}

void cuda_argmax(cuda_stream stream, int64_t rows, int64_t width, const float *logits, int32_t *tokens)
{
    if (rows == 0)
        return;
    LAUNCH(argmax_kernel, (unsigned)rows, SEARCHERS, 0, stream, width, are_whole<QUAD>(logits, width, width), logits, tokens);
}
