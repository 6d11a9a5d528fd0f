/* Attention over groups and over the KV cache, whose layout on a GPU is (blocks, kv_heads, capacity, head_dim). */
#include "tensor/cuda/device_queue.h"

#include <string.h>

#define VISIBLE_STEP 256 /* keys by which the most that is seen is rounded up: steps in between are launched alike */

static int64_t kv_panel(void)
{
    return 1;
}

static size_t kv_size(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity)
{
    return (size_t)(kv_heads * head_dim * capacity) * dtype_size(dtype);
}

/* Where the rows' keys and values go, of the first block; NULL: nowhere, or out of memory. */
static const struct cuda_kv_place *send_places(struct arena *arena, const struct head_rows *rows)
{
    struct cuda_kv_place *places = rows->cache ? arena_alloc(arena, rows->count, sizeof *places) : NULL;
    if (!places) {
        arena->queue->failed |= rows->cache != NULL;
        return NULL;
    }
    for (int64_t i = 0; i < rows->count; i++) {
        const struct kv_slot *slot = &rows->cache->slots[rows->places[i].slot];
        places[i] = (struct cuda_kv_place){slot->keys, slot->values, slot->capacity, rows->places[i].position};
    }
    return cuda_sent(arena, places, (size_t)rows->count * sizeof *places);
}

static void heads(struct arena *arena, const struct head_rows *rows, operand *qkv)
{
    struct arena_mark mark = arena_mark(arena);
    struct cuda_heads heads;
    memset(&heads, 0, sizeof heads); /* padding is compared, too */
    heads.rows = rows->count;
    heads.stride = rows->stride;
    heads.q_heads = rows->q_heads;
    heads.kv_heads = rows->kv_heads;
    heads.head_dim = rows->head_dim;
    heads.q_norm = rows->q_norm ? rows->q_norm->weight : NULL;
    heads.k_norm = rows->k_norm ? rows->k_norm->weight : NULL;
    heads.q_eps = rows->q_norm ? rows->q_norm->eps : 0;
    heads.k_eps = rows->k_norm ? rows->k_norm->eps : 0;
    heads.angles = rows->angles;
    heads.places = send_places(arena, rows);
    heads.block = rows->block;
    heads.cache_dtype = rows->cache ? rows->cache->dtype : F32;
    if (rows->count > 0 && (heads.places || !rows->cache))
        api_of(arena)->heads(stream_of(arena), &heads, arena->operand_dtype, qkv);
    arena_release(arena, mark);
}

static struct cuda_bias bias_of(const struct attention_rule *rule)
{
    return (struct cuda_bias){rule->bias.values, rule->bias.width, rule->bias.zero};
}

static int64_t longest(const int64_t *bounds, int64_t count)
{
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++)
        most = bounds[i + 1] - bounds[i] > most ? bounds[i + 1] - bounds[i] : most;
    return most;
}

static lmvr_status weigh_groups(struct arena *arena, const struct cuda_groups *groups, const struct attention_groups *g,
                                lmvr_error *error)
{
    int64_t *offsets = arena_alloc(arena, g->count + 1, sizeof *offsets), at = 0;
    if (!offsets)
        return error_no_memory(error, "the attention maps");
    for (int64_t i = 0; i < g->count; i++) {
        offsets[i] = at;
        at += (g->queries[i + 1] - g->queries[i]) * (g->keys[i + 1] - g->keys[i] - g->weights_from);
    }
    const int64_t *there = cuda_sent(arena, offsets, (size_t)g->count * sizeof *offsets);
    if (there)
        api_of(arena)->weigh_groups(stream_of(arena), groups, arena->operand_dtype, g->weights_from, g->weight, there,
                                    g->weights);
    return LMVR_OK;
}

static lmvr_status attend_groups(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *g,
                                 operand *out, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    size_t bytes = (size_t)(g->count + 1) * sizeof *g->queries;
    struct cuda_groups groups;
    memset(&groups, 0, sizeof groups); /* padding is compared, too */
    groups.count = g->count;
    groups.longest_queries = longest(g->queries, g->count);
    groups.longest_keys = longest(g->keys, g->count);
    groups.queries = cuda_sent(arena, g->queries, bytes);
    groups.keys = cuda_sent(arena, g->keys, bytes);
    groups.heads = rule->heads;
    groups.head_dim = g->head_dim;
    groups.causal = rule->causal;
    groups.scale = rule->scale;
    groups.bias = bias_of(rule);
    groups.q = g->q;
    groups.k = g->k;
    groups.v = g->v;
    groups.q_stride = g->q_stride;
    groups.kv_stride = g->kv_stride;
    TRY(cuda_failure(arena, error));
    api_of(arena)->attention_groups(stream_of(arena), &groups, arena->operand_dtype, out);
    if (g->weights)
        TRY(weigh_groups(arena, &groups, g, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

/* Describes spans of the cache's first block, and sends them. */
static lmvr_status make_spans(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                              struct cuda_spans *s, lmvr_error *error)
{
    struct cuda_span *list = arena_alloc(arena, query->span_count, sizeof *list);
    if (!list)
        return error_no_memory(error, "attention");
    memset(s, 0, sizeof *s); /* padding is compared, too */
    s->count = query->span_count;
    s->heads = rule->heads;
    s->kv_heads = query->cache->kv_heads;
    s->head_dim = query->cache->head_dim;
    s->causal = rule->causal;
    s->scale = rule->scale;
    s->bias = bias_of(rule);
    s->cache_dtype = query->cache->dtype;
    s->block = query->block;
    s->q = query->q;
    s->q_stride = query->q_stride;
    for (int i = 0; i < query->span_count; i++) {
        const struct attention_span *span = &query->spans[i];
        const struct kv_slot *slot = &query->cache->slots[span->slot];
        int64_t visible = rule->causal ? span->first + span->count : span->visible;
        list[i] =
            (struct cuda_span){slot->keys, slot->values, slot->capacity, s->rows, span->count, span->first, span->visible};
        s->rows += span->count;
        s->longest_count = span->count > s->longest_count ? span->count : s->longest_count;
        s->longest_visible = visible > s->longest_visible ? visible : s->longest_visible;
    }
    s->longest_visible = (s->longest_visible + VISIBLE_STEP - 1) / VISIBLE_STEP * VISIBLE_STEP;
    s->spans = cuda_sent(arena, list, (size_t)query->span_count * sizeof *list);
    return cuda_failure(arena, error);
}

static lmvr_status attend_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                                operand *out, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct cuda_spans spans;
    TRY(make_spans(arena, rule, query, &spans, error));
    if (spans.rows > 0) {
        size_t bytes =
            arena->queue->owner->api->attention_cache_scratch(rule->heads, spans.head_dim, spans.rows, spans.longest_visible);
        spans.scratch = arena_floats(arena, (int64_t)((bytes + sizeof(float) - 1) / sizeof(float)));
        if (!spans.scratch)
            return error_no_memory(error, "attention");
        api_of(arena)->attention_cache(stream_of(arena), &spans, arena->operand_dtype, out);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status weigh_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                               int64_t first, int64_t count, float weight, float *weights, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct cuda_spans spans;
    TRY(make_spans(arena, rule, query, &spans, error));
    if (spans.rows > 0)
        api_of(arena)->weigh_cache(stream_of(arena), &spans, arena->operand_dtype, first, count, weight, weights);
    arena_release(arena, mark);
    return LMVR_OK;
}

static void kv_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions)
{
    const struct kv_slot *a = &cache->slots[from], *b = &cache->slots[to];
    size_t row = (size_t)cache->head_dim * dtype_size(cache->dtype), heads = (size_t)cache->blocks * (size_t)cache->kv_heads;
    size_t a_stride = (size_t)a->capacity * row, b_stride = (size_t)b->capacity * row, bytes = (size_t)positions * row;
    api_of(arena)->copy(queue_of(arena), b->keys, b_stride, a->keys, a_stride, bytes, heads);
    api_of(arena)->copy(queue_of(arena), b->values, b_stride, a->values, a_stride, bytes, heads);
}

void cuda_add_attention_operations(struct device_operations *operations)
{
    operations->heads = heads;
    operations->attend_groups = attend_groups;
    operations->attend_cache = attend_cache;
    operations->weigh_cache = weigh_cache;
    operations->kv_panel = kv_panel;
    operations->kv_keys_size = kv_size;
    operations->kv_values_size = kv_size;
    operations->kv_copy = kv_copy;
}
