#include "language/kv_cache.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t round_to_panels(int64_t positions)
{
    return (positions + kv_panel() - 1) / kv_panel() * kv_panel();
}

uint64_t kv_cache_bytes(enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots, int64_t positions)
{
    int64_t capacity = round_to_panels(positions);
    int64_t each = kv_keys_size(kv_heads, head_dim, capacity) + kv_values_size(kv_heads, head_dim, capacity);
    return (uint64_t)each * (uint64_t)blocks * (uint64_t)slots * dtype_size(dtype);
}

/* In f32, as in transformers: the frequency is rounded before it is multiplied by the position. */
static void fill_rope(struct kv_cache *cache, float theta, float factor)
{
    int half = cache->head_dim / 2;
    for (int64_t position = 0; position < cache->capacity; position++)
        for (int i = 0; i < half; i++) {
            float exponent = (float)(2 * i) / (float)cache->head_dim;
            float frequency = 1.0f / powf(theta, exponent) / factor, angle = (float)position * frequency;
            cache->rope[position * cache->head_dim + i] = cosf(angle);
            cache->rope[position * cache->head_dim + half + i] = sinf(angle);
        }
}

lmvr_status kv_cache_create(struct kv_cache *cache, enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots,
                            int64_t positions, float theta, float factor, lmvr_error *error)
{
    int64_t capacity = round_to_panels(positions);
    *cache = (struct kv_cache){.dtype = dtype,
                               .blocks = blocks,
                               .kv_heads = kv_heads,
                               .head_dim = head_dim,
                               .slots = slots,
                               .capacity = capacity,
                               .keys_size = kv_keys_size(kv_heads, head_dim, capacity),
                               .values_size = kv_values_size(kv_heads, head_dim, capacity)};
    int64_t stores = (int64_t)blocks * slots;
    /* calloc's pages take no memory until a sequence reaches them */
    cache->keys = calloc((size_t)(stores * cache->keys_size), dtype_size(dtype));
    cache->values = calloc((size_t)(stores * cache->values_size), dtype_size(dtype));
    cache->rope = theta > 0 ? calloc((size_t)(capacity * head_dim), sizeof(float)) : NULL;
    if (!cache->keys || !cache->values || (theta > 0 && !cache->rope)) {
        kv_cache_finish(cache);
        return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for a key-value cache of %d sequences of %lld positions",
                         slots, (long long)positions);
    }
    if (cache->rope)
        fill_rope(cache, theta, factor);
    return LMVR_OK;
}

void kv_cache_finish(struct kv_cache *cache)
{
    free(cache->keys);
    free(cache->values);
    free(cache->rope);
    *cache = (struct kv_cache){0};
}

struct kv_store kv_cache_store(const struct kv_cache *cache, int slot, int block)
{
    int64_t store = (int64_t)slot * cache->blocks + block;
    return (struct kv_store){.dtype = cache->dtype,
                             .kv_heads = cache->kv_heads,
                             .head_dim = cache->head_dim,
                             .capacity = cache->capacity,
                             .keys = (char *)cache->keys + (size_t)(store * cache->keys_size) * dtype_size(cache->dtype),
                             .values = (char *)cache->values + (size_t)(store * cache->values_size) * dtype_size(cache->dtype)};
}

void kv_cache_copy(struct kv_cache *cache, int from, int to, int64_t positions)
{
    size_t size = dtype_size(cache->dtype), keys = (size_t)(round_to_panels(positions) * cache->head_dim) * size;
    size_t key_step = (size_t)(cache->capacity * cache->head_dim) * size;
    size_t value_step = (size_t)(cache->values_size / cache->kv_heads) * size;
    size_t values = value_step / (size_t)cache->capacity * (size_t)positions;
    for (int block = 0; block < cache->blocks; block++) {
        struct kv_store a = kv_cache_store(cache, from, block), b = kv_cache_store(cache, to, block);
        for (size_t head = 0; head < (size_t)cache->kv_heads; head++) {
            memcpy((char *)b.keys + head * key_step, (char *)a.keys + head * key_step, keys);
            memcpy((char *)b.values + head * value_step, (char *)a.values + head * value_step, values);
        }
    }
}
