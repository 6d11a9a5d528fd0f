/*
 * What the kernels of attention have in common: groups and spans described alike.
 *
 * Keys are taken in tiles, whose bounds are multiples of a constant. A tile gives for each row, a query of one head, a partial
 * result: the largest score, the sum of exponentials relative to it, and the sum of values weighted by these. Partial results
 * are joined in the order of keys. So it makes no difference whether a block of threads walks over the tiles of many rows, or
 * each tile has a block of its own and another kernel joins what they left in memory.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_ATTENTION_H
#define LMVR_SRC_TENSOR_CUDA_ATTENTION_H

#include "tensor/cuda/cuda.h"
#include "tensor/cuda/kernels.h"

#define ATTENTION_MOST_DIM 256
#define LOG2_E             1.4426950408889634f

/* Keys of a tile: 128 bytes of each dimension. */
template <typename T> struct tile_of;
template <> struct tile_of<bf16> {
    static const int keys = 64;
};
template <> struct tile_of<float> {
    static const int keys = 32;
};

/* Groups or spans. */
struct attention_work {
    int64_t count, longest_count, longest_visible; /* of them; the most queries and keys of one */
    const struct cuda_span *spans;                 /* NULL: groups, which are: */
    const int64_t *queries, *keys;
    const void *k, *v;
    int64_t kv_stride;
    enum dtype dtype, cache_dtype; /* the latter is of keys and values */
    int block;                     /* of the cache */
    int kv_heads, group, head_dim; /* `group` query heads share a key head */
    bool causal;
    float scale; /* of scores that are exponents of 2 */
    struct cuda_bias bias;
    const void *q;
    int64_t q_stride;
    void *out;
    /* Partial results of spans of one row, for (rows, heads, tiles): of each the largest score and the sum, and after all of
     * these the values (head_dim). NULL: such spans are like others. */
    float *partials;
    int64_t rows, tiles;
};

/* Rows that see keys of one head: row r is head r % group of query r / group. */
struct attention_view {
    const void *keys, *values;
    int64_t kv_stride;
    int64_t first_row; /* of q and out */
    int rows, head;    /* the first query head */
    int first, visible;
};

__device__ inline const void *element_at(const void *data, enum dtype dtype, int64_t at)
{
    return (const char *)data + at * (dtype == F32 ? 4 : 2);
}

__device__ inline struct attention_view view_span(const struct attention_work *w, int64_t i, int kv_head)
{
    const struct cuda_span *s = &w->spans[i];
    int64_t at = (w->block * (int64_t)w->kv_heads + kv_head) * s->capacity * w->head_dim;
    struct attention_view v;
    v.keys = element_at(s->keys, w->cache_dtype, at);
    v.values = element_at(s->values, w->cache_dtype, at);
    v.kv_stride = w->head_dim;
    v.first_row = s->row;
    v.rows = (int)s->count * w->group;
    v.head = kv_head * w->group;
    v.first = (int)s->first;
    v.visible = (int)s->visible;
    return v;
}

__device__ inline struct attention_view view_group(const struct attention_work *w, int64_t i, int head)
{
    int64_t at = w->keys[i] * w->kv_stride + (int64_t)head * w->head_dim;
    struct attention_view v;
    v.keys = element_at(w->k, w->dtype, at);
    v.values = element_at(w->v, w->dtype, at);
    v.kv_stride = w->kv_stride;
    v.first_row = w->queries[i];
    v.rows = (int)(w->queries[i + 1] - w->queries[i]);
    v.head = head;
    v.first = 0;
    v.visible = (int)(w->keys[i + 1] - w->keys[i]);
    return v;
}

__device__ inline struct attention_view view_of(const struct attention_work *w, int64_t i, int kv_head)
{
    return w->spans ? view_span(w, i, kv_head) : view_group(w, i, kv_head);
}

/* How many keys a row sees. */
__device__ inline int visible_to(const struct attention_work *w, const struct attention_view *v, int row)
{
    return w->causal ? v->first + row / w->group + 1 : v->visible;
}

/* The element of q, and that of out, where a row begins. */
__device__ inline int64_t query_at(const struct attention_work *w, const struct attention_view *v, int row)
{
    return (v->first_row + row / w->group) * w->q_stride + (int64_t)(v->head + row % w->group) * w->head_dim;
}
__device__ inline int64_t out_at(const struct attention_work *w, const struct attention_view *v, int row)
{
    int64_t width = (int64_t)w->kv_heads * w->group * w->head_dim;
    return (v->first_row + row / w->group) * width + (int64_t)(v->head + row % w->group) * w->head_dim;
}

/* A row's bias for the key at position 0. */
__device__ inline const float *bias_of(const struct attention_work *w, const struct attention_view *v, int row)
{
    return w->bias.values + (v->head + row % w->group) * w->bias.width + w->bias.zero - (v->first + row / w->group);
}

/* What a row has seen of its keys: the largest score, as an exponent of 2, and the sum of powers relative to it. */
struct attention_seen {
    float most, sum;
};

/* What exponents are relative to. A row that has seen nothing has sums of 0. */
__device__ inline float reference_of(float most)
{
    return most == -INFINITY ? 0.0f : most;
}

/* Adds a tile to what a row has seen; its values become values * keep + the tile's * add. */
__device__ inline void attention_join(struct attention_seen *all, const struct attention_seen *tile, float *keep, float *add)
{
    float most = fmaxf(all->most, tile->most), reference = reference_of(most);
    *keep = exp2_fast(all->most - reference);
    *add = exp2_fast(tile->most - reference);
    all->sum = fmaf(all->sum, *keep, __fmul_rn(tile->sum, *add));
    all->most = most;
}

/* Launches what computes `out`. */
void attend_bf16(cuda_stream stream, const struct attention_work *work);
void attend_f32(cuda_stream stream, const struct attention_work *work);

/* Where attention weights go. A query's floats are `stride` apart in spans, `most` of them; in groups, a group's begin at
 * offsets[i], and each query has as many as there are keys from `from` on. */
struct attention_weighing {
    int64_t from, most, stride;
    float weight;
    const int64_t *offsets;
    float *weights;
};
void attention_weigh(cuda_stream stream, const struct attention_work *work, const struct attention_weighing *to);

#endif
