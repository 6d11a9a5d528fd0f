/* Multi-head attention over stored keys and values (Vaswani et al. 2017, section 3.2), including grouped-query attention. */
#ifndef LMVR_SRC_NN_ATTENTION_H
#define LMVR_SRC_NN_ATTENTION_H

#include "error.h"
#include "tensor/arena.h"
#include "tensor/dtype.h"

#include <stdbool.h>

/*
 * Keys and values of one sequence in one block, in the layout of the kernels: keys (kv_heads, positions / panel, head_dim,
 * panel), values (kv_heads, positions, head_dim rounded up to panels).
 */
struct kv_store {
    enum dtype dtype;
    int kv_heads, head_dim;
    int64_t capacity; /* positions, a multiple of kv_panel() */
    void *keys, *values;
};

/* The capacity of a store is a multiple of this many positions. */
int kv_panel(void);
/* The number of elements for the keys, and for the values, of a store of this capacity. */
int64_t kv_keys_size(int kv_heads, int head_dim, int64_t capacity);
int64_t kv_values_size(int kv_heads, int head_dim, int64_t capacity);

/* Writes the key and value of all heads, (kv_heads, head_dim) each, at `position`. A store's memory must start out zeroed. */
void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value);

/* Queries of one sequence: `count` rows, at positions first, first + 1, ... */
struct attention_span {
    struct kv_store store;
    int64_t first, count;
    int64_t visible; /* keys that they attend to; ignored if causal */
};

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

/* 1 / sqrt(head_dim). */
float attention_scale(int head_dim);

/* out (rows, heads * head_dim) from q, whose row r, (heads, head_dim), is at q + r * q_stride. Rows are ordered by span. */
lmvr_status attention_forward(struct arena *arena, const struct attention_rule *rule, const struct attention_span *spans,
                              int span_count, const float *q, int64_t q_stride, float *out, lmvr_error *error);

/*
 * The attention weights of one query row q (heads, head_dim). Adds to out (count) `weight` times the sum over heads of the
 * softmax weights over the first `visible` keys, of which out covers keys first .. first + count - 1. `scratch` has room for
 * `visible` floats. Runs on the calling thread.
 */
void attention_weights(const struct attention_rule *rule, const struct kv_store *store, const float *q, int64_t visible,
                       int64_t first, int64_t count, float weight, float *scratch, float *out);

/* Groups of any sizes, with attention within each. Rows, each (heads, head_dim), lie group after group. */
struct attention_groups {
    int64_t count;
    const int64_t *queries,
        *keys; /* (count + 1): group i has rows queries[i] .. queries[i + 1] - 1 of q; likewise of k and v */
    int head_dim;
    enum dtype dtype; /* of the products: bf16 only where the processor supports it */
    const float *q, *k, *v;
    int64_t q_stride, kv_stride; /* from row to row */
    /* NULL, or a row for each query of as many floats as its group has keys from weights_from on: receives, in addition,
     * `weight` times its attention weights, summed over heads. */
    float *weights;
    float weight;
    int64_t weights_from;
};

/* Bounds of `count` groups of `size` rows each, (count + 1); NULL: out of memory. */
int64_t *attention_even_groups(struct arena *arena, int64_t count, int64_t size);

/* out (all queries, heads * head_dim). If causal, a group has a key for each query, and a query attends to those up to its own;
 * products are then of f32. */
lmvr_status attention_within(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                             float *out, lmvr_error *error);

#endif
