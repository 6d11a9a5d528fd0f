/* Multi-head attention over a store of keys and values (Vaswani et al. 2017, section 3.2), with grouped-query heads. */
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

/* Positions come in multiples of this many. */
int kv_panel(void);
/* Elements that keys, and that values, take for this capacity. */
int64_t kv_keys_size(int kv_heads, int head_dim, int64_t capacity);
int64_t kv_values_size(int kv_heads, int head_dim, int64_t capacity);

/* Writes the key and value of all heads, (kv_heads, head_dim) each, at `position`. Memory of a store must start as zeros. */
void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value);

/* Queries of one sequence: rows at positions first, first + 1, ... */
struct attention_span {
    struct kv_store store;
    int64_t first, count;
};

/* What is added to the score of a key at distance d = its position - the query's, in head h: values[h * width + zero + d]
 * (relative positions: Raffel et al. 2020, section 2.1). */
struct attention_bias {
    const float *values; /* (heads, width); NULL: nothing is added */
    int64_t width, zero;
};

/* How queries look at keys. */
struct attention_rule {
    int heads;
    bool causal;     /* a query sees the keys up to its own position; else all of `visible` keys */
    int64_t visible; /* where not causal */
    float scale;     /* of the product of query and key, mostly attention_scale() */
    struct attention_bias bias;
};

/* One over the root of the head's size. */
float attention_scale(int head_dim);

/* out (rows, heads * head_dim) from q, whose row r is at q + r * q_stride (heads, head_dim). The spans' rows follow each other.
 */
lmvr_status attention_forward(struct arena *arena, const struct attention_rule *rule, const struct attention_span *spans,
                              int span_count, const float *q, int64_t q_stride, float *out, lmvr_error *error);

/*
 * What a query attends to: adds `weight` times the softmax weights of one row's heads, q (heads, head_dim), over the first
 * `visible` keys to out (count), which are the keys first .. first + count - 1 of them. `scratch` holds `visible` floats. One
 * thread.
 */
void attention_weights(const struct attention_rule *rule, const struct kv_store *store, const float *q, int64_t visible,
                       int64_t first, int64_t count, float weight, float *scratch, float *out);

/* Groups that each attend within themselves: `count` times `queries` rows of q, over `keys` rows of k and of v, the rows of a
 * group behind each other, each row (heads, head_dim). */
struct attention_groups {
    int64_t count, queries, keys;
    int head_dim;
    enum dtype dtype; /* of the products: bf16 only where the processor has them */
    const float *q, *k, *v;
    int64_t q_stride, kv_stride; /* from row to row */
    float *weights;              /* NULL, or where to add `weight` times what each row attends to, summed over heads: */
    float weight;                /* (count * queries, keys - weights_from), keys from weights_from on */
    int64_t weights_from;
};

/* out (count * queries, heads * head_dim). Not causal; rule->visible is `keys`. */
lmvr_status attention_within(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                             float *out, lmvr_error *error);

#endif
