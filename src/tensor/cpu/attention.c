/* Attention of many queries, divided among threads; the arithmetic is in kernel_attention.c. */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/kv_store.h"
#include "tensor/cpu/operations.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define FEW 65536 /* multiply-adds of queries with keys, below which one thread is faster than two */

/* A unit of work for one thread: some queries of one head or, in a span of one row, all heads that share a key head. */
struct task {
    const struct attention_span *span;
    struct kv_store store;
    int64_t row;    /* of q and out */
    int64_t offset; /* of that row in the span */
    int rows, head;
    bool grouped;
};

static struct attention describe(const struct task *t, const struct attention_rule *rule, const struct attention_query *query,
                                 float *out)
{
    const struct kv_store *s = &t->store;
    const float *q = (const float *)query->q;
    int64_t q_stride = query->q_stride, heads = rule->heads, dim = s->head_dim, kv_head = t->head / (heads / s->kv_heads);
    int64_t position = t->span->first + t->offset;
    const struct attention_bias *bias = &rule->bias;
    return (struct attention){
        .q = q + t->row * q_stride + t->head * dim,
        .q_stride = t->grouped ? dim : q_stride,
        .rows = t->rows,
        .head_dim = s->head_dim,
        .scale = rule->scale,
        .keys = kv_store_keys(s, (int)kv_head),
        .values = kv_store_values(s, (int)kv_head),
        .key_scales = s->key_scales ? s->key_scales + kv_head * s->capacity : NULL,
        .value_scales = s->value_scales ? s->value_scales + kv_head * s->capacity : NULL,
        .visible = rule->causal ? position + 1 : t->span->visible,
        .step = rule->causal && !t->grouped,
        .bias = bias->values ? bias->values + t->head * bias->width + bias->zero - position : NULL,
        .bias_step = t->grouped ? bias->width : -1,
        .out = out + t->row * heads * dim + t->head * dim,
        .out_stride = t->grouped ? dim : heads * dim,
    };
}

static int64_t list_tasks(const struct attention_query *query, int heads, struct task *tasks)
{
    int64_t count = 0, row = 0;
    int group = heads / query->cache->kv_heads;
    for (int i = 0; i < query->span_count; row += query->spans[i++].count) {
        const struct attention_span *span = &query->spans[i];
        struct kv_store store = kv_store_of(query->cache, span->slot, query->block);
        bool grouped = span->count == 1 && group <= ATTENTION_ROWS;
        for (int head = 0; head < heads; head += grouped ? group : 1)
            for (int64_t from = span->count - 1; from >= 0; from -= ATTENTION_ROWS) {
                /* the longest rows of a causal span first, so that threads finish together */
                int64_t begin = from - ATTENTION_ROWS + 1 > 0 ? from - ATTENTION_ROWS + 1 : 0;
                if (tasks)
                    tasks[count] = (struct task){.span = span,
                                                 .store = store,
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

/* The most keys that any query attends to. */
static int64_t most_visible(const struct attention_rule *rule, const struct attention_query *query)
{
    int64_t most = 0;
    for (int i = 0; i < query->span_count; i++) {
        const struct attention_span *span = &query->spans[i];
        int64_t visible = rule->causal ? span->first + span->count : span->visible;
        most = visible > most ? visible : most;
    }
    return most;
}

lmvr_status cpu_attend_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                             operand *out, lmvr_error *error)
{
    const struct kernels *kernels = kernels_get();
    int64_t count = list_tasks(query, rule->heads, NULL), most = most_visible(rule, query);
    if (count == 0)
        return LMVR_OK;
    size_t scratch_size = kernels->attention_scratch(most, query->cache->head_dim);
    struct arena_mark mark = arena_mark(arena);
    struct task *tasks = arena_alloc(arena, count, sizeof *tasks);
    float *scratch = arena_floats(arena, omp_get_max_threads() * (int64_t)scratch_size);
    if (!tasks || !scratch)
        return error_no_memory(error, "attention");
    list_tasks(query, rule->heads, tasks);
#pragma omp parallel for schedule(dynamic) if (count * most * query->cache->head_dim > FEW)
    for (int64_t i = 0; i < count; i++) {
        struct attention a = describe(&tasks[i], rule, query, (float *)out);
        kernels->attention(&a, scratch + (size_t)omp_get_thread_num() * scratch_size);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static float element(const struct panels *keys, int64_t index)
{
    if (keys->dtype == INT8)
        return ((const int8_t *)keys->data)[index];
    return keys->dtype == F32 ? ((const float *)keys->data)[index] : bf16_to_f32(((const bf16 *)keys->data)[index]);
}

/* Scores of one query (head_dim) against the keys of one head, panel by panel. */
static void score(const struct kv_store *store, int kv_head, float scale, const float *q, int64_t visible, float *scores)
{
    struct panels keys = kv_store_keys(store, kv_head);
    int64_t panel = kv_panel(), dim = store->head_dim;
    for (int64_t i = 0; i < visible; i++) {
        int64_t key = i / panel * keys.panel_stride + i % panel;
        float sum = 0;
        for (int64_t d = 0; d < dim; d++, key += panel)
            sum += q[d] * element(&keys, key);
        scores[i] = sum * scale * (store->key_scales ? store->key_scales[kv_head * store->capacity + i] : 1);
    }
}

/* Adds `weight` times the softmax of scores (visible), of which `count` starting at `first`, to out (count). */
static void add_softmax(float *scores, int64_t visible, int64_t first, int64_t count, float weight, float *out)
{
    float most = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < visible; i++)
        most = scores[i] > most ? scores[i] : most;
    for (int64_t i = 0; i < visible; i++)
        sum += scores[i] = expf(scores[i] - most);
    for (int64_t i = 0; i < count; i++)
        out[i] += (float)(weight * scores[first + i] / sum);
}

/* The weights of one query row, whose span is given. */
static void weigh_row(const struct attention_rule *rule, const struct attention_query *query, const struct attention_span *span,
                      int64_t offset, const float *q, int64_t first, int64_t count, float weight, float *scratch, float *out)
{
    struct kv_store store = kv_store_of(query->cache, span->slot, query->block);
    int64_t visible = rule->causal ? span->first + offset + 1 : span->visible;
    int group = rule->heads / store.kv_heads;
    for (int h = 0; h < rule->heads; h++, q += store.head_dim) {
        score(&store, h / group, rule->scale, q, visible, scratch);
        add_softmax(scratch, visible, first, count, weight, out);
    }
}

lmvr_status cpu_weigh_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                            int64_t first, int64_t count, float weight, float *weights, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t most = most_visible(rule, query), row = 0;
    float *scratch = arena_floats(arena, omp_get_max_threads() * most);
    if (!scratch)
        return error_no_memory(error, "the attention maps");
    for (int i = 0; i < query->span_count; row += query->spans[i++].count) {
        const struct attention_span *span = &query->spans[i];
#pragma omp parallel for schedule(dynamic)
        for (int64_t r = 0; r < span->count; r++)
            weigh_row(rule, query, span, r, (const float *)query->q + (row + r) * query->q_stride, first, count, weight,
                      scratch + omp_get_thread_num() * most, weights + (row + r) * count);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* ---- groups that attend within themselves ------------------------------------------------------------------------------- */

/* A thread's buffers: the packed keys and values of one head of one group, and scratch space. */
struct workbench {
    float *keys, *values, *scratch;
};

/* Some queries of one head of one group. */
struct part {
    int64_t group, head, first, rows;
};

/* How attention_within() divides its work. */
struct cut {
    const struct attention_rule *rule;
    const struct attention_groups *groups;
    const struct kernels *kernels;
    const struct pair_kernels *pairs; /* products of bf16; NULL: all in f32 */
    int64_t rows;                     /* queries that are taken at once */
    int64_t part_count;
    struct part *parts;
    size_t key_size, value_size, scratch_size; /* of a workbench */
};

static int64_t longest(const int64_t *bounds, int64_t count)
{
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++)
        most = bounds[i + 1] - bounds[i] > most ? bounds[i + 1] - bounds[i] : most;
    return most;
}

static int64_t round_to_panel(int64_t positions)
{
    return (positions + kv_panel() - 1) / kv_panel() * kv_panel();
}

/* Lists parts of `rows` queries; only counts them if `parts` is NULL. */
static int64_t list_parts(const struct attention_groups *g, int heads, int64_t rows, struct part *parts)
{
    int64_t count = 0;
    for (int64_t i = 0; i < g->count; i++)
        for (int64_t head = 0; head < heads; head++)
            for (int64_t first = g->queries[i]; first < g->queries[i + 1]; first += rows, count++)
                if (parts)
                    parts[count] =
                        (struct part){i, head, first, g->queries[i + 1] - first < rows ? g->queries[i + 1] - first : rows};
    return count;
}

static lmvr_status make_cut(const struct attention_rule *rule, const struct attention_groups *g, struct arena *arena,
                            struct cut *c, lmvr_error *error)
{
    int64_t keys = longest(g->keys, g->count), queries = longest(g->queries, g->count);
    *c = (struct cut){.rule = rule, .groups = g, .kernels = kernels_get()};
    c->pairs = arena->dtype == BF16 && !rule->causal ? pair_kernels_get() : NULL;
    c->rows = c->pairs ? c->pairs->rows : ATTENTION_ROWS;
    c->key_size =
        c->pairs ? c->pairs->size(keys, g->head_dim) : kv_keys_size(F32, 1, g->head_dim, round_to_panel(keys)) / sizeof(float);
    c->value_size = c->pairs ? 0 : kv_values_size(F32, 1, g->head_dim, round_to_panel(keys)) / sizeof(float);
    c->scratch_size = (c->pairs ? c->pairs->scratch : c->kernels->attention_scratch)(keys, g->head_dim);
    int64_t blocks = (queries + c->rows - 1) / c->rows, heads = g->count * rule->heads;
    int64_t wanted = (4 * omp_get_max_threads() + heads - 1) / heads; /* a few parts for every thread */
    int64_t rows = (blocks + wanted - 1) / wanted * c->rows;
    c->part_count = list_parts(g, rule->heads, rows, NULL);
    c->parts = arena_alloc(arena, c->part_count, sizeof *c->parts);
    if (!c->parts)
        return error_no_memory(error, "attention");
    list_parts(g, rule->heads, rows, c->parts);
    return LMVR_OK;
}

/* Packs keys and values of one head. Values up to the end of the last panel are zero, since they are multiplied by zero. */
static void pack_head(const struct cut *c, const struct attention_source *source, const struct workbench *bench,
                      struct panels *keys, struct panels *values)
{
    if (c->pairs) {
        c->pairs->pack(source, keys, values, bench->keys);
        return;
    }
    int64_t capacity = round_to_panel(source->count), width = round_to_panel(source->head_dim);
    struct kv_store store = {F32, 1, source->head_dim, capacity, bench->keys, bench->values, NULL, NULL};
    for (int64_t p = 0; p < source->count; p++)
        kv_store_set(&store, p, source->k + p * source->stride, source->v + p * source->stride);
    memset(bench->values + source->count * width, 0, (size_t)((capacity - source->count) * width) * sizeof *bench->values);
    *keys = kv_store_keys(&store, 0);
    *values = kv_store_values(&store, 0);
}

static void attend_part(const struct cut *c, const struct part *part, const struct workbench *bench, float *out)
{
    const struct attention_groups *g = c->groups;
    const struct attention_bias *bias = &c->rule->bias;
    int64_t heads = c->rule->heads, dim = g->head_dim, head = part->head;
    int64_t first_key = g->keys[part->group], keys = g->keys[part->group + 1] - first_key,
            first_query = g->queries[part->group];
    int64_t kv = first_key * g->kv_stride + head * dim, end = part->first + part->rows;
    struct attention_source source = {(const float *)g->k + kv, (const float *)g->v + kv, g->kv_stride, keys, g->head_dim};
    struct attention a = {.q_stride = g->q_stride,
                          .head_dim = g->head_dim,
                          .scale = c->rule->scale,
                          .step = c->rule->causal ? 1 : 0,
                          .bias_step = -1,
                          .out_stride = heads * dim};
    pack_head(c, &source, bench, &a.keys, &a.values);
    for (int64_t row = part->first; row < end; row += c->rows) {
        a.rows = (int)(end - row < c->rows ? end - row : c->rows);
        a.q = (const float *)g->q + row * g->q_stride + head * dim;
        a.visible = c->rule->causal ? row - first_query + 1 : keys;
        a.bias = bias->values ? bias->values + head * bias->width + bias->zero - (row - first_query) : NULL;
        a.out = out + row * heads * dim + head * dim;
        (c->pairs ? c->pairs->attention : c->kernels->attention)(&a, bench->scratch);
    }
}

/* Adds the attention weights of one group's queries, computed from keys in f32. `weights` is the group's. */
static void record_group(const struct attention_rule *rule, const struct attention_groups *g, int64_t group, float *scratch,
                         int64_t scratch_stride, float *weights)
{
    int64_t dim = g->head_dim, first_key = g->keys[group], keys = g->keys[group + 1] - first_key;
    int64_t first = g->queries[group], count = keys - g->weights_from;
#pragma omp parallel for schedule(static)
    for (int64_t r = first; r < g->queries[group + 1]; r++)
        for (int head = 0; head < rule->heads; head++) {
            const float *q = (const float *)g->q + r * g->q_stride + head * dim;
            const float *k = (const float *)g->k + first_key * g->kv_stride + head * dim;
            float *row = scratch + omp_get_thread_num() * scratch_stride;
            for (int64_t i = 0; i < keys; i++, k += g->kv_stride) {
                float sum = 0;
                for (int64_t d = 0; d < dim; d++)
                    sum += q[d] * k[d];
                row[i] = sum * rule->scale;
            }
            add_softmax(row, keys, g->weights_from, count, g->weight, weights + (r - first) * count);
        }
}

static lmvr_status record_weights(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *g,
                                  lmvr_error *error)
{
    int64_t most = longest(g->keys, g->count);
    float *scratch = arena_floats(arena, omp_get_max_threads() * most), *weights = g->weights;
    if (!scratch)
        return error_no_memory(error, "the attention maps");
    for (int64_t i = 0; i < g->count; i++) {
        record_group(rule, g, i, scratch, most, weights);
        weights += (g->queries[i + 1] - g->queries[i]) * (g->keys[i + 1] - g->keys[i] - g->weights_from);
    }
    return LMVR_OK;
}

lmvr_status cpu_attend_groups(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                              operand *out, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct cut cut;
    TRY(make_cut(rule, groups, arena, &cut, error));
    size_t size = cut.key_size + cut.value_size + cut.scratch_size;
    float *memory = arena_floats(arena, omp_get_max_threads() * (int64_t)size);
    if (!memory)
        return error_no_memory(error, "attention");
    int64_t work = groups->queries[groups->count] * longest(groups->keys, groups->count) * rule->heads * groups->head_dim;
#pragma omp parallel if (work > 16 * FEW)
    {
        float *mine = memory + (size_t)omp_get_thread_num() * size;
        struct workbench bench = {mine, mine + cut.key_size, mine + cut.key_size + cut.value_size};
        memset(mine, 0, (cut.key_size + cut.value_size) * sizeof *mine); /* what is padded across a head stays zero */
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < cut.part_count; i++)
            attend_part(&cut, &cut.parts[i], &bench, (float *)out);
    }
    if (groups->weights)
        TRY(record_weights(arena, rule, groups, error));
    arena_release(arena, mark);
    return LMVR_OK;
}
