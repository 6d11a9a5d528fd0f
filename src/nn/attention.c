#include "nn/attention.h"

#include "tensor/cpu/kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define FEW 65536 /* products of a query and a key's element, times tasks, that one thread does faster than two */

int kv_panel(void)
{
    return kernels_get()->panel;
}

static int64_t padded(int head_dim)
{
    return (head_dim + kv_panel() - 1) / kv_panel() * kv_panel();
}

int64_t kv_keys_size(int kv_heads, int head_dim, int64_t capacity)
{
    return kv_heads * head_dim * capacity;
}

int64_t kv_values_size(int kv_heads, int head_dim, int64_t capacity)
{
    return kv_heads * padded(head_dim) * capacity;
}

void kv_store_set(const struct kv_store *store, int64_t position, const float *key, const float *value)
{
    int64_t panel = kv_panel(), width = padded(store->head_dim), dim = store->head_dim;
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

static void *at(void *data, enum dtype dtype, int64_t element)
{
    return (char *)data + (size_t)element * dtype_size(dtype);
}

/* What one thread does at a time: some queries of one head, or, of a span with one row, the heads that share a key head. */
struct task {
    const struct attention_span *span;
    int64_t row;    /* of q and out */
    int64_t offset; /* of that row in the span */
    int rows, head;
    bool grouped;
};

float attention_scale(int head_dim)
{
    return 1.0f / sqrtf((float)head_dim);
}

static struct attention describe(const struct task *t, const struct attention_rule *rule, const float *q, int64_t q_stride,
                                 float *out)
{
    const struct kv_store *s = &t->span->store;
    int64_t heads = rule->heads, dim = s->head_dim, kv_head = t->head / (heads / s->kv_heads);
    int64_t position = t->span->first + t->offset;
    const struct attention_bias *bias = &rule->bias;
    return (struct attention){
        .q = q + t->row * q_stride + t->head * dim,
        .q_stride = t->grouped ? dim : q_stride,
        .rows = t->rows,
        .head_dim = s->head_dim,
        .scale = rule->scale,
        .keys = {at(s->keys, s->dtype, kv_head * dim * s->capacity), s->dtype, dim * kv_panel(), kv_panel()},
        .values = {at(s->values, s->dtype, kv_head * s->capacity * padded(s->head_dim)), s->dtype, kv_panel(),
                   padded(s->head_dim)},
        .visible = rule->causal ? position + 1 : rule->visible,
        .step = rule->causal && !t->grouped,
        .bias = bias->values ? bias->values + t->head * bias->width + bias->zero - position : NULL,
        .bias_step = t->grouped ? bias->width : -1,
        .out = out + t->row * heads * dim + t->head * dim,
        .out_stride = t->grouped ? dim : heads * dim,
    };
}

static int64_t list_tasks(const struct attention_span *spans, int span_count, int heads, struct task *tasks)
{
    int64_t count = 0, row = 0;
    for (int i = 0; i < span_count; row += spans[i++].count) {
        int group = heads / spans[i].store.kv_heads;
        bool grouped = spans[i].count == 1 && group <= ATTENTION_ROWS;
        for (int head = 0; head < heads; head += grouped ? group : 1)
            for (int64_t from = spans[i].count - 1; from >= 0; from -= ATTENTION_ROWS) {
                /* the longest rows of a causal span come first, so that threads end together */
                int64_t begin = from - ATTENTION_ROWS + 1 > 0 ? from - ATTENTION_ROWS + 1 : 0;
                if (tasks)
                    tasks[count] = (struct task){.span = &spans[i],
                                                 .row = row + begin,
                                                 .offset = begin,
                                                 .rows = grouped ? group : (int)(from - begin + 1),
                                                 .head = head,
                                                 .grouped = grouped};
                count++;
            }
    }
    return count;
}

lmvr_status attention_forward(struct arena *arena, const struct attention_rule *rule, const struct attention_span *spans,
                              int span_count, const float *q, int64_t q_stride, float *out, lmvr_error *error)
{
    const struct kernels *kernels = kernels_get();
    int64_t count = list_tasks(spans, span_count, rule->heads, NULL), most = rule->visible;
    if (count == 0)
        return LMVR_OK;
    for (int i = 0; rule->causal && i < span_count; i++)
        most = spans[i].first + spans[i].count > most ? spans[i].first + spans[i].count : most;
    size_t scratch_size = kernels->attention_scratch(most, spans[0].store.head_dim);
    struct arena_mark mark = arena_mark(arena);
    struct task *tasks = arena_alloc(arena, count, sizeof *tasks);
    float *scratch = arena_floats(arena, omp_get_max_threads() * (int64_t)scratch_size);
    if (!tasks || !scratch)
        return error_no_memory(error, "attention");
    list_tasks(spans, span_count, rule->heads, tasks);
#pragma omp parallel for schedule(dynamic) if (count * most * spans[0].store.head_dim > FEW)
    for (int64_t i = 0; i < count; i++) {
        struct attention a = describe(&tasks[i], rule, q, q_stride, out);
        kernels->attention(&a, scratch + (size_t)omp_get_thread_num() * scratch_size);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static float element(const struct kv_store *store, int64_t at)
{
    return store->dtype == F32 ? ((const float *)store->keys)[at] : bf16_to_f32(((const bf16 *)store->keys)[at]);
}

/* Scores of one query (head_dim) against the keys of one head, a panel of keys at a time. */
static void score(const struct kv_store *store, int kv_head, float scale, const float *q, int64_t visible, float *scores)
{
    int64_t panel = kv_panel(), dim = store->head_dim, keys = kv_head * dim * store->capacity;
    for (int64_t i = 0; i < visible; i++) {
        int64_t key = keys + i / panel * panel * dim + i % panel;
        float sum = 0;
        for (int64_t d = 0; d < dim; d++)
            sum += q[d] * element(store, key + d * panel);
        scores[i] = sum * scale;
    }
}

void attention_weights(const struct attention_rule *rule, const struct kv_store *store, const float *q, int64_t visible,
                       int64_t first, int64_t count, float weight, float *scratch, float *out)
{
    int group = rule->heads / store->kv_heads;
    for (int h = 0; h < rule->heads; h++, q += store->head_dim) {
        float most = -INFINITY;
        double sum = 0;
        score(store, h / group, rule->scale, q, visible, scratch);
        for (int64_t i = 0; i < visible; i++)
            most = scratch[i] > most ? scratch[i] : most;
        for (int64_t i = 0; i < visible; i++)
            sum += scratch[i] = expf(scratch[i] - most);
        for (int64_t i = 0; i < count; i++)
            out[i] += (float)(weight * scratch[first + i] / sum);
    }
}

static lmvr_status record_weights(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *g,
                                  const struct attention_span *spans, lmvr_error *error)
{
    float *scratch = arena_floats(arena, omp_get_max_threads() * g->keys);
    if (!scratch)
        return error_no_memory(error, "the attention maps");
    int64_t count = g->keys - g->weights_from;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < g->count * g->queries; r++)
        attention_weights(rule, &spans[r / g->queries].store, g->q + r * g->q_stride, g->keys, g->weights_from, count,
                          g->weight, scratch + omp_get_thread_num() * g->keys, g->weights + r * count);
    return LMVR_OK;
}

lmvr_status attention_within(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                             float *out, lmvr_error *error)
{
    const struct attention_groups *g = groups;
    int64_t capacity = (g->keys + kv_panel() - 1) / kv_panel() * kv_panel();
    int64_t key_size = kv_keys_size(rule->heads, g->head_dim, capacity),
            value_size = kv_values_size(rule->heads, g->head_dim, capacity);
    struct arena_mark mark = arena_mark(arena);
    struct attention_span *spans = arena_alloc(arena, g->count, sizeof *spans);
    float *keys = arena_floats(arena, g->count * key_size), *values = arena_floats(arena, g->count * value_size);
    if (!spans || !keys || !values)
        return error_no_memory(error, "attention");
    memset(keys, 0, (size_t)(g->count * key_size) * sizeof *keys);
    memset(values, 0, (size_t)(g->count * value_size) * sizeof *values);
    for (int64_t i = 0; i < g->count; i++)
        spans[i] = (struct attention_span){
            .store = {F32, rule->heads, g->head_dim, capacity, keys + i * key_size, values + i * value_size},
            .count = g->queries};
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < g->count * g->keys; r++)
        kv_store_set(&spans[r / g->keys].store, r % g->keys, g->k + r * g->kv_stride, g->v + r * g->kv_stride);
    TRY(attention_forward(arena, rule, spans, (int)g->count, g->q, g->q_stride, out, error));
    if (g->weights)
        TRY(record_weights(arena, rule, g, spans, error));
    arena_release(arena, mark);
    return LMVR_OK;
}
