/* The KV cache: keys and values of the sequences being decoded. Every slot has room for one sequence of full length. */
#ifndef LMVR_SRC_LANGUAGE_KV_CACHE_H
#define LMVR_SRC_LANGUAGE_KV_CACHE_H

#include "nn/attention.h"

struct kv_cache {
    enum dtype dtype;
    int blocks, kv_heads, head_dim, slots;
    int64_t capacity;               /* positions per slot */
    int64_t keys_size, values_size; /* elements per slot and block */
    void *keys, *values;            /* (slots, blocks, …) */
    float *rope;                    /* (capacity, head_dim): head_dim / 2 cosines, then as many sines, per position; or NULL */
};

/* For sequences of up to `positions`. `theta` and `factor` define the rotary embedding: Su et al. 2021, equation 15, with
 * frequencies divided by `factor` ("linear" scaling; Chen et al. 2023). theta 0: no rotary embedding. */
lmvr_status kv_cache_create(struct kv_cache *cache, enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots,
                            int64_t positions, float theta, float factor, lmvr_error *error);
void kv_cache_finish(struct kv_cache *cache);

/* Bytes of a cache of these sizes. */
uint64_t kv_cache_bytes(enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots, int64_t positions);

struct kv_store kv_cache_store(const struct kv_cache *cache, int slot, int block);

/* Copies the first `positions` of one slot to another, in every block, so that a shared prefix is computed only once. */
void kv_cache_copy(struct kv_cache *cache, int from, int to, int64_t positions);

#endif
