#include "nn/kv_cache.h"

#include <stdlib.h>

static int64_t round_to_panels(const struct device *device, int64_t positions)
{
    int64_t panel = device->operations->kv_panel();
    return (positions + panel - 1) / panel * panel;
}

uint64_t kv_cache_slot_bytes(const struct device *device, enum dtype dtype, int blocks, int kv_heads, int head_dim,
                             int64_t positions)
{
    int64_t capacity = round_to_panels(device, positions);
    return (device->operations->kv_keys_size(dtype, kv_heads, head_dim, capacity) +
            device->operations->kv_values_size(dtype, kv_heads, head_dim, capacity)) *
           (uint64_t)blocks;
}

lmvr_status kv_cache_create(struct kv_cache *cache, const struct device *device, enum dtype dtype, int blocks, int kv_heads,
                            int head_dim, int slots, lmvr_error *error)
{
    *cache = (struct kv_cache){
        .device = device, .dtype = dtype, .blocks = blocks, .kv_heads = kv_heads, .head_dim = head_dim, .slot_count = slots};
    cache->slots = calloc((size_t)slots + 1, sizeof *cache->slots);
    return cache->slots ? LMVR_OK : error_no_memory(error, "a key-value cache");
}

static void slot_finish(const struct kv_cache *cache, struct kv_slot *slot)
{
    device_release(cache->device, slot->keys);
    device_release(cache->device, slot->values);
    *slot = (struct kv_slot){0};
}

void kv_cache_finish(struct kv_cache *cache)
{
    for (int i = 0; cache->slots && i < cache->slot_count; i++)
        slot_finish(cache, &cache->slots[i]);
    free(cache->slots);
    *cache = (struct kv_cache){0};
}

lmvr_status kv_cache_reserve(struct kv_cache *cache, int slot, int64_t positions, lmvr_error *error)
{
    const struct device_operations *o = cache->device->operations;
    struct kv_slot *s = &cache->slots[slot];
    int64_t capacity = round_to_panels(cache->device, positions);
    if (s->capacity >= capacity)
        return LMVR_OK;
    slot_finish(cache, s);
    size_t keys = o->kv_keys_size(cache->dtype, cache->kv_heads, cache->head_dim, capacity);
    size_t values = o->kv_values_size(cache->dtype, cache->kv_heads, cache->head_dim, capacity);
    s->keys = o->allocate(cache->device, (size_t)cache->blocks * keys);
    s->values = o->allocate(cache->device, (size_t)cache->blocks * values);
    if (!s->keys || !s->values) {
        slot_finish(cache, s);
        return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for a key-value cache of %lld positions",
                         (long long)positions);
    }
    s->capacity = capacity;
    return LMVR_OK;
}

void kv_cache_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions)
{
    if (positions > 0) /* an empty slot has no memory */
        cache->device->operations->kv_copy(arena, cache, from, to, positions);
}
