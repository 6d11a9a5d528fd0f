#include "language/kv_cache.h"

#include <stdlib.h>
#include <string.h>

static int64_t round_to_panels(int64_t positions)
{
    return (positions + kv_panel() - 1) / kv_panel() * kv_panel();
}

uint64_t kv_cache_slot_bytes(enum dtype dtype, int blocks, int kv_heads, int head_dim, int64_t positions)
{
    int64_t capacity = round_to_panels(positions);
    int64_t each = kv_keys_size(kv_heads, head_dim, capacity) + kv_values_size(kv_heads, head_dim, capacity);
    return (uint64_t)each * (uint64_t)blocks * dtype_size(dtype);
}

lmvr_status kv_cache_create(struct kv_cache *cache, enum dtype dtype, int blocks, int kv_heads, int head_dim, int slots,
                            lmvr_error *error)
{
    *cache =
        (struct kv_cache){.dtype = dtype, .blocks = blocks, .kv_heads = kv_heads, .head_dim = head_dim, .slot_count = slots};
    cache->slots = calloc((size_t)slots + 1, sizeof *cache->slots);
    return cache->slots ? LMVR_OK : error_no_memory(error, "a key-value cache");
}

static void slot_finish(struct kv_slot *slot)
{
    free(slot->keys);
    free(slot->values);
    *slot = (struct kv_slot){0};
}

void kv_cache_finish(struct kv_cache *cache)
{
    for (int i = 0; cache->slots && i < cache->slot_count; i++)
        slot_finish(&cache->slots[i]);
    free(cache->slots);
    *cache = (struct kv_cache){0};
}

lmvr_status kv_cache_reserve(struct kv_cache *cache, int slot, int64_t positions, lmvr_error *error)
{
    struct kv_slot *s = &cache->slots[slot];
    int64_t capacity = round_to_panels(positions);
    if (s->capacity >= capacity)
        return LMVR_OK;
    slot_finish(s);
    size_t keys = (size_t)(cache->blocks * kv_keys_size(cache->kv_heads, cache->head_dim, capacity));
    size_t values = (size_t)(cache->blocks * kv_values_size(cache->kv_heads, cache->head_dim, capacity));
    /* calloc's pages take no memory until the sequence reaches them */
    s->keys = calloc(keys, dtype_size(cache->dtype));
    s->values = calloc(values, dtype_size(cache->dtype));
    if (!s->keys || !s->values) {
        slot_finish(s);
        return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for a key-value cache of %lld positions",
                         (long long)positions);
    }
    s->capacity = capacity;
    return LMVR_OK;
}

static void *at(void *data, int64_t element, enum dtype dtype)
{
    return (char *)data + (size_t)element * dtype_size(dtype);
}

struct kv_store kv_cache_store(const struct kv_cache *cache, int slot, int block)
{
    const struct kv_slot *s = &cache->slots[slot];
    int64_t keys = kv_keys_size(cache->kv_heads, cache->head_dim, s->capacity);
    int64_t values = kv_values_size(cache->kv_heads, cache->head_dim, s->capacity);
    return (struct kv_store){.dtype = cache->dtype,
                             .kv_heads = cache->kv_heads,
                             .head_dim = cache->head_dim,
                             .capacity = s->capacity,
                             .keys = at(s->keys, block * keys, cache->dtype),
                             .values = at(s->values, block * values, cache->dtype)};
}

/* Copies the first `size` elements of each head; heads are so many elements apart. */
static void copy_heads(const struct kv_cache *cache, int64_t size, const void *from, int64_t from_step, void *to,
                       int64_t to_step)
{
    size_t element = dtype_size(cache->dtype);
    for (int64_t head = 0; head < cache->kv_heads; head++)
        memcpy((char *)to + (size_t)(head * to_step) * element, (const char *)from + (size_t)(head * from_step) * element,
               (size_t)size * element);
}

void kv_cache_copy(struct kv_cache *cache, int from, int to, int64_t positions)
{
    int64_t whole = round_to_panels(positions), width = kv_values_size(1, cache->head_dim, 1);
    if (positions == 0) /* an empty slot has no memory */
        return;
    for (int block = 0; block < cache->blocks; block++) {
        struct kv_store a = kv_cache_store(cache, from, block), b = kv_cache_store(cache, to, block);
        copy_heads(cache, whole * cache->head_dim, a.keys, a.capacity * cache->head_dim, b.keys, b.capacity * cache->head_dim);
        copy_heads(cache, positions * width, a.values, a.capacity * width, b.values, b.capacity * width);
    }
}
