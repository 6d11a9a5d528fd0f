/* The processor's layout of keys and values: that of the attention kernels. */
#ifndef LMVR_SRC_TENSOR_CPU_KV_STORE_H
#define LMVR_SRC_TENSOR_CPU_KV_STORE_H

#include "tensor/attention.h"
#include "tensor/cpu/kernels.h"

/*
 * Keys and values of one sequence in one block: keys (kv_heads, positions / panel, head_dim, panel), values (kv_heads,
 * positions, head_dim rounded up to panels). In INT8, each is divided by a scale of its head and position, so that the largest
 * of its elements is 127.
 */
struct kv_store {
    enum dtype dtype;
    int kv_heads, head_dim;
    int64_t capacity; /* positions, a multiple of kv_panel() */
    void *keys, *values;
    float *key_scales, *value_scales; /* (kv_heads, capacity), behind keys and values; NULL: none */
};

/* The capacity of a store is a multiple of this many positions. */
int64_t kv_panel(void);
/* Bytes for the keys, and for the values, of a store of this capacity. */
size_t kv_keys_size(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity);
size_t kv_values_size(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity);

struct kv_store kv_store_of(const struct kv_cache *cache, int slot, int block);

/* Writes the key and value of all heads, (kv_heads, head_dim) each, at `position`. A store's memory must start out zeroed. */
void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value);

/* Keys and values of one head, as the kernels take them, without their scales. */
struct panels kv_store_keys(const struct kv_store *store, int head);
struct panels kv_store_values(const struct kv_store *store, int head);

#endif
