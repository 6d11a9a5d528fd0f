/* A decoder-only model as a language model: the prompt prefix before the image is computed once, then copied. */
#include "language/llama.h"

#include <stdlib.h>
#include <string.h>

struct cache {
    struct kv_cache kv;
    struct language_input input;
    int shared; /* the slot of the shared prompt prefix */
    int64_t width;
    float *last_input; /* (slots, width): the embedding at the input's last position */
};

static uint64_t cache_bytes(const void *model, int slots, const struct language_input *input, int64_t response)
{
    const struct llama *m = model;
    return kv_cache_bytes(m->dtype, m->block_count, m->kv_heads, m->head_dim, slots + (input->before_count > 0),
                          language_input_length(input) + response);
}

static void cache_free(void *cache)
{
    struct cache *c = cache;
    if (c) {
        kv_cache_finish(&c->kv);
        free(c->last_input);
    }
    free(c);
}

static lmvr_status cache_create(const void *model, int slots, const struct language_input *input, int64_t response,
                                void **cache, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = *cache = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(error, "a key-value cache");
    c->input = *input;
    c->shared = slots;
    c->width = m->width;
    c->last_input = calloc((size_t)slots * (size_t)m->width, sizeof *c->last_input);
    lmvr_status status = c->last_input ? LMVR_OK : error_no_memory(error, "a key-value cache");
    if (status == LMVR_OK)
        status = kv_cache_create(&c->kv, m->dtype, m->block_count, m->kv_heads, m->head_dim, slots + (input->before_count > 0),
                                 language_input_length(input) + response, m->rope_theta, m->rope_factor, error);
    if (status != LMVR_OK) {
        cache_free(c);
        *cache = NULL;
    }
    return status;
}

static void cache_copy(void *cache, int from, int to)
{
    struct cache *c = cache;
    kv_cache_copy(&c->kv, from, to, language_input_length(&c->input));
    memcpy(c->last_input + to * c->width, c->last_input + from * c->width, (size_t)c->width * sizeof *c->last_input);
}

/* Passes hidden states on to a listener, with row 0 as position `offset` of the input. */
struct shifted {
    const struct language_listener *listener;
    int64_t offset;
};

static void on_shifted_state(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct shifted *s = user;
    s->listener->on_state(s->listener->user, layer, first_row + s->offset, rows, states);
}

/* Runs positions offset .. offset + rows - 1 of the input, whose embeddings are in `hidden`. */
static lmvr_status run_input(const struct llama *m, struct cache *c, struct arena *arena, int slot, int64_t offset,
                             int64_t rows, float *hidden, const struct language_extent *extent,
                             const struct language_listener *listener, float *last, lmvr_error *error)
{
    struct shifted shifted = {listener, offset};
    int64_t from = extent->needed_from - offset;
    struct language_span span = {slot, offset, rows};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = extent->blocks,
                                 .finish_from = from < 0      ? 0
                                                : from < rows ? from
                                                              : rows,
                                 .wanted = listener->wanted,
                                 .on_state = on_shifted_state,
                                 .user = &shifted};
    return llama_forward(m, &c->kv, arena, &pass, last, error);
}

static lmvr_status prepare(const void *model, void *cache, struct arena *arena, const struct language_extent *extent,
                           const struct language_listener *input, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = cache;
    int64_t rows = c->input.before_count;
    if (rows == 0)
        return LMVR_OK;
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, rows * m->width);
    if (!hidden)
        return error_no_memory(error, "the prompt");
    llama_embed(m, rows, c->input.before, hidden);
    TRY(run_input(m, c, arena, c->shared, 0, rows, hidden, extent, input, NULL, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status start(const void *model, void *cache, struct arena *arena, int slot, const float *visual,
                         const struct language_extent *extent, const struct language_listener *input,
                         const struct language_listener *first, float *last, lmvr_error *error)
{
    (void)first; /* the response's positions follow the input's */
    const struct llama *m = model;
    struct cache *c = cache;
    int64_t before = c->input.before_count, visual_count = c->input.visual_count, rows = visual_count + c->input.after_count;
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, rows * m->width), *states = last ? arena_floats(arena, rows * m->width) : NULL;
    if (!hidden || (last && !states))
        return error_no_memory(error, "the prompt");
    if (before)
        kv_cache_copy(&c->kv, c->shared, slot, before);
    memcpy(hidden, visual, (size_t)(visual_count * m->width) * sizeof *hidden);
    llama_embed(m, c->input.after_count, c->input.after, hidden + visual_count * m->width);
    memcpy(c->last_input + (int64_t)slot * m->width, hidden + (rows - 1) * m->width, (size_t)m->width * sizeof *hidden);
    TRY(run_input(m, c, arena, slot, before, rows, hidden, extent, input, states, error));
    if (last) {
        int64_t from = extent->needed_from > before ? extent->needed_from - before : 0;
        memcpy(last, states + (rows - from - 1) * m->width, (size_t)m->width * sizeof *last);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status step(const void *model, void *cache, struct arena *arena, const struct language_step *step,
                        const struct language_listener *listener, float *last, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = cache;
    struct arena_mark mark = arena_mark(arena);
    struct language_span *spans = arena_alloc(arena, step->count, sizeof *spans);
    float *hidden = arena_floats(arena, step->count * (int64_t)m->width);
    if (!spans || !hidden)
        return error_no_memory(error, "decoding");
    for (int i = 0; i < step->count; i++)
        spans[i] = (struct language_span){step->slots[i], language_input_length(&c->input) + step->positions[i], 1};
    llama_embed(m, step->count, step->tokens, hidden);
    struct language_pass pass = {.spans = spans,
                                 .span_count = step->count,
                                 .hidden = hidden,
                                 .blocks = m->block_count,
                                 .wanted = listener->wanted,
                                 .on_state = listener->on_state,
                                 .user = listener->user};
    TRY(llama_forward(m, &c->kv, arena, &pass, last, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status logits(const void *model, struct arena *arena, int64_t rows, const float *states, float *out,
                          lmvr_error *error)
{
    return llama_logits(model, arena, rows, states, out, error);
}

/* Embeddings (count, width) at the positions of a response's queries. */
static void embed_queries(const struct llama *m, const struct cache *c, const struct language_response *response,
                          bool predicting, float *hidden)
{
    if (predicting) {
        memcpy(hidden, c->last_input + (int64_t)response->slot * m->width, (size_t)m->width * sizeof *hidden);
        llama_embed(m, response->count - 1, response->tokens, hidden + m->width);
    } else {
        llama_embed(m, response->count, response->tokens, hidden);
    }
}

/* Runs the queries' positions again, as one pass of many rows; each row gives the same result as in its own step. */
static lmvr_status attend(const void *model, void *cache, struct arena *arena, const struct language_response *response,
                          bool predicting, struct language_attention *attention, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = cache;
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, response->count * (int64_t)m->width);
    bool *none = arena_alloc(arena, m->block_count + 1, sizeof *none);
    if (!hidden || !none)
        return error_no_memory(error, "the attention maps");
    memset(none, 0, (size_t)(m->block_count + 1) * sizeof *none);
    embed_queries(m, c, response, predicting, hidden);
    struct language_span span = {response->slot, language_input_length(&c->input) - predicting, response->count};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = attention->last_block,
                                 .finish_from = response->count,
                                 .wanted = none,
                                 .attention = attention};
    TRY(llama_forward(m, &c->kv, arena, &pass, NULL, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    llama_finish(model);
    free(model);
}

struct language llama_language(struct llama *llama)
{
    static const struct language_operations operations = {.cache_create = cache_create,
                                                          .cache_free = cache_free,
                                                          .cache_bytes = cache_bytes,
                                                          .cache_copy = cache_copy,
                                                          .prepare = prepare,
                                                          .start = start,
                                                          .step = step,
                                                          .logits = logits,
                                                          .attend = attend,
                                                          .free = free_model};
    return (struct language){.vocabulary = llama->vocabulary,
                             .width = llama->width,
                             .input_blocks = llama->block_count,
                             .blocks = llama->block_count,
                             .model = llama,
                             .operations = &operations};
}
