/*
 * Attention of one element type, for head dimensions up to D. A block of attend_rows() has WARPS * TILES * 16 rows, of which
 * each warp has its own TILES * 16 in registers; all walk over the tiles of keys together. Keys are on their way to shared
 * memory while values are multiplied, and the other way round (Dao 2023, "FlashAttention-2").
 */
#ifndef LMVR_SRC_TENSOR_CUDA_ATTENTION_KERNELS_CUH
#define LMVR_SRC_TENSOR_CUDA_ATTENTION_KERNELS_CUH

#include "tensor/cuda/attention_tile.cuh"

/* ---- shared memory ------------------------------------------------------------------------------------------------------ */

/* The view of a block, its queries, keys and values, and in f32 its weights. */
template <typename T, int D, int ROWS> struct block_memory {
    static const int view_size = 64, pitch = pitch_of<T, D>::value, keys = tile_of<T>::keys;
    static const int size =
        view_size + (ROWS + 2 * keys) * pitch * (int)sizeof(T) + (sizeof(T) == 4 ? ROWS * WEIGHTS_PITCH * 4 : 0);
    struct attention_view *view;
    T *q, *k, *v;
    float *weights;
    __device__ block_memory(unsigned char *memory)
    {
        view = reinterpret_cast<struct attention_view *>(memory);
        q = reinterpret_cast<T *>(memory + view_size);
        k = q + ROWS * pitch;
        v = k + keys * pitch;
        weights = reinterpret_cast<float *>(v + keys * pitch);
    }
};

static_assert(sizeof(struct attention_view) <= 64, "there is room for a view");

/* It lies in shared memory, since there are no registers to spare. */
__device__ inline void share_view(struct attention_view *view, const struct attention_work *w, int64_t i, int kv_head)
{
    if (threadIdx.x == 0)
        *view = view_of(w, i, kv_head);
    __syncthreads();
}

/* Rows of a block's queries, from `begin` on. FIT: of whole, aligned 16 bytes. */
template <typename T, int D, int ROWS, int THREADS, bool FIT>
__device__ inline void load_queries(T *to, const struct attention_work *w, const struct attention_view *v, int begin)
{
    const int width = FIT ? 16 / sizeof(T) : 1, pitch = pitch_of<T, D>::value;
    const T *from = (const T *)w->q;
    for (int i = threadIdx.x; i < ROWS * (D / width); i += THREADS) {
        int row = i / (D / width), column = i % (D / width) * width;
        bool there = begin + row < v->rows && column < w->head_dim;
        int64_t at = there ? query_at(w, v, begin + row) + column : 0;
        if (FIT)
            copy_16(to + row * pitch + column, from + at, there);
        else
            to[row * pitch + column] = there ? from[at] : T(0);
    }
}

/* Keys or values of a tile, of which `count` are there. A thread copies the same columns of every few rows; some threads may be
 * left over. */
template <typename T, int D, int THREADS>
__device__ inline void copy_keys(T *to, const T *from, int64_t stride, int count, int head_dim)
{
    const int width = 16 / sizeof(T), pitch = pitch_of<T, D>::value, keys = tile_of<T>::keys;
    const int across = D / width < THREADS ? D / width : THREADS, step = THREADS / across;
    static_assert(D / width % across == 0, "a thread has whole pieces of a row");
    const bool even = THREADS % across == 0 && keys % step == 0; /* no thread is left over */
    const int first = even || (int)threadIdx.x / across < step ? threadIdx.x / across : keys;
#pragma unroll
    for (int column = threadIdx.x % across * width; column < D; column += across * width) {
        const T *at = from + first * stride + column;
        T *into = to + first * pitch + column;
        const int left = column < head_dim ? count - first : 0;
#pragma unroll
        for (int row = 0; row < keys; row += step, at += step * stride)
            if (even || first + row < keys)
                copy_16(into + row * pitch, at, row < left);
    }
}

/* An element at a time; also of bf16, which become f32. */
template <typename T, typename C, int D, int THREADS>
__device__ inline void convert_keys(T *to, const C *from, int64_t stride, int count, int head_dim)
{
    for (int i = threadIdx.x; i < tile_of<T>::keys * D; i += THREADS) {
        int row = i / D, column = i % D;
        bool there = row < count && column < head_dim;
        store_f32(to, row * pitch_of<T, D>::value + column, there ? load_f32(from, row * stride + column) : 0.0f);
    }
}

/* Four bf16 at a time, which become f32. */
template <int D, int THREADS>
__device__ inline void widen_keys(float *to, const bf16 *from, int64_t stride, int count, int head_dim)
{
    for (int i = threadIdx.x; i < tile_of<float>::keys * (D / 4); i += THREADS) {
        int row = i / (D / 4), column = i % (D / 4) * 4;
        uint2 x = make_uint2(0, 0);
        if (row < count && column < head_dim)
            x = *(const uint2 *)(from + row * stride + column);
        *(float4 *)(to + row * pitch_of<float, D>::value + column) =
            make_float4(__uint_as_float(x.x << 16), __uint_as_float(x.x & 0xffff0000u), __uint_as_float(x.y << 16),
                        __uint_as_float(x.y & 0xffff0000u));
    }
}

/* The tile from `first` on, up to the key at `end`. */
template <int D, int THREADS, bool FIT>
__device__ inline void load_tile(bf16 *to, const void *from, const struct attention_work *w, int64_t stride, int first, int end)
{
    const bf16 *at = (const bf16 *)from + first * stride;
    if (FIT)
        copy_keys<bf16, D, THREADS>(to, at, stride, end - first, w->head_dim);
    else
        convert_keys<bf16, bf16, D, THREADS>(to, at, stride, end - first, w->head_dim);
}
template <int D, int THREADS, bool FIT>
__device__ inline void load_tile(float *to, const void *from, const struct attention_work *w, int64_t stride, int first,
                                 int end)
{
    const float *at = (const float *)from + first * stride;
    const bf16 *narrow = (const bf16 *)from + first * stride;
    if (w->cache_dtype == F32 && FIT)
        copy_keys<float, D, THREADS>(to, at, stride, end - first, w->head_dim);
    else if (w->cache_dtype == F32)
        convert_keys<float, float, D, THREADS>(to, at, stride, end - first, w->head_dim);
    else if (FIT)
        widen_keys<D, THREADS>(to, narrow, stride, end - first, w->head_dim);
    else
        convert_keys<float, bf16, D, THREADS>(to, narrow, stride, end - first, w->head_dim);
}

/* ---- the rows of a warp ------------------------------------------------------------------------------------------------- */

/* Rows of a warp, from `first` on in the view. Rows that are not there see no keys. */
struct warp_rows {
    int first, most, least; /* keys that its rows see */
};

__device__ inline struct warp_rows rows_from(const struct attention_work *w, const struct attention_view *v, int first,
                                             int count)
{
    struct warp_rows rows = {first, 0, 0};
    if (first < v->rows)
        rows.most = visible_to(w, v, min(first + count, v->rows) - 1);
    if (first + count <= v->rows)
        rows.least = visible_to(w, v, first);
    return rows;
}

/* Products of rows with a tile, whose first key is at `key`, become exponentials. */
template <typename T, bool BIAS>
__device__ inline void soften_rows(float s[tile_of<T>::keys / 8][4], const struct attention_work *w,
                                   const struct attention_view *v, const struct warp_rows *rows, int first, int key,
                                   struct attention_seen tile[2])
{
    const int BLOCKS = tile_of<T>::keys / 8;
    float scale = w->scale;
    if (BIAS || rows->least < key + tile_of<T>::keys) {
        int visible[2];
        const float *bias[2];
        for (int r = 0; r < 2; r++) {
            int row = first + r * 8 + lane_row();
            visible[r] = row < v->rows ? visible_to(w, v, row) - key : 0;
            bias[r] = BIAS && w->bias.values ? bias_of(w, v, row) + key : NULL;
        }
        if (BIAS && w->bias.values) {
            add_bias<BLOCKS>(s, visible, scale, bias);
            scale = 1;
        }
        hide_keys<BLOCKS>(s, visible);
    }
    soften<BLOCKS>(s, scale, tile);
}

/* Two neighboring elements, the second of which may be beyond a row's end; `pairs`: rows begin at even elements. */
__device__ inline void store_two(float *to, float first, float second, bool both, bool pairs)
{
    if (pairs) {
        *(float2 *)to = make_float2(first, second);
        return;
    }
    to[0] = first;
    if (both)
        to[1] = second;
}
__device__ inline void store_two(bf16 *to, float first, float second, bool both, bool pairs)
{
    uint32_t two = pack_bf16(first, second);
    if (pairs) {
        *(uint32_t *)to = two;
        return;
    }
    to[0] = (bf16)two;
    if (both)
        to[1] = (bf16)(two >> 16);
}

template <typename T, int D, int TILES>
__device__ inline void store_rows(const float o[TILES][D / 8][4], const struct attention_seen all[TILES][2],
                                  const struct attention_work *w, const struct attention_view *v, int first)
{
#pragma unroll
    for (int r = 0; r < TILES * 2; r++) {
        int row = first + r * 8 + lane_row();
        if (row >= v->rows)
            continue;
        T *to = (T *)w->out + out_at(w, v, row);
        float factor = share(&all[r / 2][r % 2]);
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
            int column = n * 8 + lane_column();
            const float *x = &o[r / 2][n][r % 2 * 2];
            if (column < w->head_dim)
                store_two(to + column, shared(x[0], factor), shared(x[1], factor), column + 1 < w->head_dim,
                          w->head_dim % 2 == 0);
        }
    }
}

/* ---- all tiles ---------------------------------------------------------------------------------------------------------- */

template <int TILES> __device__ inline void clear(float x[TILES][4])
{
#pragma unroll
    for (int i = 0; i < TILES * 4; i++)
        x[i / 4][i % 4] = 0;
}

/* Whether the rest of D is padding. Asking seldom lets the compiler begin some columns before others are done, but not so many
 * that registers run out. */
__device__ inline bool padded(int column, int head_dim)
{
    return column % 32 == 0 && column >= head_dim;
}

/* Joins a tile's values, weighted, to o. */
template <typename T, int D, int TILES>
__device__ inline void join_values(float o[TILES][D / 8][4], struct attention_seen all[TILES][2],
                                   const struct attention_seen tile[TILES][2], const struct weights<T, TILES> &weights,
                                   const T *values, int head_dim)
{
    float keep[TILES][2], add[TILES][2];
#pragma unroll
    for (int r = 0; r < TILES * 2; r++)
        attention_join(&all[r / 2][r % 2], &tile[r / 2][r % 2], &keep[r / 2][r % 2], &add[r / 2][r % 2]);
#pragma unroll
    for (int column = 0; column < D; column += 16) {
        if (padded(column, head_dim))
            break;
        float part[TILES][2][4];
        clear<TILES * 2>(part[0]);
        weigh<D, TILES>(part, weights, values + column);
#pragma unroll
        for (int i = 0; i < TILES * 8; i++) {
            float *x = &o[i / 8][column / 8 + i / 4 % 2][i % 4];
            *x = joined(*x, keep[i / 8][i / 2 % 2], part[i / 8][i / 4 % 2][i % 4], add[i / 8][i / 2 % 2]);
        }
    }
}

template <typename T, int D, int WARPS, int TILES, bool FIT, bool BIAS>
__global__ void __launch_bounds__(WARPS *WARP) attend_rows(const struct attention_work w, int blocks)
{
    const int ROWS = WARPS * TILES * 16, THREADS = WARPS * WARP, KEYS = tile_of<T>::keys;
    SHARED(unsigned char, bytes);
    const struct block_memory<T, D, ROWS> memory(bytes);
    const struct attention_view *v = memory.view;
    share_view(memory.view, &w, blockIdx.x / blocks, blockIdx.y);
    const int begin = (blocks - 1 - (int)(blockIdx.x % blocks)) * ROWS; /* causal rows that see most first */
    if (begin >= v->rows || (w.partials && v->rows == w.group))
        return;
    const int warp = threadIdx.x / WARP * TILES * 16, end = visible_to(&w, v, min(begin + ROWS, v->rows) - 1);
    load_tile<D, THREADS, FIT>(memory.k, v->keys, &w, v->kv_stride, 0, end);
    load_queries<T, D, ROWS, THREADS, FIT>(memory.q, &w, v, begin);
    copies_close();

    float o[TILES][D / 8][4];
    struct attention_seen all[TILES][2];
    const struct warp_rows rows = rows_from(&w, v, begin + warp, TILES * 16);
    clear<TILES *(D / 8)>(o[0]);
#pragma unroll
    for (int r = 0; r < TILES * 2; r++)
        all[r / 2][r % 2].most = -INFINITY, all[r / 2][r % 2].sum = 0;

    for (int key = 0; key < end; key += KEYS) {
        float s[TILES][KEYS / 8][4];
        struct attention_seen tile[TILES][2];
        struct weights<T, TILES> weights;
        copies_wait<0>();
        __syncthreads();
        load_tile<D, THREADS, FIT>(memory.v, v->values, &w, v->kv_stride, key, end);
        copies_close();
        clear<TILES *(KEYS / 8)>(s[0]);
        score<D, TILES>(s, memory.q + warp * memory.pitch, memory.k, w.head_dim);
        copies_wait<0>();
        __syncthreads();
        if (key + KEYS < end) {
            load_tile<D, THREADS, FIT>(memory.k, v->keys, &w, v->kv_stride, key + KEYS, end);
            copies_close();
        }
        if (key < rows.most) {
#pragma unroll
            for (int m = 0; m < TILES; m++)
                soften_rows<T, BIAS>(s[m], &w, v, &rows, rows.first + m * 16, key, tile[m]);
            keep_weights<TILES>(&weights, s, memory.weights + warp * WEIGHTS_PITCH);
            join_values<T, D, TILES>(o, all, tile, weights, memory.v, w.head_dim);
        }
    }
    store_rows<T, D, TILES>(o, all, &w, v, rows.first);
}

/* ---- a tile alone, and joining ------------------------------------------------------------------------------------------ */

/* Where the partial results of a row of out and its head are, from the first tile on. */
struct partial_place {
    struct attention_seen *tiles;
    float *values;
};

__device__ inline struct partial_place partials_of(const struct attention_work *w, int64_t row, int head)
{
    int64_t heads = (int64_t)w->kv_heads * w->group, first = (row * heads + head) * w->tiles;
    struct attention_seen *tiles = reinterpret_cast<struct attention_seen *>(w->partials);
    struct partial_place place = {tiles + first, w->partials + w->rows * heads * w->tiles * 2 + first * w->head_dim};
    return place;
}

template <typename T, int D>
__device__ inline void store_tile(int tile, const struct attention_seen seen[2], const struct weights<T, 1> &weights,
                                  const T *values, const struct attention_work *w, const struct attention_view *v, int first)
{
    struct partial_place place[2];
    bool there[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int row = first + r * 8 + lane_row();
        there[r] = row < v->rows;
        place[r] = partials_of(w, v->first_row, v->head + (there[r] ? row : 0));
        if (there[r] && lane_column() == 0)
            place[r].tiles[tile] = seen[r];
        place[r].values += (int64_t)tile * w->head_dim + lane_column();
    }
#pragma unroll
    for (int column = 0; column < D; column += 16) {
        if (padded(column, w->head_dim))
            break;
        float part[1][2][4];
        clear<2>(part[0]);
        weigh<D, 1>(part, weights, values + column);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int at = column + i / 2 * 8, left = w->head_dim - at - lane_column();
            if (there[i % 2] && left > 0)
                store_two(place[i % 2].values + at, part[0][i / 2][i % 2 * 2], part[0][i / 2][i % 2 * 2 + 1], left > 1,
                          w->head_dim % 2 == 0);
        }
    }
}

/* Partial results of spans of one row: blocks are (spans * tiles, key heads * `blocks` of 16 heads). */
template <typename T, int D, bool FIT, bool BIAS>
__global__ void __launch_bounds__(WARP) attend_tile(const struct attention_work w, int blocks)
{
    const int KEYS = tile_of<T>::keys;
    SHARED(unsigned char, bytes);
    const struct block_memory<T, D, 16> memory(bytes);
    const struct attention_view *v = memory.view;
    share_view(memory.view, &w, blockIdx.x / w.tiles, blockIdx.y / blocks);
    const int tile = (int)(blockIdx.x % w.tiles), key = tile * KEYS, first = (int)(blockIdx.y % blocks) * 16;
    if (v->rows != w.group)
        return;
    const int end = visible_to(&w, v, 0);
    if (key >= end)
        return;
    load_tile<D, WARP, FIT>(memory.k, v->keys, &w, v->kv_stride, key, end);
    load_queries<T, D, 16, WARP, FIT>(memory.q, &w, v, first);
    copies_close();
    load_tile<D, WARP, FIT>(memory.v, v->values, &w, v->kv_stride, key, end);
    copies_close();

    float s[1][KEYS / 8][4];
    struct attention_seen seen[2];
    struct weights<T, 1> weights;
    const struct warp_rows rows = rows_from(&w, v, first, 16);
    clear<KEYS / 8>(s[0]);
    copies_wait<1>();
    __syncwarp();
    score<D, 1>(s, memory.q, memory.k, w.head_dim);
    soften_rows<T, BIAS>(s[0], &w, v, &rows, first, key, seen);
    keep_weights<1>(&weights, s, memory.weights);
    copies_wait<0>();
    __syncwarp();
    store_tile<T, D>(tile, seen, weights, memory.v, &w, v, first);
}

/* Joins them; blocks are (spans, heads), a thread has a column. */
template <typename T> __global__ void join_tiles(const struct attention_work w)
{
    const struct attention_view v = view_of(&w, blockIdx.x, blockIdx.y / w.group);
    int row = blockIdx.y % w.group, column = threadIdx.x;
    if (v.rows != w.group || column >= w.head_dim)
        return;
    const struct partial_place place = partials_of(&w, v.first_row, v.head + row);
    const int tiles = (visible_to(&w, &v, row) + tile_of<T>::keys - 1) / tile_of<T>::keys;
    struct attention_seen all = {-INFINITY, 0};
    float o = 0;
    for (int i = 0; i < tiles; i++) {
        float keep, add;
        attention_join(&all, &place.tiles[i], &keep, &add);
        o = joined(o, keep, place.values[(int64_t)i * w.head_dim + column], add);
    }
    store_two((T *)w.out + out_at(&w, &v, row) + column, shared(o, share(&all)), 0, false, false);
}

/* ---- launches ----------------------------------------------------------------------------------------------------------- */

template <typename T, int D, int WARPS, int TILES, bool FIT, bool BIAS>
static void launch_rows(cuda_stream stream, const struct attention_work *w)
{
    void (*kernel)(struct attention_work, int) = attend_rows<T, D, WARPS, TILES, FIT, BIAS>;
    const int rows = WARPS * TILES * 16, size = block_memory<T, D, rows>::size;
    int64_t blocks = (w->longest_count * w->group + rows - 1) / rows;
    LAUNCH(kernel, dim3((unsigned)(w->count * blocks), (unsigned)w->kv_heads), dim3(WARPS * WARP), size, stream, *w,
           (int)blocks);
}

template <typename T, int D, bool FIT, bool BIAS> static void launch_tiles(cuda_stream stream, const struct attention_work *w)
{
    void (*kernel)(struct attention_work, int) = attend_tile<T, D, FIT, BIAS>;
    void (*joining)(struct attention_work) = join_tiles<T>;
    const int size = block_memory<T, D, 16>::size, blocks = (w->group + 15) / 16;
    LAUNCH(kernel, dim3((unsigned)(w->count * w->tiles), (unsigned)(w->kv_heads * blocks)), dim3(WARP), size, stream, *w,
           blocks);
    LAUNCH(joining, dim3((unsigned)w->count, (unsigned)(w->kv_heads * w->group)),
           dim3((unsigned)((w->head_dim + WARP - 1) / WARP * WARP)), 0, stream, *w);
}

#define ENOUGH_BLOCKS 264 /* for large GPUs; larger blocks do more with what they load */

/* A row's result is the same whatever is launched. */
template <typename T, int D, int LARGEST> static void launch(cuda_stream stream, const struct attention_work *w)
{
    int64_t rows = w->longest_count * w->group;
    if (w->partials)
        launch_tiles<T, D, true, false>(stream, w);
    if (w->partials && w->longest_count == 1)
        return;
    if (rows > 64 && LARGEST == 2 && (rows + 127) / 128 * w->count * w->kv_heads >= ENOUGH_BLOCKS)
        launch_rows<T, D, 4, LARGEST, true, false>(stream, w);
    else if (rows > 16)
        launch_rows<T, D, 4, 1, true, false>(stream, w);
    else
        launch_rows<T, D, 1, 1, true, false>(stream, w);
}

/* With a bias, or rows that are not whole, aligned 16 bytes. */
template <typename T, int D, bool FIT, bool BIAS> static void launch_special(cuda_stream stream, const struct attention_work *w)
{
    if (w->partials)
        launch_tiles<T, D, FIT, BIAS>(stream, w);
    if (!w->partials || w->longest_count > 1)
        launch_rows<T, D, 4, 1, FIT, BIAS>(stream, w);
}

/* Caches are aligned. */
static bool fits(const struct attention_work *w)
{
    int64_t width = w->dtype == F32 ? 4 : 8;
    uintptr_t places = (uintptr_t)w->q | (w->spans ? 0 : (uintptr_t)w->k | (uintptr_t)w->v);
    return places % 16 == 0 && (w->head_dim | w->q_stride | w->kv_stride) % width == 0;
}

#endif
