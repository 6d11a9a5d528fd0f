/*
 * Our own kernels: each function launches on `stream` and returns at once. All pointers are the GPU's memory, except in structs
 * that say otherwise. `dtype` is that of operands, which come as void *: F32 or BF16. Rows are contiguous unless there is a
 * stride, in elements. Formulas are those of tensor/cpu; sums are in f32.
 *
 * A row of a result depends on nothing but that row's input, to the last bit: not on the number of rows or where it stands.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_KERNELS_H
#define LMVR_SRC_TENSOR_CUDA_KERNELS_H

#include "tensor/activation.h"
#include "tensor/dtype.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUstream_st *cuda_stream; /* as cudaStream_t */

/* ---- elementwise.cu ----------------------------------------------------------------------------------------------------- */

/* Of a LayerNorm, or an RMS norm: weight and bias (width) in f32; an RMS norm has no bias. */
struct cuda_norm {
    const float *weight, *bias;
    float eps;
    bool rms;
};

/* y (rows, width), of `dtype`, from x (rows, width); y may be x where dtype is F32. */
void cuda_norm(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x, enum dtype dtype,
               void *y);
/* x (count) in place. */
void cuda_activate(cuda_stream stream, enum activation activation, int64_t count, enum dtype dtype, void *x);
/* y (rows, width) = activation(gate) * up, where a row of `both` is gate, then up. */
void cuda_gate(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, enum dtype dtype, const void *both,
               void *y);
/* y (count) = x * factor. */
void cuda_convert(cuda_stream stream, int64_t count, float factor, const float *x, enum dtype dtype, void *y);

/* ---- rows.cu ------------------------------------------------------------------------------------------------------------ */

/* x (count, width) receives the rows `tokens` (count) of a table (.., width) of `dtype`; in INT8, of records, as of
 * cuda_quantized_pack(). */
void cuda_embed(cuda_stream stream, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
                float *x);
/* Row i of `to`, `to_stride` apart, receives row rows[i] of `from`, `from_stride` apart; `width` elements of each. `rows` may
 * be NULL: row i. */
void cuda_gather(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from, int64_t from_stride,
                 enum dtype dtype, void *to, int64_t to_stride);
/* to[rows[i]] += from[i], rows of `width` elements; no row stands twice in `rows`. */
void cuda_add_rows(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to);
/* x[i] += the sum over t < terms, ascending, of weights[i * terms + t] * table[indexes[i * terms + t]], rows of `width`
 * elements. An index below 0 stands for nothing. `weights` may be NULL: all are 1. */
void cuda_add_table(cuda_stream stream, int64_t count, int64_t width, int terms, const int32_t *indexes, const float *weights,
                    const float *table, float *x);

/* Adds `rows` rows of `states`, `stride` apart, to a running pool of `dim` doubles: sums, maxima (NaN stays), or the last row;
 * `begin`: the pool is empty so far. Rows are taken in order. */
enum cuda_pool { CUDA_POOL_SUM, CUDA_POOL_MAX, CUDA_POOL_LAST };
struct cuda_pool_task {
    const float *states;
    double *value;
    int64_t rows, stride, dim;
    enum cuda_pool kind;
    bool begin;
};
/* `tasks` (count) is in the GPU's memory; `dim` is the largest of them. No two have the same value. */
void cuda_pool(cuda_stream stream, int64_t count, int64_t dim, const struct cuda_pool_task *tasks);

/* tokens (rows) receives the place of the first of the largest of each row's logits (width). */
void cuda_argmax(cuda_stream stream, int64_t rows, int64_t width, const float *logits, int32_t *tokens);

/* ---- quantized.cu ------------------------------------------------------------------------------------------------------- */

/* A matrix (out, in) of weights in INT8 or INT4: what records say (tensor/cpu/kernel_quantized.h) times the factors of columns.
 * All in the GPU's memory. */
struct cuda_quantized {
    int64_t out, in;
    enum dtype dtype;
    void *panels;         /* cuda_quantized_bytes(), zero until rows are packed */
    float *scales;        /* (out), in INT8 */
    const float *factors; /* (in), powers of two */
};
size_t cuda_quantized_bytes(enum dtype dtype, int64_t out, int64_t in);
/* Lays out the records of rows `first` and on, one behind the other in the GPU's memory. */
void cuda_quantized_pack(cuda_stream stream, const struct cuda_quantized *matrix, int64_t first, int64_t count,
                         const void *records);
/* weights, of BF16, receives the matrix in rows `stride` elements apart, a multiple of 8; zeros from `in` on. */
void cuda_quantized_widen(cuda_stream stream, const struct cuda_quantized *matrix, int64_t stride, void *weights);
/*
 * y (rows, out), of `dtype`, = or += x (rows, in), of BF16, times the transposed matrix, plus bias (out; NULL: none). Weights
 * in 8 bits are multiplied as whole numbers, and the sums by the row's scale; those in 4 bits are rounded to bf16, as widened.
 * `scratch` has cuda_quantized_scratch() bytes.
 */
size_t cuda_quantized_scratch(const struct cuda_quantized *matrix, int64_t rows);
void cuda_quantized_multiply(cuda_stream stream, const struct cuda_quantized *matrix, int64_t rows, const void *x,
                             const float *bias, enum dtype dtype, bool add, void *y, void *scratch);

/* ---- sample.cu ---------------------------------------------------------------------------------------------------------- */

/*
 * tokens (rows) receives of each row's logits (width, at most 2^20) the place that is at `points` (rows), in [0, 1), of the
 * probabilities at that temperature, in the order of places; or, if top_p is below 1, of those most likely that together have
 * at least top_p, in their order. As language/sample.c, but for sums within rounding of a point or of top_p.
 */
void cuda_sample(cuda_stream stream, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                 const double *points, int32_t *tokens);

/* ---- heads.cu ----------------------------------------------------------------------------------------------------------- */

/* Where a row's key and value go: they are filed at `position` of each head's memory, which has `capacity` positions. */
struct cuda_kv_place {
    void *keys, *values; /* (blocks, kv_heads, capacity, head_dim) each, of the cache's dtype */
    int64_t capacity, position;
};

/*
 * Rows of queries, keys and values side by side, (q_heads + 2 kv_heads) * head_dim elements of `dtype`, `stride` apart. Queries
 * and keys are normed head by head and turned, in place; keys and values are filed. Any of these may be left out.
 */
struct cuda_heads {
    int64_t rows, stride;
    int q_heads, kv_heads, head_dim;
    const float *q_norm, *k_norm; /* (head_dim): RMS norms of each head; NULL: none */
    float q_eps, k_eps;
    const float
        *angles; /* (rows, head_dim): cosines of head_dim / 2 pairs (i, i + head_dim / 2), then sines; NULL: no turning */
    const struct cuda_kv_place *places; /* (rows), in the GPU's memory; NULL: nothing is filed */
    int block;                          /* of the cache */
    enum dtype cache_dtype;
};
void cuda_heads(cuda_stream stream, const struct cuda_heads *heads, enum dtype dtype, void *qkv);

/*
 * ---- attention ----------------------------------------------------------------------------------------------------------
 *
 * With heads of up to 256 dimensions. Fast are whole pieces of 16 bytes: heads, strides and places in memory that are multiples
 * of that. `scale`, of products of queries and keys, is above 0. A row that sees no keys becomes 0. In bf16, products are those
 * of the tensor cores, with sums in f32, and weights are rounded to bf16; in f32, keys and values of bf16 are widened.
 */

/* A bias by relative position: in head h, values[h * width + zero + d] is added to the score of a key at distance d, its
 * position minus the query's, after scaling. */
struct cuda_bias {
    const float *values; /* NULL: none */
    int64_t width, zero;
};

/* attention_groups.cu: groups of any sizes, with attention within each. `bounds` in the GPU's memory. Query head h attends with
 * key head h. If causal, groups have as many keys as queries, and query i sees keys up to i. */
struct cuda_groups {
    int64_t count, longest_queries, longest_keys;
    const int64_t *queries,
        *keys; /* (count + 1): bounds of the groups' rows of q, and of k and v; the longest are given above */
    int heads, head_dim;
    bool causal;
    float scale;
    struct cuda_bias bias;
    const void *q, *k, *v; /* of `dtype`; rows of heads * head_dim, so far apart: */
    int64_t q_stride, kv_stride;
};
/* out (queries, heads * head_dim) of `dtype`. */
void cuda_attention_groups(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, void *out);
/* Adds to weights, for each query as many floats as its group has keys from `from` on, `weight` times the softmax weights,
 * summed over heads in order. Group i's begin at offsets[i] (in the GPU's memory). Not causal, no bias. */
void cuda_weigh_groups(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, int64_t from, float weight,
                       const int64_t *offsets, float *weights);

/* attention_cache.cu: queries over the keys and values of a cache. Query head h uses key head h / (heads / kv_heads). */
struct cuda_span {
    const void *keys, *values; /* (blocks, kv_heads, capacity, head_dim) each, of the cache's dtype; they begin at 16 bytes */
    int64_t capacity;
    int64_t row, count; /* rows of q and out */
    int64_t first;      /* position of the first row, if causal: a row sees the keys up to its own position */
    int64_t visible;    /* keys that all rows see, if not causal */
};
struct cuda_spans {
    int64_t count, rows;
    int64_t longest_count, longest_visible; /* over the spans: the most rows, and the most keys that a row sees */
    const struct cuda_span *spans;          /* (count), in the GPU's memory */
    int heads, kv_heads, head_dim;
    bool causal;
    float scale;
    struct cuda_bias bias; /* position of a row: `first` and on if causal */
    enum dtype cache_dtype;
    int block;     /* of the cache */
    const void *q; /* of `dtype`, rows q_stride apart */
    int64_t q_stride;
    void *scratch; /* cuda_attention_cache_scratch() bytes; only for cuda_attention_cache() */
};
/* Enough for any spans of so many rows in all, the longest of which sees so many keys. At most 2^17 * (head_dim + 2) floats. */
size_t cuda_attention_cache_scratch(int heads, int head_dim, int64_t rows, int64_t longest_visible);
/* out (rows, heads * head_dim) of `dtype`. A row is the same to the last bit whether its span has one row or many. */
void cuda_attention_cache(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, void *out);
/* Adds to weights (rows, count) `weight` times the softmax weights over the visible keys, of which `count` from `from` on,
 * summed over heads in order. No bias. */
void cuda_weigh_cache(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, int64_t from, int64_t count,
                      float weight, float *weights);

#ifdef __cplusplus
}
#endif

#endif
