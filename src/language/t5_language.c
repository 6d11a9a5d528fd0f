/* An encoder-decoder as a language model: an image's cross-attention keys and values are computed once. */
#include "language/t5.h"

#include <stdlib.h>
#include <string.h>

static uint64_t sequence_bytes(const void *model, int64_t input, int64_t response)
{
    const struct t5 *m = model;
    int blocks = m->decoder.block_count;
    return kv_cache_slot_bytes(m->device, m->cache_dtype, blocks, m->heads, m->head_dim, input) +
           kv_cache_slot_bytes(m->device, m->cache_dtype, blocks, m->heads, m->head_dim, 1 + response);
}

static void cache_free(void *cache)
{
    if (cache)
        t5_cache_finish(cache);
    free(cache);
}

static lmvr_status cache_create(const void *model, int slots, void **cache, lmvr_error *error)
{
    struct t5_cache *c = *cache = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(error, "a key-value cache");
    lmvr_status status = t5_cache_create(c, model, slots, error);
    if (status != LMVR_OK) {
        free(c);
        *cache = NULL;
    }
    return status;
}

static lmvr_status cache_copy(void *cache, struct arena *arena, int from, int to, int64_t room, lmvr_error *error)
{
    struct t5_cache *c = cache;
    TRY(kv_cache_reserve(&c->own, to, 1 + room, error));
    TRY(kv_cache_reserve(&c->cross, to, c->inputs[from], error));
    c->inputs[to] = c->inputs[from];
    kv_cache_copy(arena, &c->own, from, to, 1);
    kv_cache_copy(arena, &c->cross, from, to, c->inputs[from]);
    return LMVR_OK;
}

/* Feeds tokens to the decoder, at the positions of `spans`. */
static lmvr_status run_decoder(const struct t5 *m, struct t5_cache *c, struct arena *arena, const struct language_span *spans,
                               int span_count, int64_t rows, const int32_t *tokens, const struct language_listener *listener,
                               struct language_attention *attention, float *last, lmvr_error *error)
{
    float *hidden = arena_floats(arena, rows * m->width);
    if (!hidden)
        return error_no_memory(error, "decoding");
    t5_embed(m, arena, rows, tokens, hidden);
    struct language_pass pass = {.spans = spans,
                                 .span_count = span_count,
                                 .hidden = hidden,
                                 .blocks = attention ? attention->last_block : m->decoder.block_count,
                                 .wanted = listener->wanted,
                                 .on_state = listener->on_state,
                                 .user = listener->user,
                                 .attention = attention};
    return t5_decode(m, c, arena, &pass, last, error);
}

/* Every encoder position attends to the whole input, so no part of it can be computed before the image is known. */
static lmvr_status encode(const struct t5 *m, struct t5_cache *c, struct arena *arena, const struct language_input *input,
                          const struct visual_tokens *visual, const struct language_extent *extent,
                          const struct language_listener *listener, float *hidden, lmvr_error *error)
{
    input_embed(arena, input, visual, 0, m->embedding_dtype, m->embedding, m->width, hidden);
    struct language_span span = {0, 0, input->length};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = extent->blocks,
                                 .wanted = listener->wanted,
                                 .on_state = listener->on_state,
                                 .user = listener->user};
    return t5_encode(m, c, arena, &pass, error);
}

static lmvr_status start(const void *model, void *cache, struct arena *arena, int slot, const struct language_input *input,
                         const struct visual_tokens *visual, int64_t room, const struct language_extent *extent,
                         const struct language_listener *listener, const struct language_listener *first, float *last,
                         lmvr_error *error)
{
    const struct t5 *m = model;
    struct t5_cache *c = cache;
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, input->length * m->width);
    if (!hidden)
        return error_no_memory(error, "the prompt");
    TRY(t5_cache_reserve(c, m, slot, input->length, 1 + room, error));
    TRY(encode(m, c, arena, input, visual, extent, listener, hidden, error));
    if (last) {
        struct language_span span = {slot, 0, 1};
        TRY(t5_cache_encoded(m, c, arena, slot, hidden, error));
        TRY(run_decoder(m, c, arena, &span, 1, 1, &m->start_token, first, NULL, last, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

/* The response's positions come after that of the start token. */
static lmvr_status step(const void *model, void *cache, struct arena *arena, const struct language_step *step,
                        const struct language_listener *listener, float *last, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct language_span *spans = arena_alloc(arena, step->count, sizeof *spans);
    if (!spans)
        return error_no_memory(error, "decoding");
    for (int i = 0; i < step->count; i++)
        spans[i] = (struct language_span){step->slots[i], 1 + step->positions[i], 1};
    TRY(run_decoder(model, cache, arena, spans, step->count, step->count, step->tokens, listener, NULL, last, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status logits(const void *model, struct arena *arena, int64_t rows, const float *states, float *out,
                          lmvr_error *error)
{
    return t5_logits(model, arena, rows, states, out, error);
}

/* Runs the queries' positions again, as one pass of many rows; each row gives the same result as in its own step. */
static lmvr_status attend(const void *model, void *cache, struct arena *arena, const struct language_response *response,
                          bool predicting, struct language_attention *attention, lmvr_error *error)
{
    const struct t5 *m = model;
    struct arena_mark mark = arena_mark(arena);
    int states = m->decoder.block_count + 1, count = response->count;
    bool *none = arena_alloc(arena, states, sizeof *none);
    int32_t *decoded = arena_alloc(arena, 1 + count, sizeof *decoded);
    if (!none || !decoded)
        return error_no_memory(error, "the attention maps");
    memset(none, 0, (size_t)states * sizeof *none);
    decoded[0] = m->start_token;
    memcpy(decoded + 1, response->tokens, (size_t)count * sizeof *decoded);
    struct language_listener nobody = {.wanted = none};
    int first = predicting ? 0 : 1;
    struct language_span span = {response->slot, first, count};
    TRY(run_decoder(m, cache, arena, &span, 1, count, decoded + first, &nobody, attention, NULL, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    t5_finish(model);
    free(model);
}

struct language t5_language(struct t5 *t5)
{
    static const struct language_operations operations = {.cache_create = cache_create,
                                                          .cache_free = cache_free,
                                                          .sequence_bytes = sequence_bytes,
                                                          .cache_copy = cache_copy,
                                                          .start = start,
                                                          .step = step,
                                                          .logits = logits,
                                                          .attend = attend,
                                                          .free = free_model};
    return (struct language){.vocabulary = t5->vocabulary,
                             .width = t5->width,
                             .input_blocks = t5->encoder.block_count,
                             .blocks = t5->decoder.block_count,
                             .generates = true,
                             .encoder_decoder = true,
                             .model = t5,
                             .operations = &operations};
}
