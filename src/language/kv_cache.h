/* The KV cache: keys and values of the sequences being decoded. A slot holds one sequence, and grows to what that needs. */
#ifndef LMVR_SRC_LANGUAGE_KV_CACHE_H
#define LMVR_SRC_LANGUAGE_KV_CACHE_H

#include "nn/attention.h"

struct kv_slot {
    int64_t capacity;    /* positions */
    void *keys, *values; /* (blocks, …), as in struct kv_store */
};

struct kv_cache {
    enum dtype dtype;
    int blocks, kv_heads, head_dim, slot_count;
    struct kv_slot *slots;
};

/* Empty slots. */
lmvr_status kv_cache_create(struct kv_cache *cache, enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots,
                            lmvr_error *error);
void kv_cache_finish(struct kv_cache *cache);

/* Makes room for a sequence of up to `positions`. What the slot held is lost where it has to grow. */
lmvr_status kv_cache_reserve(struct kv_cache *cache, int slot, int64_t positions, lmvr_error *error);

/* Bytes of a slot for up to `positions`. */
uint64_t kv_cache_slot_bytes(enum dtype dtype, int blocks, int kv_heads, int head_dim, int64_t positions);

struct kv_store kv_cache_store(const struct kv_cache *cache, int slot, int block);

/* Copies the first `positions` of one slot to another that has room for them, in every block, so that a shared prefix is
 * computed only once. */
void kv_cache_copy(struct kv_cache *cache, int from, int to, int64_t positions);

#endif
