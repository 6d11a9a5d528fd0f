/* Multi-head attention (Vaswani et al. 2017, section 3.2), including grouped-query attention; what it is given is in
 * tensor/attention.h. */
#ifndef LMVR_SRC_NN_ATTENTION_H
#define LMVR_SRC_NN_ATTENTION_H

#include "tensor/device.h"

/* 1 / sqrt(head_dim). */
float attention_scale(int head_dim);

/* Norms and turns queries and keys in place, and files keys and values in the cache. */
void attention_heads(struct arena *arena, const struct head_rows *rows, operand *qkv);

/* out (rows, heads * head_dim) from the keys and values of a cache. */
lmvr_status attention_forward(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                              operand *out, lmvr_error *error);

/* Adds to weights (rows, count) `weight` times the softmax weights over the visible keys, summed over heads, of which `count`
 * from key `first` on. Biases are left out. */
lmvr_status attention_weights(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                              int64_t first, int64_t count, float weight, float *weights, lmvr_error *error);

/* Bounds of `count` groups of `size` rows each, (count + 1); NULL: out of memory. */
int64_t *attention_even_groups(struct arena *arena, int64_t count, int64_t size);

/* out (all queries, heads * head_dim). If causal, a group has a key for each query, and a query attends to those up to its own;
 * products are then of f32 on the processor. */
lmvr_status attention_within(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                             operand *out, lmvr_error *error);

#endif
