#include "language/llama.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static int64_t qkv_width(const struct llama *m)
{
    return (int64_t)(m->heads + 2 * m->kv_heads) * m->head_dim;
}

void llama_embed(const struct llama *llama, int64_t count, const int32_t *tokens, float *x)
{
    embedding_forward(llama->dtype, llama->embedding, llama->width, count, tokens, x);
}

/* The place of a row of the pass: its span, and its offset in the span. */
struct place {
    int span;
    int64_t offset;
};

static void list_places(const struct language_pass *pass, struct place *places)
{
    for (int s = 0; s < pass->span_count; s++)
        for (int64_t i = 0; i < pass->spans[s].count; i++)
            *places++ = (struct place){s, i};
}

static int64_t count_rows(const struct language_pass *pass)
{
    int64_t rows = 0;
    for (int s = 0; s < pass->span_count; s++)
        rows += pass->spans[s].count;
    return rows;
}

/* Buffers of a forward pass, shared by all blocks. */
struct buffers {
    int64_t rows;
    struct place *places;
    struct attention_span *spans;
    float *angles; /* (rows, head_dim): of the rotary embedding */
    float *normed, *qkv, *heads, *gate_up, *mlp;
};

static lmvr_status make_buffers(const struct llama *m, struct arena *arena, const struct language_pass *pass, struct buffers *b,
                                lmvr_error *error)
{
    int64_t rows = count_rows(pass);
    *b = (struct buffers){.rows = rows,
                          .places = arena_alloc(arena, rows, sizeof *b->places),
                          .spans = arena_alloc(arena, pass->span_count, sizeof *b->spans),
                          .angles = arena_floats(arena, rows * m->head_dim),
                          .normed = arena_floats(arena, rows * m->width),
                          .qkv = arena_floats(arena, rows * qkv_width(m)),
                          .heads = arena_floats(arena, rows * m->heads * m->head_dim),
                          .gate_up = arena_floats(arena, rows * 2 * m->mlp_width),
                          .mlp = arena_floats(arena, rows * m->mlp_width)};
    if (!b->places || !b->spans || !b->angles || !b->normed || !b->qkv || !b->heads || !b->gate_up || !b->mlp)
        return error_no_memory(error, "the language model");
    list_places(pass, b->places);
    rope_angles(&m->rope, rows, pass->positions, b->angles);
    return LMVR_OK;
}

/* Norms and turns queries or keys of one row, (heads, head_dim). */
static void prepare_heads(const struct llama *m, const struct rms_norm *norm, int heads, const float *angles, float *x)
{
    if (norm->weight)
        rms_norm_forward(norm, heads, m->head_dim, x, x);
    rope_turn(heads, m->rope.pairs, angles, x);
}

/* Prepares queries and keys, and stores keys and values in the KV cache. */
static void file_keys_values(const struct llama *m, const struct kv_cache *cache, int index, const struct language_pass *pass,
                             struct buffers *b)
{
    const struct llama_block *block = &m->blocks[index];
    for (int s = 0; s < pass->span_count; s++)
        b->spans[s] = (struct attention_span){.store = kv_cache_store(cache, pass->spans[s].slot, index),
                                              .first = pass->spans[s].first,
                                              .count = pass->spans[s].count};
    int64_t query_width = (int64_t)m->heads * m->head_dim, key_width = (int64_t)m->kv_heads * m->head_dim;
#pragma omp parallel for schedule(static) if (b->rows * qkv_width(m) > 16384)
    for (int64_t r = 0; r < b->rows; r++) {
        const struct attention_span *span = &b->spans[b->places[r].span];
        int64_t position = span->first + b->places[r].offset;
        float *q = b->qkv + r * qkv_width(m), *k = q + query_width, *v = k + key_width;
        const float *angles = b->angles + r * m->head_dim;
        prepare_heads(m, &block->q_norm, m->heads, angles, q);
        prepare_heads(m, &block->k_norm, m->kv_heads, angles, k);
        kv_store_set(&span->store, position, k, v);
    }
}

/* Attention of the rows from `from` on. Unless `from` is 0, these must all lie in the last span. */
static lmvr_status attend(const struct llama *m, struct arena *arena, const struct language_pass *pass, struct buffers *b,
                          int64_t from, lmvr_error *error)
{
    struct attention_span *spans = b->spans;
    int count = pass->span_count;
    for (int64_t left = from; count > 0 && left > 0;) {
        int64_t cut = spans->count < left ? spans->count : left;
        spans->first += cut;
        spans->count -= cut;
        left -= cut;
        if (spans->count == 0) {
            spans++;
            count--;
        }
    }
    struct attention_rule rule = {.heads = m->heads, .causal = true, .scale = attention_scale(m->head_dim)};
    return attention_forward(arena, &rule, spans, count, b->qkv + from * qkv_width(m), qkv_width(m),
                             b->heads + from * m->heads * m->head_dim, error);
}

/* Adds this block's share of the rows' attention. */
static lmvr_status record_attention(const struct llama *m, struct arena *arena, const struct buffers *b,
                                    const struct language_attention *attention, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t capacity = b->spans[0].store.capacity;
    float *scratch = arena_floats(arena, omp_get_max_threads() * capacity);
    if (!scratch)
        return error_no_memory(error, "the attention maps");
    struct attention_rule rule = {.heads = m->heads, .scale = attention_scale(m->head_dim)};
    float weight = 1.0f / (float)(m->heads * (attention->last_block - attention->first_block + 1));
#pragma omp parallel for schedule(dynamic)
    for (int64_t r = 0; r < b->rows; r++) {
        const struct attention_span *span = &b->spans[b->places[r].span];
        attention_weights(&rule, &span->store, b->qkv + r * qkv_width(m), span->first + b->places[r].offset + 1,
                          attention->first, attention->count, weight, scratch + omp_get_thread_num() * capacity,
                          attention->weights + r * attention->count);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* x (rows, width) in place; rows before `from` only store their keys and values. */
static lmvr_status block_forward(const struct llama *m, int index, struct kv_cache *cache, struct arena *arena,
                                 const struct language_pass *pass, struct buffers *b, int64_t from, lmvr_error *error)
{
    const struct llama_block *block = &m->blocks[index];
    int64_t rows = b->rows - from, width = m->width;
    float *x = pass->hidden + from * width, *normed = b->normed, *heads = b->heads + from * m->heads * m->head_dim;
    rms_norm_forward(&block->norm1, b->rows, width, pass->hidden, normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, normed, false, b->qkv, error));
    file_keys_values(m, cache, index, pass, b);
    const struct language_attention *attention = pass->attention;
    if (attention && index + 1 >= attention->first_block && index + 1 <= attention->last_block)
        TRY(record_attention(m, arena, b, attention, error));
    if (rows == 0)
        return LMVR_OK;
    TRY(attend(m, arena, pass, b, from, error));
    TRY(linear_forward(&block->attention_out, arena, rows, heads, true, x, error));

    rms_norm_forward(&block->norm2, rows, width, x, normed);
    TRY(linear_forward(&block->gate_up, arena, rows, normed, false, b->gate_up, error));
    gated_forward(m->activation, rows, m->mlp_width, b->gate_up, b->mlp);
    return linear_forward(&block->down, arena, rows, b->mlp, true, x, error);
}

/* Adds what belongs to the output of block `index`, to rows from `from` on. */
static void add(const struct language_addition *a, int index, int64_t from, int64_t width, float *hidden)
{
    for (int64_t i = 0; a && index < a->blocks && i < a->count; i++) {
        const float *state = a->states + index * a->stride + i * width;
        for (int64_t j = 0; j < width && a->rows[i] >= from; j++)
            hidden[a->rows[i] * width + j] += state[j];
    }
}

lmvr_status llama_forward(const struct llama *llama, struct kv_cache *cache, struct arena *arena,
                          const struct language_pass *pass, float *last, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct buffers b;
    TRY(make_buffers(llama, arena, pass, &b, error));
    if (pass->attention)
        memset(pass->attention->weights, 0, (size_t)(b.rows * pass->attention->count) * sizeof(float));
    if (pass->blocks && pass->wanted[0])
        pass->on_state(pass->user, 0, 0, b.rows, pass->hidden);
    for (int i = 0; i < pass->blocks; i++) {
        bool last_run = i == pass->blocks - 1;
        int64_t first = last_run ? pass->finish_from : 0;
        TRY(block_forward(llama, i, cache, arena, pass, &b, first, error));
        if (!last_run && pass->wanted[i + 1])
            pass->on_state(pass->user, i + 1, 0, b.rows, pass->hidden);
        if (!last_run || pass->blocks == llama->block_count)
            add(pass->addition, i, first, llama->width, pass->hidden);
    }
    int64_t from = pass->blocks ? pass->finish_from : 0, rows = b.rows - from;
    float *states = pass->hidden + from * llama->width;
    bool all = pass->blocks == llama->block_count;
    if (all && rows && (last || pass->wanted[pass->blocks])) {
        float *normed = last ? last : b.normed;
        rms_norm_forward(&llama->norm, rows, llama->width, states, normed);
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
    return linear_forward(&llama->head, arena, rows, states, false, logits, error);
}

void llama_finish(struct llama *llama)
{
    for (int i = 0; llama->blocks && i < llama->block_count; i++) {
        struct llama_block *block = &llama->blocks[i];
        rms_norm_finish(&block->norm1);
        rms_norm_finish(&block->norm2);
        rms_norm_finish(&block->q_norm);
        rms_norm_finish(&block->k_norm);
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->gate_up);
        linear_finish(&block->down);
    }
    free(llama->blocks);
    free(llama->embedding);
    rope_finish(&llama->rope);
    rms_norm_finish(&llama->norm);
    linear_finish(&llama->head);
    *llama = (struct llama){0};
}
