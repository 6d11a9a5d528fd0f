#include "connector/qformer.h"

#include "nn/attention.h"

#include <stdlib.h>
#include <string.h>

/* A forward pass over a batch of images. */
struct walk {
    const struct qformer *qformer;
    struct arena *arena;
    int64_t count, rows, positions;      /* rows: count * queries */
    const operand *states;               /* (count, positions, encoder's width) */
    int64_t *query_ends, *position_ends; /* of each image's rows */
    operand *x, *qkv, *heads, *kv, *mlp; /* x: of the queries' state */
    float *maps;                         /* the queries' mean attention to the patches, or NULL */
    float map_weight;                    /* of one head in one block in that mean */
};

static lmvr_status make_walk(const struct qformer *q, struct arena *arena, int count, int64_t positions, const operand *states,
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
                       .x = arena_operands(arena, rows * width),
                       .qkv = arena_operands(arena, rows * 3 * width),
                       .heads = arena_operands(arena, rows * width),
                       .kv = arena_operands(arena, count * positions * 2 * width),
                       .mlp = arena_operands(arena, rows * q->mlp_width)};
    bool made = w->query_ends && w->position_ends && w->x && w->qkv && w->heads && w->kv && w->mlp;
    return made ? LMVR_OK : error_no_memory(error, "the Q-Former");
}

/* The state x as operands. */
static const operand *as_operands(const struct walk *w, const float *x)
{
    if (w->arena->operand_dtype == F32)
        return (const operand *)x;
    w->arena->device->operations->convert(w->arena, w->rows * w->qformer->width, 1, x, w->x);
    return w->x;
}

/* x = norm(x + out(from)). */
static lmvr_status add_norm(const struct walk *w, const struct linear *out, const struct norm *norm, const operand *from,
                            float *x, lmvr_error *error)
{
    TRY(linear_add(out, w->arena, w->rows, from, x, error));
    norm_states(norm, w->arena, w->rows, w->qformer->width, x, x);
    return LMVR_OK;
}

static lmvr_status attend_queries(const struct walk *w, const struct qformer_block *block, float *x, lmvr_error *error)
{
    const struct qformer *q = w->qformer;
    int64_t width = q->width;
    int head_dim = q->width / q->heads;
    TRY(linear_forward(&block->qkv, w->arena, w->rows, as_operands(w, x), w->qkv, error));
    struct attention_rule rule = {.heads = q->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = w->count,
                                      .queries = w->query_ends,
                                      .keys = w->query_ends,
                                      .head_dim = head_dim,
                                      .q = w->qkv,
                                      .k = operand_at(w->arena, w->qkv, width),
                                      .v = operand_at(w->arena, w->qkv, 2 * width),
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
    TRY(linear_forward(&block->cross_q, w->arena, w->rows, as_operands(w, x), w->qkv, error));
    TRY(linear_forward(&block->cross_kv, w->arena, w->count * w->positions, w->states, w->kv, error));
    struct attention_rule rule = {.heads = q->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = w->count,
                                      .queries = w->query_ends,
                                      .keys = w->position_ends,
                                      .head_dim = head_dim,
                                      .q = w->qkv,
                                      .k = w->kv,
                                      .v = operand_at(w->arena, w->kv, width),
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
    TRY(linear_forward(&block->fc1, w->arena, w->rows, as_operands(w, x), w->mlp, error));
    activation_forward(w->arena, w->qformer->activation, w->rows, w->qformer->mlp_width, w->mlp);
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
        w->arena->device->operations->zero(w->arena, maps, (size_t)(w->rows * (w->positions - 1)) * sizeof *maps);
}

lmvr_status qformer_forward(const struct qformer *qformer, struct arena *arena, int count, int64_t positions, const float *x,
                            float *const *hidden, float *tokens, float *maps, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t size = (int64_t)qformer->queries * qformer->width;
    struct walk w;
    float *state = arena_floats(arena, count * size);
    const operand *seen = arena_converted(arena, x, count * positions * qformer->blocks[0].cross_kv.in);
    if (!state || !seen)
        return error_no_memory(error, "the Q-Former");
    TRY(make_walk(qformer, arena, count, positions, seen, &w, error));
    begin_maps(&w, maps);
    for (int i = 0; i < count; i++)
        norm_states(&qformer->norm, arena, qformer->queries, qformer->width, qformer->query_tokens, state + i * size);
    for (int i = 0;; i++) {
        if (hidden && hidden[i])
            states_copy(arena, count * size, state, hidden[i]);
        if (i == qformer->block_count)
            break;
        TRY(block_forward(&w, &qformer->blocks[i], state, error));
    }
    TRY(linear_to_states(&qformer->projection, arena, w.rows, as_operands(&w, state), tokens, error));
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
        norm_finish(&block->norm1);
        norm_finish(&block->norm_cross);
        norm_finish(&block->norm2);
    }
    free(qformer->blocks);
    device_release(qformer->device, qformer->query_tokens);
    norm_finish(&qformer->norm);
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
