#include "tensor/cpu/kv_store.h"

#include "tensor/cpu/operations.h"

#include <math.h>
#include <string.h>

int64_t kv_panel(void)
{
    return kernels_get()->panel;
}

static int64_t round_to_panels(int64_t positions)
{
    return (positions + kv_panel() - 1) / kv_panel() * kv_panel();
}

/* Bytes of elements, and of the scales behind them. */
static size_t with_scales(enum dtype dtype, int kv_heads, int64_t capacity, int64_t elements)
{
    return (size_t)elements * dtype_size(dtype) + (dtype == INT8 ? (size_t)(kv_heads * capacity) * sizeof(float) : 0);
}

size_t kv_keys_size(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity)
{
    return with_scales(dtype, kv_heads, capacity, kv_heads * head_dim * capacity);
}

size_t kv_values_size(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity)
{
    return with_scales(dtype, kv_heads, capacity, kv_heads * round_to_panels(head_dim) * capacity);
}

static void *at(void *data, enum dtype dtype, int64_t element)
{
    return (char *)data + (size_t)element * dtype_size(dtype);
}

struct kv_store kv_store_of(const struct kv_cache *cache, int slot, int block)
{
    const struct kv_slot *s = &cache->slots[slot];
    size_t keys = kv_keys_size(cache->dtype, cache->kv_heads, cache->head_dim, s->capacity);
    size_t values = kv_values_size(cache->dtype, cache->kv_heads, cache->head_dim, s->capacity);
    struct kv_store store = {.dtype = cache->dtype,
                             .kv_heads = cache->kv_heads,
                             .head_dim = cache->head_dim,
                             .capacity = s->capacity,
                             .keys = (char *)s->keys + (size_t)block * keys,
                             .values = (char *)s->values + (size_t)block * values};
    if (cache->dtype == INT8) {
        int64_t rows = cache->kv_heads * s->capacity;
        store.key_scales = at(store.keys, INT8, rows * cache->head_dim);
        store.value_scales = at(store.values, INT8, rows * round_to_panels(cache->head_dim));
    }
    return store;
}

/* Elements (dim), `step` apart, rounded to multiples of the scale that is returned. That is NaN if one of them is not finite.
 */
static float put_scaled(int64_t dim, const float *x, int8_t *to, int64_t step)
{
    float most = 0, nothing = 0;
    for (int64_t d = 0; d < dim; d++) {
        most = fabsf(x[d]) > most ? fabsf(x[d]) : most;
        nothing += 0 * x[d];
    }
    float factor = 127 / most + nothing;
    for (int64_t d = 0; d < dim; d++)
        to[d * step] = isfinite(factor) ? (int8_t)lrintf(x[d] * factor) : 0;
    return most / 127 + nothing;
}

/* The same in the type of the store, which has no scales. */
static void put(enum dtype dtype, int64_t dim, const float *x, void *to, int64_t step)
{
    if (dtype == BF16) {
        for (int64_t d = 0; d < dim; d++)
            ((bf16 *)to)[d * step] = bf16_from_f32(x[d]);
    } else {
        for (int64_t d = 0; d < dim; d++)
            ((float *)to)[d * step] = x[d];
    }
}

void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value)
{
    int64_t panel = kv_panel(), width = round_to_panels(store->head_dim), dim = store->head_dim;
    for (int h = 0; h < store->kv_heads; h++, key += dim, value += dim) {
        int64_t row = h * store->capacity + position;
        int64_t k = h * dim * store->capacity + position / panel * panel * dim + position % panel;
        if (store->dtype == INT8) {
            store->key_scales[row] = put_scaled(dim, key, (int8_t *)store->keys + k, panel);
            store->value_scales[row] = put_scaled(dim, value, (int8_t *)store->values + row * width, 1);
        } else {
            put(store->dtype, dim, key, at(store->keys, store->dtype, k), panel);
            put(store->dtype, dim, value, at(store->values, store->dtype, row * width), 1);
        }
    }
}

struct panels kv_store_keys(const struct kv_store *store, int head)
{
    int64_t size = store->head_dim * store->capacity;
    return (struct panels){at(store->keys, store->dtype, head * size), store->dtype, store->head_dim * kv_panel(), kv_panel()};
}

struct panels kv_store_values(const struct kv_store *store, int head)
{
    int64_t size = round_to_panels(store->head_dim) * store->capacity;
    return (struct panels){at(store->values, store->dtype, head * size), store->dtype, kv_panel(),
                           round_to_panels(store->head_dim)};
}

/* Copies the first `size` elements of each head; heads are so many elements apart. */
static void copy_heads(enum dtype dtype, int kv_heads, int64_t size, const void *from, int64_t from_step, void *to,
                       int64_t to_step)
{
    size_t element = dtype_size(dtype);
    for (int64_t head = 0; head < kv_heads; head++)
        memcpy((char *)to + (size_t)(head * to_step) * element, (const char *)from + (size_t)(head * from_step) * element,
               (size_t)size * element);
}

void cpu_kv_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions)
{
    (void)arena;
    int64_t whole = round_to_panels(positions), dim = cache->head_dim, width = round_to_panels(dim);
    enum dtype dtype = cache->dtype;
    int heads = cache->kv_heads;
    for (int block = 0; block < cache->blocks; block++) {
        struct kv_store a = kv_store_of(cache, from, block), b = kv_store_of(cache, to, block);
        copy_heads(dtype, heads, whole * dim, a.keys, a.capacity * dim, b.keys, b.capacity * dim);
        copy_heads(dtype, heads, positions * width, a.values, a.capacity * width, b.values, b.capacity * width);
        if (dtype == INT8) {
            copy_heads(F32, heads, positions, a.key_scales, a.capacity, b.key_scales, b.capacity);
            copy_heads(F32, heads, positions, a.value_scales, a.capacity, b.value_scales, b.capacity);
        }
    }
}
