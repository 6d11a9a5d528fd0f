/* An encoder-decoder as a language model: an image's cross-attention keys and values are computed once. */
#include "language/t5.h"

#include <stdlib.h>
#include <string.h>

struct cache {
    struct t5_cache t5;
    struct language_input input;
};

static uint64_t cache_bytes(const void *model, int slots, const struct language_input *input, int64_t response)
{
    const struct t5 *m = model;
    int blocks = m->decoder.block_count;
    return kv_cache_bytes(m->dtype, blocks, m->heads, m->head_dim, slots, language_input_length(input)) +
           kv_cache_bytes(m->dtype, blocks, m->heads, m->head_dim, slots, 1 + response);
}

static void cache_free(void *cache)
{
    struct cache *c = cache;
    if (c)
        t5_cache_finish(&c->t5);
    free(c);
}

static lmvr_status cache_create(const void *model, int slots, const struct language_input *input, int64_t response,
                                void **cache, lmvr_error *error)
{
    struct cache *c = *cache = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(error, "a key-value cache");
    c->input = *input;
    lmvr_status status = t5_cache_create(&c->t5, model, slots, language_input_length(input), 1 + response, error);
    if (status != LMVR_OK) {
        cache_free(c);
        *cache = NULL;
    }
    return status;
}

static void cache_copy(void *cache, int from, int to)
{
    struct cache *c = cache;
    kv_cache_copy(&c->t5.own, from, to, 1);
    kv_cache_copy(&c->t5.cross, from, to, c->t5.input);
}

/* Feeds tokens to the decoder, at the positions of `spans`. */
static lmvr_status run_decoder(const struct t5 *m, struct cache *c, struct arena *arena, const struct language_span *spans,
                               int span_count, int64_t rows, const int32_t *tokens, const struct language_listener *listener,
                               struct language_attention *attention, float *last, lmvr_error *error)
{
    float *hidden = arena_floats(arena, rows * m->width);
    if (!hidden)
        return error_no_memory(error, "decoding");
    t5_embed(m, rows, tokens, hidden);
    struct language_pass pass = {.spans = spans,
                                 .span_count = span_count,
                                 .hidden = hidden,
                                 .blocks = attention ? attention->last_block : m->decoder.block_count,
                                 .wanted = listener->wanted,
                                 .on_state = listener->on_state,
                                 .user = listener->user,
                                 .attention = attention};
    return t5_decode(m, &c->t5, arena, &pass, last, error);
}

/* Every encoder position attends to the whole input, so no part of it can be computed before the image is known. */
static lmvr_status encode(const struct t5 *m, struct cache *c, struct arena *arena, const float *visual,
                          const struct language_extent *extent, const struct language_listener *input, float *hidden,
                          lmvr_error *error)
{
    int64_t before = c->input.before_count, visual_count = c->input.visual_count, width = m->width;
    t5_embed(m, before, c->input.before, hidden);
    memcpy(hidden + before * width, visual, (size_t)(visual_count * width) * sizeof *hidden);
    t5_embed(m, c->input.after_count, c->input.after, hidden + (before + visual_count) * width);
    struct language_span span = {0, 0, c->t5.input};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = extent->blocks,
                                 .wanted = input->wanted,
                                 .on_state = input->on_state,
                                 .user = input->user};
    return t5_encode(m, &c->t5, arena, &pass, error);
}

static lmvr_status start(const void *model, void *cache, struct arena *arena, int slot, const float *visual,
                         const struct language_extent *extent, const struct language_listener *input,
                         const struct language_listener *first, float *last, lmvr_error *error)
{
    const struct t5 *m = model;
    struct cache *c = cache;
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, c->t5.input * m->width);
    if (!hidden)
        return error_no_memory(error, "the prompt");
    TRY(encode(m, c, arena, visual, extent, input, hidden, error));
    if (last) {
        struct language_span span = {slot, 0, 1};
        TRY(t5_cache_encoded(m, &c->t5, arena, slot, hidden, error));
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
                                                          .cache_bytes = cache_bytes,
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
                             .encoder_decoder = true,
                             .model = t5,
                             .operations = &operations};
}
