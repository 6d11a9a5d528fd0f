#include "language/t5.h"

#include "nn/attention.h"

#include <math.h>
#include <stdlib.h>

static int64_t inner_width(const struct t5 *m)
{
    return (int64_t)m->heads * m->head_dim;
}

void t5_embed(const struct t5 *t5, struct arena *arena, int64_t count, const int32_t *tokens, float *x)
{
    embedding_forward(arena, t5->embedding_dtype, t5->embedding, t5->width, count, tokens, x);
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
    void *taken;
    TRY(device_take(m->device, values, (size_t)(m->heads * width) * sizeof *values, &taken, error));
    device_release(m->device, (void *)bias->values);
    *bias = (struct attention_bias){taken, width, zero};
    return LMVR_OK;
}

lmvr_status t5_cache_create(struct t5_cache *cache, const struct t5 *t5, int slots, lmvr_error *error)
{
    int blocks = t5->decoder.block_count;
    *cache = (struct t5_cache){.device = t5->device, .inputs = calloc((size_t)slots + 1, sizeof *cache->inputs)};
    lmvr_status status = cache->inputs ? LMVR_OK : error_no_memory(error, "a key-value cache");
    if (status == LMVR_OK)
        status = kv_cache_create(&cache->own, t5->device, t5->cache_dtype, blocks, t5->heads, t5->head_dim, slots, error);
    if (status == LMVR_OK)
        status = kv_cache_create(&cache->cross, t5->device, t5->cache_dtype, blocks, t5->heads, t5->head_dim, slots, error);
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
    device_release(cache->device, (void *)cache->encoder_bias.values);
    device_release(cache->device, (void *)cache->decoder_bias.values);
    free(cache->inputs);
    *cache = (struct t5_cache){0};
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------- */

/* Buffers of a forward pass, shared by all blocks. */
struct buffers {
    int64_t rows;
    struct attention_span *spans, *cross_spans; /* of the decoder */
    struct kv_place *places;                    /* (rows) */
    operand *normed, *qkv, *heads, *wide, *mlp;
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
                          .normed = arena_operands(arena, rows * m->width),
                          .qkv = arena_operands(arena, rows * 3 * inner_width(m)),
                          .heads = arena_operands(arena, rows * inner_width(m)),
                          .wide = arena_operands(arena, rows * (m->gated ? 2 : 1) * m->mlp_width),
                          .mlp = arena_operands(arena, rows * m->mlp_width)};
    if (!b->spans || !b->cross_spans || !b->places || !b->normed || !b->qkv || !b->heads || !b->wide || !b->mlp)
        return error_no_memory(error, "the language model");
    struct kv_place *place = b->places;
    for (int s = 0; s < pass->span_count; s++)
        for (int64_t i = 0; i < pass->spans[s].count; i++)
            *place++ = (struct kv_place){pass->spans[s].slot, pass->spans[s].first + i};
    return LMVR_OK;
}

/* x += mlp(norm(x)). */
static lmvr_status feed_forward(const struct t5 *m, const struct t5_block *block, struct arena *arena, struct buffers *b,
                                float *x, lmvr_error *error)
{
    operand *hidden = b->wide;
    norm_forward(&block->norm2, arena, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->wi, arena, b->rows, b->normed, b->wide, error));
    if (m->gated)
        gated_forward(arena, m->activation, b->rows, m->mlp_width, b->wide, hidden = b->mlp);
    else
        activation_forward(arena, m->activation, b->rows, m->mlp_width, hidden);
    return linear_add(&block->wo, arena, b->rows, hidden, x, error);
}

/* ---- encoder ------------------------------------------------------------------------------------------------------------ */

static lmvr_status encoder_block(const struct t5 *m, const struct t5_cache *cache, const struct t5_block *block,
                                 struct arena *arena, struct buffers *b, float *x, lmvr_error *error)
{
    int64_t inner = inner_width(m);
    norm_forward(&block->norm1, arena, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, b->normed, b->qkv, error));
    struct attention_rule rule = {.heads = m->heads, .scale = 1, .bias = cache->encoder_bias};
    const int64_t bounds[] = {0, b->rows};
    struct attention_groups groups = {.count = 1,
                                      .queries = bounds,
                                      .keys = bounds,
                                      .head_dim = m->head_dim,
                                      .q = b->qkv,
                                      .k = operand_at(arena, b->qkv, inner),
                                      .v = operand_at(arena, b->qkv, 2 * inner),
                                      .q_stride = 3 * inner,
                                      .kv_stride = 3 * inner};
    TRY(attention_within(arena, &rule, &groups, b->heads, error));
    TRY(linear_add(&block->attention_out, arena, b->rows, b->heads, x, error));
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
        norm_states(&t5->encoder.norm, arena, b.rows, t5->width, pass->hidden, pass->hidden);
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
    operand *kv = arena_operands(arena, rows * 2 * inner);
    const operand *x = arena_converted(arena, states, rows * t5->width);
    struct kv_place *places = arena_alloc(arena, rows, sizeof *places);
    if (!kv || !x || !places)
        return error_no_memory(error, "the language model");
    for (int64_t r = 0; r < rows; r++)
        places[r] = (struct kv_place){slot, r};
    for (int i = 0; i < t5->decoder.block_count; i++) {
        TRY(linear_forward(&t5->decoder.blocks[i].cross_kv, arena, rows, x, kv, error));
        struct head_rows filed = {.count = rows,
                                  .stride = 2 * inner,
                                  .kv_heads = t5->heads,
                                  .head_dim = t5->head_dim,
                                  .cache = &cache->cross,
                                  .block = i,
                                  .places = places};
        attention_heads(arena, &filed, kv);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* ---- decoder ------------------------------------------------------------------------------------------------------------ */

/* Stores keys and values of the new positions in the KV cache. */
static void file_keys_values(const struct t5 *m, const struct t5_cache *cache, int block, struct arena *arena,
                             const struct buffers *b)
{
    struct head_rows rows = {.count = b->rows,
                             .stride = 3 * inner_width(m),
                             .q_heads = m->heads,
                             .kv_heads = m->heads,
                             .head_dim = m->head_dim,
                             .cache = &cache->own,
                             .block = block,
                             .places = b->places};
    attention_heads(arena, &rows, b->qkv);
}

/* The spans of the decoder's own positions, and of the encoder's output that they attend to. */
static void list_spans(const struct t5_cache *cache, const struct language_pass *pass, const struct buffers *b)
{
    for (int s = 0; s < pass->span_count; s++) {
        const struct language_span *span = &pass->spans[s];
        b->spans[s] = (struct attention_span){.slot = span->slot, .first = span->first, .count = span->count};
        b->cross_spans[s] =
            (struct attention_span){.slot = span->slot, .count = span->count, .visible = cache->inputs[span->slot]};
    }
}

/* x += cross-attention to the encoder's output. */
static lmvr_status cross_attend(const struct t5 *m, const struct t5_cache *cache, int index, struct arena *arena,
                                const struct language_pass *pass, const struct buffers *b, float *x, lmvr_error *error)
{
    const struct t5_block *block = &m->decoder.blocks[index];
    const struct language_attention *a = pass->attention;
    struct attention_rule rule = {.heads = m->heads, .scale = 1};
    struct attention_query query = {.cache = &cache->cross,
                                    .block = index,
                                    .spans = b->cross_spans,
                                    .span_count = pass->span_count,
                                    .q = b->qkv,
                                    .q_stride = inner_width(m)};
    norm_forward(&block->norm_cross, arena, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->cross_q, arena, b->rows, b->normed, b->qkv, error));
    if (a && index + 1 >= a->first_block && index + 1 <= a->last_block) {
        float weight = 1.0f / (float)(m->heads * (a->last_block - a->first_block + 1));
        TRY(attention_weights(arena, &rule, &query, a->first, a->count, weight, a->weights, error));
    }
    TRY(attention_forward(arena, &rule, &query, b->heads, error));
    return linear_add(&block->cross_out, arena, b->rows, b->heads, x, error);
}

static lmvr_status decoder_block(const struct t5 *m, const struct t5_cache *cache, int index, struct arena *arena,
                                 const struct language_pass *pass, struct buffers *b, lmvr_error *error)
{
    const struct t5_block *block = &m->decoder.blocks[index];
    float *x = pass->hidden;
    struct attention_rule rule = {.heads = m->heads, .causal = true, .scale = 1, .bias = cache->decoder_bias};
    struct attention_query query = {.cache = &cache->own,
                                    .block = index,
                                    .spans = b->spans,
                                    .span_count = pass->span_count,
                                    .q = b->qkv,
                                    .q_stride = 3 * inner_width(m)};
    norm_forward(&block->norm1, arena, b->rows, m->width, x, b->normed);
    TRY(linear_forward(&block->qkv, arena, b->rows, b->normed, b->qkv, error));
    file_keys_values(m, cache, index, arena, b);
    TRY(attention_forward(arena, &rule, &query, b->heads, error));
    TRY(linear_add(&block->attention_out, arena, b->rows, b->heads, x, error));
    TRY(cross_attend(m, cache, index, arena, pass, b, x, error));
    return feed_forward(m, block, arena, b, x, error);
}

lmvr_status t5_decode(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      float *last, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct buffers b;
    TRY(make_buffers(t5, arena, pass, &b, error));
    list_spans(cache, pass, &b);
    if (pass->attention)
        arena->device->operations->zero(arena, pass->attention->weights,
                                        (size_t)(b.rows * pass->attention->count) * sizeof(float));
    for (int i = 0; i < pass->blocks; i++) {
        if (pass->wanted[i])
            pass->on_state(pass->user, i, 0, b.rows, pass->hidden);
        TRY(decoder_block(t5, cache, i, arena, pass, &b, error));
    }
    if (pass->blocks == t5->decoder.block_count && last) {
        norm_states(&t5->decoder.norm, arena, b.rows, t5->width, pass->hidden, last);
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
    operand *scaled = arena_operands(arena, rows * t5->width);
    if (!scaled)
        return error_no_memory(error, "the logits");
    arena->device->operations->convert(arena, rows * t5->width, t5->head_scale, states, scaled);
    TRY(linear_to_states(&t5->head, arena, rows, scaled, logits, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void stack_finish(struct t5_stack *stack)
{
    for (int i = 0; stack->blocks && i < stack->block_count; i++) {
        struct t5_block *block = &stack->blocks[i];
        norm_finish(&block->norm1);
        norm_finish(&block->norm2);
        norm_finish(&block->norm_cross);
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->wi);
        linear_finish(&block->wo);
        linear_finish(&block->cross_q);
        linear_finish(&block->cross_kv);
        linear_finish(&block->cross_out);
    }
    free(stack->blocks);
    norm_finish(&stack->norm);
    free(stack->relative_bias);
}

void t5_finish(struct t5 *t5)
{
    stack_finish(&t5->encoder);
    stack_finish(&t5->decoder);
    device_release(t5->device, t5->embedding);
    linear_finish(&t5->head);
    *t5 = (struct t5){0};
}
