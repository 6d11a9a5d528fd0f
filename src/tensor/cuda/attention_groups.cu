#include "tensor/cuda/attention.h"

static struct attention_work describe(const struct cuda_groups *g, enum dtype dtype, void *out)
{
    struct attention_work w = {};
    w.count = g->count;
    w.longest_count = g->longest_queries;
    w.longest_visible = g->longest_keys;
    w.queries = g->queries;
    w.keys = g->keys;
    w.k = g->k;
    w.v = g->v;
    w.kv_stride = g->kv_stride;
    w.dtype = w.cache_dtype = dtype;
    w.kv_heads = g->heads;
    w.group = 1;
    w.head_dim = g->head_dim;
    w.causal = g->causal;
    w.scale = g->scale * LOG2_E;
    w.bias = g->bias;
    w.q = g->q;
    w.q_stride = g->q_stride;
    w.out = out;
    return w;
}

void cuda_attention_groups(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, void *out)
{
    struct attention_work work = describe(groups, dtype, out);
    if (work.count > 0 && work.longest_count > 0)
        (dtype == BF16 ? attend_bf16 : attend_f32)(stream, &work);
}

void cuda_weigh_groups(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, int64_t from, float weight,
                       const int64_t *offsets, float *weights)
{
    struct attention_work work = describe(groups, dtype, NULL);
    struct attention_weighing weighing = {from, groups->longest_keys, 0, weight, offsets, weights};
    attention_weigh(stream, &work, &weighing);
}
