#include "tensor/cuda/attention.h"

#define MOST_PARTIALS                                                                                                          \
    (1 << 17) /* of scratch; with more rows, heads and tiles than that, the GPU is busy without dividing keys */

static int64_t tiles_of(int64_t keys, int tile)
{
    return (keys + tile - 1) / tile;
}

size_t cuda_attention_cache_scratch(int heads, int head_dim, int64_t rows, int64_t longest_visible)
{
    int64_t partials = rows * heads * tiles_of(longest_visible, min(tile_of<float>::keys, tile_of<bf16>::keys));
    return (size_t)(min(partials, (int64_t)MOST_PARTIALS) * (head_dim + 2)) * sizeof(float);
}

static struct attention_work describe(const struct cuda_spans *s, enum dtype dtype, void *out)
{
    struct attention_work w = {};
    w.count = s->count;
    w.rows = s->rows;
    w.longest_count = s->longest_count;
    w.longest_visible = s->longest_visible;
    w.spans = s->spans;
    w.dtype = dtype;
    w.cache_dtype = s->cache_dtype;
    w.block = s->block;
    w.kv_heads = s->kv_heads;
    w.group = s->heads / s->kv_heads;
    w.head_dim = s->head_dim;
    w.causal = s->causal;
    w.scale = s->scale * LOG2_E;
    w.bias = s->bias;
    w.q = s->q;
    w.q_stride = s->q_stride;
    w.out = out;
    w.tiles = tiles_of(s->longest_visible, dtype == BF16 ? tile_of<bf16>::keys : tile_of<float>::keys);
    bool some_have_one = s->longest_count == 1 || s->rows < s->count * s->longest_count;
    if (some_have_one && w.tiles > 0 && s->rows * s->heads * w.tiles <= MOST_PARTIALS)
        w.partials = (float *)s->scratch;
    return w;
}

void cuda_attention_cache(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, void *out)
{
    struct attention_work work = describe(spans, dtype, out);
    if (work.rows > 0)
        (dtype == BF16 ? attend_bf16 : attend_f32)(stream, &work);
}

void cuda_weigh_cache(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, int64_t from, int64_t count,
                      float weight, float *weights)
{
    struct attention_work work = describe(spans, dtype, NULL);
    struct attention_weighing weighing = {from, count, count, weight, NULL, weights};
    attention_weigh(stream, &work, &weighing);
}
