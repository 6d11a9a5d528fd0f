/* What attention is given: rules, groups of rows that attend within themselves, and the KV cache with queries over it. */
#ifndef LMVR_SRC_TENSOR_ATTENTION_H
#define LMVR_SRC_TENSOR_ATTENTION_H

#include "tensor/arena.h"
#include "tensor/norm.h"

/* A bias by relative position (Raffel et al. 2020, section 2.1): in head h, values[h * width + zero + d] is added to the score
 * of a key at distance d, its position minus the query's. */
struct attention_bias {
    const float *values; /* (heads, width); NULL: no bias */
    int64_t width, zero;
};

/* How queries attend to keys. */
struct attention_rule {
    int heads;
    bool causal; /* a query attends to the keys up to its own position; else to the first `visible` keys of its span, or to all
                  * of its group */
    float scale; /* multiplies query-key products; usually attention_scale() */
    struct attention_bias bias;
};

/* Groups of any sizes, with attention within each. Rows, each (heads, head_dim), lie group after group. */
struct attention_groups {
    int64_t count;
    /* (count + 1), of the host: group i has rows queries[i] .. queries[i + 1] - 1 of q; likewise of k and v */
    const int64_t *queries, *keys;
    int head_dim;
    const operand *q, *k, *v;
    int64_t q_stride, kv_stride; /* from row to row */
    /* NULL, or a row for each query of as many floats as its group has keys from weights_from on: receives, in addition,
     * `weight` times its attention weights, summed over heads. */
    float *weights;
    float weight;
    int64_t weights_from;
};

/* A sequence's keys and values of all blocks, in the device's layout. */
struct kv_slot {
    int64_t capacity; /* positions, a multiple of the device's panel */
    void *keys, *values;
};

struct kv_cache {
    const struct device *device;
    enum dtype dtype;
    int blocks, kv_heads, head_dim, slot_count;
    struct kv_slot *slots;
};

/* Queries of one sequence: `count` rows, at positions first, first + 1, ... of its slot. */
struct attention_span {
    int slot;
    int64_t first, count;
    int64_t visible; /* keys that they attend to; ignored if causal */
};

/* Queries of some sequences over the keys and values of one block. */
struct attention_query {
    const struct kv_cache *cache;
    int block;
    const struct attention_span *spans; /* (span_count), of the host; their rows lie one after the other */
    int span_count;
    const operand *q; /* row r, (heads, head_dim), is at q + r * q_stride */
    int64_t q_stride;
};

/* Where a row's key and value are filed. */
struct kv_place {
    int slot;
    int64_t position;
};

/* Queries, keys and values side by side, (q_heads + 2 kv_heads, head_dim) a row. */
struct head_rows {
    int64_t count, stride;
    int q_heads, kv_heads, head_dim;
    const struct norm *q_norm, *k_norm; /* RMS norms of each head, (head_dim); NULL, or no weight: none */
    const float *angles;                /* (count, head_dim), by which queries and keys turn (nn/rope.h); NULL: they do not */
    const struct kv_cache *cache;       /* where keys and values of `block` are filed; NULL: nowhere */
    int block;
    const struct kv_place *places; /* (count), of the host */
};

#endif
