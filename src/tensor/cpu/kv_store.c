#include "tensor/cpu/kv_store.h"

#include "tensor/cpu/operations.h"

#include <string.h>

int64_t kv_panel(void)
{
    return kernels_get()->panel;
}

static int64_t round_to_panels(int64_t positions)
{
    return (positions + kv_panel() - 1) / kv_panel() * kv_panel();
}

int64_t kv_keys_size(int kv_heads, int head_dim, int64_t capacity)
{
    return kv_heads * head_dim * capacity;
}

int64_t kv_values_size(int kv_heads, int head_dim, int64_t capacity)
{
    return kv_heads * round_to_panels(head_dim) * capacity;
}

static void *at(void *data, enum dtype dtype, int64_t element)
{
    return (char *)data + (size_t)element * dtype_size(dtype);
}

struct kv_store kv_store_of(const struct kv_cache *cache, int slot, int block)
{
    const struct kv_slot *s = &cache->slots[slot];
    int64_t keys = kv_keys_size(cache->kv_heads, cache->head_dim, s->capacity);
    int64_t values = kv_values_size(cache->kv_heads, cache->head_dim, s->capacity);
    return (struct kv_store){.dtype = cache->dtype,
                             .kv_heads = cache->kv_heads,
                             .head_dim = cache->head_dim,
                             .capacity = s->capacity,
                             .keys = at(s->keys, cache->dtype, block * keys),
                             .values = at(s->values, cache->dtype, block * values)};
}

void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value)
{
    int64_t panel = kv_panel(), width = round_to_panels(store->head_dim), dim = store->head_dim;
    for (int h = 0; h < store->kv_heads; h++, key += dim, value += dim) {
        int64_t k = h * dim * store->capacity + position / panel * panel * dim + position % panel;
        int64_t v = (h * store->capacity + position) * width;
        for (int64_t d = 0; d < dim; d++) {
            if (store->dtype == F32) {
                ((float *)store->keys)[k + d * panel] = key[d];
                ((float *)store->values)[v + d] = value[d];
            } else {
                ((bf16 *)store->keys)[k + d * panel] = bf16_from_f32(key[d]);
                ((bf16 *)store->values)[v + d] = bf16_from_f32(value[d]);
            }
        }
    }
}

struct panels kv_store_keys(const struct kv_store *store, int head)
{
    int64_t size = kv_keys_size(1, store->head_dim, store->capacity);
    return (struct panels){at(store->keys, store->dtype, head * size), store->dtype, store->head_dim * kv_panel(), kv_panel()};
}

struct panels kv_store_values(const struct kv_store *store, int head)
{
    int64_t size = kv_values_size(1, store->head_dim, store->capacity);
    return (struct panels){at(store->values, store->dtype, head * size), store->dtype, kv_panel(),
                           round_to_panels(store->head_dim)};
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

void cpu_kv_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions)
{
    (void)arena;
    int64_t whole = round_to_panels(positions), width = round_to_panels(cache->head_dim);
    for (int block = 0; block < cache->blocks; block++) {
        struct kv_store a = kv_store_of(cache, from, block), b = kv_store_of(cache, to, block);
        copy_heads(cache, whole * cache->head_dim, a.keys, a.capacity * cache->head_dim, b.keys, b.capacity * cache->head_dim);
        copy_heads(cache, positions * width, a.values, a.capacity * width, b.values, b.capacity * width);
    }
}
