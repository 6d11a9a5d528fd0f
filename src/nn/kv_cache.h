/* The KV cache: keys and values of the sequences being decoded. A slot holds one sequence, and grows to what that needs. */
#ifndef LMVR_SRC_NN_KV_CACHE_H
#define LMVR_SRC_NN_KV_CACHE_H

#include "tensor/device.h"

/* Empty slots. */
lmvr_status kv_cache_create(struct kv_cache *cache, const struct device *device, enum dtype dtype, int blocks, int kv_heads,
                            int head_dim, int slots, lmvr_error *error);
void kv_cache_finish(struct kv_cache *cache);

/* Makes room for a sequence of up to `positions`. What the slot held is lost where it has to grow. */
lmvr_status kv_cache_reserve(struct kv_cache *cache, int slot, int64_t positions, lmvr_error *error);

/* Bytes of a slot for up to `positions`. */
uint64_t kv_cache_slot_bytes(const struct device *device, enum dtype dtype, int blocks, int kv_heads, int head_dim,
                             int64_t positions);

/* Copies the first `positions` of one slot to another that has room for them, in every block, so that a shared prefix is
 * computed only once. */
void kv_cache_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions);

#endif
