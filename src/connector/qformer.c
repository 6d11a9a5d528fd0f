#include "connector/qformer.h"

#include "nn/attention.h"

#include <stdlib.h>
#include <string.h>

/* A forward pass over a batch of images. */
struct walk {
    const struct qformer *qformer;
    struct arena *arena;
    int64_t count, rows, positions;      /* rows: count * queries */
    const float *states;                 /* (count, positions, encoder's width) */
    int64_t *query_ends, *position_ends; /* of each image's rows */
    float *qkv, *heads, *kv, *mlp;
    float *maps;      /* the queries' mean attention to the patches, or NULL */
    float map_weight; /* of one head in one block in that mean */
};

static lmvr_status make_walk(const struct qformer *q, struct arena *arena, int count, int64_t positions, const float *states,
                             struct walk *w, lmvr_error *error)
{
    int64_t rows = (int64_t)count * q->queries, width = q->width;
    *w = (struct walk){.qformer = q,
                       .arena = arena,
                       .count = count,
                       .rows = rows,
                       .positions = positions,
                       .states = states,
                       .query_ends = attention_even_groups(arena, count, q->queries),
                       .position_ends = attention_even_groups(arena, count, positions),
                       .qkv = arena_floats(arena, rows * 3 * width),
                       .heads = arena_floats(arena, rows * width),
                       .kv = arena_floats(arena, count * positions * 2 * width),
                       .mlp = arena_floats(arena, rows * q->mlp_width)};
    return w->query_ends && w->position_ends && w->qkv && w->heads && w->kv && w->mlp ? LMVR_OK
                                                                                      : error_no_memory(error, "the Q-Former");
}

/* x = norm(x + out(from)). */
static lmvr_status add_norm(const struct walk *w, const struct linear *out, const struct layer_norm *norm, const float *from,
                            float *x, lmvr_error *error)
{
    TRY(linear_forward(out, w->arena, w->rows, from, true, x, error));
    layer_norm_forward(norm, w->rows, w->qformer->width, x, x);
    return LMVR_OK;
}

static lmvr_status attend_queries(const struct walk *w, const struct qformer_block *block, float *x, lmvr_error *error)
{
    const struct qformer *q = w->qformer;
    int64_t width = q->width;
    int head_dim = q->width / q->heads;
    TRY(linear_forward(&block->qkv, w->arena, w->rows, x, false, w->qkv, error));
    struct attention_rule rule = {.heads = q->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = w->count,
                                      .queries = w->query_ends,
                                      .keys = w->query_ends,
                                      .head_dim = head_dim,
                                      .dtype = product_dtype(block->qkv.weight),
                                      .q = w->qkv,
                                      .k = w->qkv + width,
                                      .v = w->qkv + 2 * width,
                                      .q_stride = 3 * width,
                                      .kv_stride = 3 * width};
    TRY(attention_within(w->arena, &rule, &groups, w->heads, error));
    return add_norm(w, &block->attention_out, &block->norm1, w->heads, x, error);
}

static lmvr_status attend_image(const struct walk *w, const struct qformer_block *block, float *x, lmvr_error *error)
{
    const struct qformer *q = w->qformer;
    int64_t width = q->width;
    int head_dim = q->width / q->heads;
    TRY(linear_forward(&block->cross_q, w->arena, w->rows, x, false, w->qkv, error));
    TRY(linear_forward(&block->cross_kv, w->arena, w->count * w->positions, w->states, false, w->kv, error));
    struct attention_rule rule = {.heads = q->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = w->count,
                                      .queries = w->query_ends,
                                      .keys = w->position_ends,
                                      .head_dim = head_dim,
                                      .dtype = product_dtype(block->qkv.weight),
                                      .q = w->qkv,
                                      .k = w->kv,
                                      .v = w->kv + width,
                                      .q_stride = width,
                                      .kv_stride = 2 * width,
                                      .weights = w->maps,
                                      .weight = w->map_weight,
                                      .weights_from = 1};
    TRY(attention_within(w->arena, &rule, &groups, w->heads, error));
    return add_norm(w, &block->cross_out, &block->norm_cross, w->heads, x, error);
}

static lmvr_status block_forward(const struct walk *w, const struct qformer_block *block, float *x, lmvr_error *error)
{
    TRY(attend_queries(w, block, x, error));
    if (block->crosses)
        TRY(attend_image(w, block, x, error));
    TRY(linear_forward(&block->fc1, w->arena, w->rows, x, false, w->mlp, error));
    activation_forward(w->qformer->activation, w->rows, w->qformer->mlp_width, w->mlp);
    return add_norm(w, &block->fc2, &block->norm2, w->mlp, x, error);
}

static void begin_maps(struct walk *w, float *maps)
{
    const struct qformer *q = w->qformer;
    int crossing = 0;
    for (int i = 0; i < q->block_count; i++)
        crossing += q->blocks[i].crosses;
    w->maps = maps;
    w->map_weight = 1.0f / (float)(crossing * q->heads);
    if (maps)
        memset(maps, 0, (size_t)(w->rows * (w->positions - 1)) * sizeof *maps);
}

lmvr_status qformer_forward(const struct qformer *qformer, struct arena *arena, int count, int64_t positions, const float *x,
                            float *const *hidden, float *tokens, float *maps, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t size = (int64_t)qformer->queries * qformer->width;
    struct walk w;
    TRY(make_walk(qformer, arena, count, positions, x, &w, error));
    begin_maps(&w, maps);
    float *state = arena_floats(arena, count * size);
    if (!state)
        return error_no_memory(error, "the Q-Former");
    for (int i = 0; i < count; i++)
        layer_norm_forward(&qformer->norm, qformer->queries, qformer->width, qformer->query_tokens, state + i * size);
    for (int i = 0;; i++) {
        if (hidden && hidden[i])
            memcpy(hidden[i], state, (size_t)(count * size) * sizeof *state);
        if (i == qformer->block_count)
            break;
        TRY(block_forward(&w, &qformer->blocks[i], state, error));
    }
    TRY(linear_forward(&qformer->projection, arena, w.rows, state, false, tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void qformer_finish(struct qformer *qformer)
{
    for (int i = 0; qformer->blocks && i < qformer->block_count; i++) {
        struct qformer_block *block = &qformer->blocks[i];
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->cross_q);
        linear_finish(&block->cross_kv);
        linear_finish(&block->cross_out);
        linear_finish(&block->fc1);
        linear_finish(&block->fc2);
        layer_norm_finish(&block->norm1);
        layer_norm_finish(&block->norm_cross);
        layer_norm_finish(&block->norm2);
    }
    free(qformer->blocks);
    free(qformer->query_tokens);
    layer_norm_finish(&qformer->norm);
    linear_finish(&qformer->projection);
    *qformer = (struct qformer){0};
}

/* ---- as a connector ---- */

static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)encoder;
    return qformer_forward(c->model, arena, encoded->count, encoded->positions / encoded->count, encoded->states[c->states[0]],
                           NULL, tokens, maps, error);
}

static void free_model(void *model)
{
    qformer_finish(model);
    free(model);
}

struct connector qformer_connector(struct qformer *qformer, int state)
{
    return (struct connector){.states = {state},
                              .state_count = 1,
                              .levels = 1,
                              .resamples = true,
                              .model = qformer,
                              .forward = forward,
                              .free = free_model};
}
