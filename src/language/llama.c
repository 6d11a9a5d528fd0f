#include "language/llama.h"

#include "nn/attention.h"

#include <stdlib.h>

#define FEED_PARTS 8 /* of the rows that a device multiplies at full speed */

static int64_t qkv_width(const struct llama *m)
{
    return (int64_t)(m->heads + 2 * m->kv_heads) * m->head_dim;
}

static int64_t heads_width(const struct llama *m)
{
    return (int64_t)m->heads * m->head_dim;
}

void llama_embed(const struct llama *llama, struct arena *arena, int64_t count, const int32_t *tokens, float *x)
{
    embedding_forward(arena, llama->embedding_dtype, llama->embedding, llama->width, count, tokens, x);
}

static int64_t count_rows(const struct language_pass *pass)
{
    int64_t rows = 0;
    for (int s = 0; s < pass->span_count; s++)
        rows += pass->spans[s].count;
    return rows;
}

/* What all blocks of a forward pass share. */
struct buffers {
    int64_t rows;
    struct kv_place *places; /* (rows) */
    struct attention_span *spans;
    const float *angles; /* (rows, head_dim): of the rotary embedding */
    operand *normed;     /* (rows, width), or (rows, heads_width()), of the attention */
};

static void list_places(const struct language_pass *pass, struct kv_place *places, struct attention_span *spans)
{
    for (int s = 0; s < pass->span_count; s++) {
        const struct language_span *span = &pass->spans[s];
        spans[s] = (struct attention_span){.slot = span->slot, .first = span->first, .count = span->count};
        for (int64_t i = 0; i < span->count; i++)
            *places++ = (struct kv_place){span->slot, span->first + i};
    }
}

static lmvr_status make_buffers(const struct llama *m, struct arena *arena, const struct language_pass *pass, struct buffers *b,
                                lmvr_error *error)
{
    int64_t rows = count_rows(pass), width = m->width > heads_width(m) ? m->width : heads_width(m);
    *b = (struct buffers){.rows = rows,
                          .places = arena_alloc(arena, rows, sizeof *b->places),
                          .spans = arena_alloc(arena, pass->span_count, sizeof *b->spans),
                          .angles = rope_angles_on(&m->rope, arena, rows, pass->positions),
                          .normed = arena_operands(arena, rows * width)};
    if (!b->places || !b->spans || !b->angles || !b->normed)
        return error_no_memory(error, "the language model");
    list_places(pass, b->places, b->spans);
    return LMVR_OK;
}

/* Norms and turns queries and keys, and stores keys and values in the KV cache. */
static void file_keys_values(const struct llama *m, const struct kv_cache *cache, int index, struct arena *arena,
                             const struct buffers *b, operand *qkv)
{
    const struct llama_block *block = &m->blocks[index];
    struct head_rows rows = {.count = b->rows,
                             .stride = qkv_width(m),
                             .q_heads = m->heads,
                             .kv_heads = m->kv_heads,
                             .head_dim = m->head_dim,
                             .q_norm = &block->q_norm,
                             .k_norm = &block->k_norm,
                             .angles = b->angles,
                             .cache = cache,
                             .block = index,
                             .places = b->places};
    attention_heads(arena, &rows, qkv);
}

/* Leaves out the rows before `from`. */
static void cut_spans(struct attention_span **spans, int *count, int64_t from)
{
    for (int64_t left = from; *count > 0 && left > 0;) {
        struct attention_span *first = *spans;
        int64_t cut = first->count < left ? first->count : left;
        first->first += cut;
        first->count -= cut;
        left -= cut;
        if (first->count == 0) {
            ++*spans;
            --*count;
        }
    }
}

/* Attention of the rows from `from` on, whose spans are the last: heads (rows from there on, heads_width()). */
static lmvr_status attend(const struct llama *m, const struct kv_cache *cache, int index, struct arena *arena,
                          const struct language_pass *pass, const struct buffers *b, const operand *qkv, int64_t from,
                          operand *heads, lmvr_error *error)
{
    struct attention_span *spans = b->spans;
    int count = pass->span_count;
    cut_spans(&spans, &count, from);
    struct attention_rule rule = {.heads = m->heads, .causal = true, .scale = attention_scale(m->head_dim)};
    struct attention_query query = {.cache = cache,
                                    .block = index,
                                    .spans = spans,
                                    .span_count = count,
                                    .q = operand_at(arena, qkv, from * qkv_width(m)),
                                    .q_stride = qkv_width(m)};
    return attention_forward(arena, &rule, &query, heads, error);
}

/* Adds this block's share of the rows' attention. */
static lmvr_status record_attention(const struct llama *m, const struct kv_cache *cache, int index, struct arena *arena,
                                    const struct language_pass *pass, const struct buffers *b, const operand *qkv,
                                    lmvr_error *error)
{
    const struct language_attention *attention = pass->attention;
    struct attention_rule rule = {.heads = m->heads, .causal = true, .scale = attention_scale(m->head_dim)};
    struct attention_query query = {
        .cache = cache, .block = index, .spans = b->spans, .span_count = pass->span_count, .q = qkv, .q_stride = qkv_width(m)};
    float weight = 1.0f / (float)(m->heads * (attention->last_block - attention->first_block + 1));
    return attention_weights(arena, &rule, &query, attention->first, attention->count, weight, attention->weights, error);
}

/* Adds what the rows from `from` on take from others; those before only store their keys and values. */
static lmvr_status attend_to_others(const struct llama *m, int index, struct kv_cache *cache, struct arena *arena,
                                    const struct language_pass *pass, struct buffers *b, int64_t from, lmvr_error *error)
{
    const struct llama_block *block = &m->blocks[index];
    const struct language_attention *attention = pass->attention;
    struct arena_mark mark = arena_mark(arena);
    operand *qkv = arena_operands(arena, b->rows * qkv_width(m));
    if (!qkv)
        return error_no_memory(error, "the language model");
    norm_forward(&block->norm1, arena, b->rows, m->width, pass->hidden, b->normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, b->normed, qkv, error));
    file_keys_values(m, cache, index, arena, b, qkv);
    if (attention && index + 1 >= attention->first_block && index + 1 <= attention->last_block)
        TRY(record_attention(m, cache, index, arena, pass, b, qkv, error));
    if (from < b->rows) {
        TRY(attend(m, cache, index, arena, pass, b, qkv, from, b->normed, error));
        TRY(linear_add(&block->attention_out, arena, b->rows - from, b->normed, pass->hidden + from * m->width, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* x (rows, width) in place. A part of the rows at a time, as the hidden layer is several times as wide. */
static lmvr_status feed_forward(const struct llama *m, const struct llama_block *block, struct arena *arena, int64_t rows,
                                operand *normed, float *x, lmvr_error *error)
{
    int64_t most = arena->device->rows / FEED_PARTS, parts = (rows + most - 1) / most;
    struct arena_mark mark = arena_mark(arena);
    most = parts ? (rows + parts - 1) / parts : 0;
    operand *gate_up = arena_operands(arena, most * 2 * m->mlp_width), *mlp = arena_operands(arena, most * m->mlp_width);
    if (!gate_up || !mlp)
        return error_no_memory(error, "the language model");
    for (int64_t first = 0; first < rows; first += most) {
        int64_t count = rows - first < most ? rows - first : most;
        float *part = x + first * m->width;
        norm_forward(&block->norm2, arena, count, m->width, part, normed);
        TRY(linear_forward(&block->gate_up, arena, count, normed, gate_up, error));
        gated_forward(arena, m->activation, count, m->mlp_width, gate_up, mlp);
        TRY(linear_add(&block->down, arena, count, mlp, part, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* Adds what belongs to the output of block `index`, to rows from `from` on. */
static void add(const struct language_addition *a, int index, int64_t from, int64_t width, struct arena *arena, float *hidden)
{
    if (!a || index >= a->blocks)
        return;
    int64_t first = 0;
    while (first < a->count && a->rows[first] < from)
        first++;
    arena->device->operations->add_rows(arena, a->count - first, width, a->rows + first,
                                        a->states + index * a->stride + first * width, hidden);
}

lmvr_status llama_forward(const struct llama *llama, struct kv_cache *cache, struct arena *arena,
                          const struct language_pass *pass, float *last, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct buffers b;
    TRY(make_buffers(llama, arena, pass, &b, error));
    if (pass->attention)
        arena->device->operations->zero(arena, pass->attention->weights,
                                        (size_t)(b.rows * pass->attention->count) * sizeof(float));
    if (pass->blocks && pass->wanted[0])
        pass->on_state(pass->user, 0, 0, b.rows, pass->hidden);
    for (int i = 0; i < pass->blocks; i++) {
        bool last_run = i == pass->blocks - 1;
        int64_t first = last_run ? pass->finish_from : 0;
        TRY(attend_to_others(llama, i, cache, arena, pass, &b, first, error));
        TRY(feed_forward(llama, &llama->blocks[i], arena, b.rows - first, b.normed, pass->hidden + first * llama->width,
                         error));
        if (!last_run && pass->wanted[i + 1])
            pass->on_state(pass->user, i + 1, 0, b.rows, pass->hidden);
        if (!last_run || pass->blocks == llama->block_count)
            add(pass->addition, i, first, llama->width, arena, pass->hidden);
    }
    int64_t from = pass->blocks ? pass->finish_from : 0, rows = b.rows - from;
    float *states = pass->hidden + from * llama->width;
    bool all = pass->blocks == llama->block_count;
    if (all && rows && (last || pass->wanted[pass->blocks])) {
        float *normed = last ? last : states;
        norm_states(&llama->norm, arena, rows, llama->width, states, normed);
        states = normed;
    }
    if (rows && pass->wanted[pass->blocks])
        pass->on_state(pass->user, pass->blocks, from, rows, states);
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status llama_logits(const struct llama *llama, struct arena *arena, int64_t rows, const float *states, float *logits,
                         lmvr_error *error)
{
    const operand *x = arena_converted(arena, states, rows * llama->width);
    if (!x)
        return error_no_memory(error, "the logits");
    return linear_to_states(&llama->head, arena, rows, x, logits, error);
}

void llama_finish(struct llama *llama)
{
    for (int i = 0; llama->blocks && i < llama->block_count; i++) {
        struct llama_block *block = &llama->blocks[i];
        norm_finish(&block->norm1);
        norm_finish(&block->norm2);
        norm_finish(&block->q_norm);
        norm_finish(&block->k_norm);
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->gate_up);
        linear_finish(&block->down);
    }
    free(llama->blocks);
    device_release(llama->device, llama->embedding);
    rope_finish(&llama->rope);
    norm_finish(&llama->norm);
    linear_finish(&llama->head);
    *llama = (struct llama){0};
}
