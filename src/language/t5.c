#include "language/t5.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static int64_t inner_width(const struct t5 *m)
{
    return (int64_t)m->heads * m->head_dim;
}

void t5_embed(const struct t5 *t5, int64_t count, const int32_t *tokens, float *x)
{
    embedding_forward(t5->dtype, t5->embedding, t5->width, count, tokens, x);
}

/* ---- relative positions ------------------------------------------------------------------------------------------------- */

int t5_bucket(int64_t distance, bool bidirectional, int buckets, int max_distance)
{
    int first = 0;
    if (bidirectional) {
        buckets /= 2;
        first = distance > 0 ? buckets : 0;
        distance = distance < 0 ? -distance : distance;
    } else {
        distance = distance < 0 ? -distance : 0;
    }
    int exact = buckets / 2; /* half of the buckets hold one distance each, the others grow with its logarithm */
    if (distance < exact)
        return first + (int)distance;
    float growth = logf((float)distance / (float)exact) / (float)log((double)max_distance / exact);
    int64_t large = exact + (int64_t)(growth * (float)(buckets - exact));
    return first + (int)(large < buckets - 1 ? large : buckets - 1);
}

/* Makes the table of a stack's biases reach distances from -zero to width - 1 - zero. */
static lmvr_status fill_bias(const struct t5 *m, const struct t5_stack *stack, bool bidirectional, int64_t width, int64_t zero,
                             struct attention_bias *bias, lmvr_error *error)
{
    if (bias->values && bias->zero >= zero)
        return LMVR_OK;
    float *values = calloc((size_t)(m->heads * width), sizeof *values);
    if (!values)
        return error_no_memory(error, "the relative positions");
    for (int64_t i = 0; i < width; i++) {
        int bucket = t5_bucket(i - zero, bidirectional, m->buckets, m->max_distance);
        for (int h = 0; h < m->heads; h++)
            values[h * width + i] = stack->relative_bias[(int64_t)bucket * m->heads + h];
    }
    free((void *)bias->values);
    *bias = (struct attention_bias){values, width, zero};
    return LMVR_OK;
}

lmvr_status t5_cache_create(struct t5_cache *cache, const struct t5 *t5, int slots, lmvr_error *error)
{
    int blocks = t5->decoder.block_count;
    *cache = (struct t5_cache){.inputs = calloc((size_t)slots + 1, sizeof *cache->inputs)};
    lmvr_status status = cache->inputs ? LMVR_OK : error_no_memory(error, "a key-value cache");
    if (status == LMVR_OK)
        status = kv_cache_create(&cache->own, t5->dtype, blocks, t5->heads, t5->head_dim, slots, error);
    if (status == LMVR_OK)
        status = kv_cache_create(&cache->cross, t5->dtype, blocks, t5->heads, t5->head_dim, slots, error);
    if (status != LMVR_OK)
        t5_cache_finish(cache);
    return status;
}

lmvr_status t5_cache_reserve(struct t5_cache *cache, const struct t5 *t5, int slot, int64_t input, int64_t positions,
                             lmvr_error *error)
{
    cache->inputs[slot] = input;
    TRY(fill_bias(t5, &t5->encoder, true, 2 * input - 1, input - 1, &cache->encoder_bias, error));
    TRY(fill_bias(t5, &t5->decoder, false, positions, positions - 1, &cache->decoder_bias, error));
    TRY(kv_cache_reserve(&cache->own, slot, positions, error));
    return kv_cache_reserve(&cache->cross, slot, input, error);
}

void t5_cache_finish(struct t5_cache *cache)
{
    kv_cache_finish(&cache->own);
    kv_cache_finish(&cache->cross);
    free((void *)cache->encoder_bias.values);
    free((void *)cache->decoder_bias.values);
    free(cache->inputs);
    *cache = (struct t5_cache){0};
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------- */

/* The place of a row of the pass: its span, and its position in the sequence. */
struct place {
    int span;
    int64_t position;
};

/* Buffers of a forward pass, shared by all blocks. */
struct buffers {
    int64_t rows;
    struct attention_span *spans, *cross_spans; /* of the decoder */
    struct place *places;                       /* (rows) */
    float *normed, *qkv, *heads, *wide, *mlp;
};

static lmvr_status make_buffers(const struct t5 *m, struct arena *arena, const struct language_pass *pass, struct buffers *b,
                                lmvr_error *error)
{
    int64_t rows = 0;
    for (int s = 0; s < pass->span_count; s++)
        rows += pass->spans[s].count;
    *b = (struct buffers){.rows = rows,
                          .spans = arena_alloc(arena, pass->span_count, sizeof *b->spans),
                          .cross_spans = arena_alloc(arena, pass->span_count, sizeof *b->cross_spans),
                          .places = arena_alloc(arena, rows, sizeof *b->places),
                          .normed = arena_floats(arena, rows * m->width),
                          .qkv = arena_floats(arena, rows * 3 * inner_width(m)),
                          .heads = arena_floats(arena, rows * inner_width(m)),
                          .wide = arena_floats(arena, rows * (m->gated ? 2 : 1) * m->mlp_width),
                          .mlp = arena_floats(arena, rows * m->mlp_width)};
    if (!b->spans || !b->cross_spans || !b->places || !b->normed || !b->qkv || !b->heads || !b->wide || !b->mlp)
        return error_no_memory(error, "the language model");
    struct place *place = b->places;
    for (int s = 0; s < pass->span_count; s++)
        for (int64_t i = 0; i < pass->spans[s].count; i++)
            *place++ = (struct place){s, pass->spans[s].first + i};
    return LMVR_OK;
}

/* x += mlp(norm(x)). */
static lmvr_status feed_forward(const struct t5 *m, const struct t5_block *block, struct arena *arena, struct buffers *b,
                                float *x, lmvr_error *error)
{
    float *hidden = b->wide;
    rms_norm_forward(&block->norm2, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->wi, arena, b->rows, b->normed, false, b->wide, error));
    if (m->gated)
        gated_forward(m->activation, b->rows, m->mlp_width, b->wide, hidden = b->mlp);
    else
        activation_forward(m->activation, b->rows, m->mlp_width, hidden);
    return linear_forward(&block->wo, arena, b->rows, hidden, true, x, error);
}

/* ---- encoder ------------------------------------------------------------------------------------------------------------ */

static lmvr_status encoder_block(const struct t5 *m, const struct t5_cache *cache, const struct t5_block *block,
                                 struct arena *arena, struct buffers *b, float *x, lmvr_error *error)
{
    int64_t inner = inner_width(m);
    rms_norm_forward(&block->norm1, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, b->normed, false, b->qkv, error));
    struct attention_rule rule = {.heads = m->heads, .scale = 1, .bias = cache->encoder_bias};
    const int64_t bounds[] = {0, b->rows};
    struct attention_groups groups = {.count = 1,
                                      .queries = bounds,
                                      .keys = bounds,
                                      .head_dim = m->head_dim,
                                      .dtype = m->dtype,
                                      .q = b->qkv,
                                      .k = b->qkv + inner,
                                      .v = b->qkv + 2 * inner,
                                      .q_stride = 3 * inner,
                                      .kv_stride = 3 * inner};
    TRY(attention_within(arena, &rule, &groups, b->heads, error));
    TRY(linear_forward(&block->attention_out, arena, b->rows, b->heads, true, x, error));
    return feed_forward(m, block, arena, b, x, error);
}

lmvr_status t5_encode(const struct t5 *t5, const struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct buffers b;
    TRY(make_buffers(t5, arena, pass, &b, error));
    for (int i = 0; i < pass->blocks; i++) {
        if (pass->wanted[i])
            pass->on_state(pass->user, i, 0, b.rows, pass->hidden);
        TRY(encoder_block(t5, cache, &t5->encoder.blocks[i], arena, &b, pass->hidden, error));
    }
    if (pass->blocks == t5->encoder.block_count)
        rms_norm_forward(&t5->encoder.norm, b.rows, t5->width, pass->hidden, pass->hidden);
    if (pass->wanted[pass->blocks])
        pass->on_state(pass->user, pass->blocks, 0, b.rows, pass->hidden);
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status t5_cache_encoded(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, int slot, const float *states,
                             lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t inner = inner_width(t5), rows = cache->inputs[slot];
    float *kv = arena_floats(arena, rows * 2 * inner);
    if (!kv)
        return error_no_memory(error, "the language model");
    for (int i = 0; i < t5->decoder.block_count; i++) {
        TRY(linear_forward(&t5->decoder.blocks[i].cross_kv, arena, rows, states, false, kv, error));
        struct kv_store store = kv_cache_store(&cache->cross, slot, i);
#pragma omp parallel for schedule(static) if (rows * inner > 16384)
        for (int64_t r = 0; r < rows; r++)
            kv_store_set(&store, r, kv + r * 2 * inner, kv + r * 2 * inner + inner);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* ---- decoder ------------------------------------------------------------------------------------------------------------ */

/* Stores keys and values of the new positions in the KV cache, and makes the spans of this block. */
static void file_keys_values(const struct t5 *m, const struct t5_cache *cache, int block, const struct language_pass *pass,
                             struct buffers *b)
{
    int64_t inner = inner_width(m);
    for (int s = 0; s < pass->span_count; s++) {
        const struct language_span *span = &pass->spans[s];
        b->spans[s] = (struct attention_span){
            .store = kv_cache_store(&cache->own, span->slot, block), .first = span->first, .count = span->count};
        b->cross_spans[s] = (struct attention_span){.store = kv_cache_store(&cache->cross, span->slot, block),
                                                    .count = span->count,
                                                    .visible = cache->inputs[span->slot]};
    }
#pragma omp parallel for schedule(static) if (b->rows * inner > 16384)
    for (int64_t r = 0; r < b->rows; r++) {
        const float *key = b->qkv + r * 3 * inner + inner;
        kv_store_set(&b->spans[b->places[r].span].store, b->places[r].position, key, key + inner);
    }
}

/* Adds this block's share of the rows' attention to the encoder's output. */
static lmvr_status record_attention(const struct t5 *m, struct arena *arena, const struct attention_rule *rule,
                                    const struct buffers *b, const struct language_attention *attention, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t most = 0;
    for (int64_t r = 0; r < b->rows; r++)
        most = b->cross_spans[b->places[r].span].visible > most ? b->cross_spans[b->places[r].span].visible : most;
    float *scratch = arena_floats(arena, omp_get_max_threads() * most);
    if (!scratch)
        return error_no_memory(error, "the attention maps");
    float weight = 1.0f / (float)(m->heads * (attention->last_block - attention->first_block + 1));
#pragma omp parallel for schedule(dynamic)
    for (int64_t r = 0; r < b->rows; r++) {
        const struct attention_span *span = &b->cross_spans[b->places[r].span];
        attention_weights(rule, &span->store, b->qkv + r * inner_width(m), span->visible, attention->first, attention->count,
                          weight, scratch + omp_get_thread_num() * most, attention->weights + r * attention->count);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* x += cross-attention to the encoder's output. */
static lmvr_status cross_attend(const struct t5 *m, int index, struct arena *arena, const struct language_pass *pass,
                                struct buffers *b, float *x, lmvr_error *error)
{
    const struct t5_block *block = &m->decoder.blocks[index];
    const struct language_attention *attention = pass->attention;
    int64_t inner = inner_width(m);
    struct attention_rule rule = {.heads = m->heads, .scale = 1};
    rms_norm_forward(&block->norm_cross, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->cross_q, arena, b->rows, b->normed, false, b->qkv, error));
    if (attention && index + 1 >= attention->first_block && index + 1 <= attention->last_block)
        TRY(record_attention(m, arena, &rule, b, attention, error));
    TRY(attention_forward(arena, &rule, b->cross_spans, pass->span_count, b->qkv, inner, b->heads, error));
    return linear_forward(&block->cross_out, arena, b->rows, b->heads, true, x, error);
}

static lmvr_status decoder_block(const struct t5 *m, const struct t5_cache *cache, int index, struct arena *arena,
                                 const struct language_pass *pass, struct buffers *b, lmvr_error *error)
{
    const struct t5_block *block = &m->decoder.blocks[index];
    float *x = pass->hidden;
    struct attention_rule rule = {.heads = m->heads, .causal = true, .scale = 1, .bias = cache->decoder_bias};
    rms_norm_forward(&block->norm1, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, b->normed, false, b->qkv, error));
    file_keys_values(m, cache, index, pass, b);
    TRY(attention_forward(arena, &rule, b->spans, pass->span_count, b->qkv, 3 * inner_width(m), b->heads, error));
    TRY(linear_forward(&block->attention_out, arena, b->rows, b->heads, true, x, error));
    TRY(cross_attend(m, index, arena, pass, b, x, error));
    return feed_forward(m, block, arena, b, x, error);
}

lmvr_status t5_decode(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      float *last, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct buffers b;
    TRY(make_buffers(t5, arena, pass, &b, error));
    if (pass->attention)
        memset(pass->attention->weights, 0, (size_t)(b.rows * pass->attention->count) * sizeof(float));
    for (int i = 0; i < pass->blocks; i++) {
        if (pass->wanted[i])
            pass->on_state(pass->user, i, 0, b.rows, pass->hidden);
        TRY(decoder_block(t5, cache, i, arena, pass, &b, error));
    }
    if (pass->blocks == t5->decoder.block_count && last) {
        rms_norm_forward(&t5->decoder.norm, b.rows, t5->width, pass->hidden, last);
        if (pass->wanted[pass->blocks])
            pass->on_state(pass->user, pass->blocks, 0, b.rows, last);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status t5_logits(const struct t5 *t5, struct arena *arena, int64_t rows, const float *states, float *logits,
                      lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    float *scaled = arena_floats(arena, rows * t5->width);
    if (!scaled)
        return error_no_memory(error, "the logits");
    for (int64_t i = 0; i < rows * t5->width; i++)
        scaled[i] = states[i] * t5->head_scale;
    TRY(linear_forward(&t5->head, arena, rows, scaled, false, logits, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void stack_finish(struct t5_stack *stack)
{
    for (int i = 0; stack->blocks && i < stack->block_count; i++) {
        struct t5_block *block = &stack->blocks[i];
        rms_norm_finish(&block->norm1);
        rms_norm_finish(&block->norm2);
        rms_norm_finish(&block->norm_cross);
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->wi);
        linear_finish(&block->wo);
        linear_finish(&block->cross_q);
        linear_finish(&block->cross_kv);
        linear_finish(&block->cross_out);
    }
    free(stack->blocks);
    rms_norm_finish(&stack->norm);
    free(stack->relative_bias);
}

void t5_finish(struct t5 *t5)
{
    stack_finish(&t5->encoder);
    stack_finish(&t5->decoder);
    free(t5->embedding);
    linear_finish(&t5->head);
    *t5 = (struct t5){0};
}
