/* A decoder-only model as a language model: the beginning that all inputs share is computed once, then copied. */
#include "language/llama.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered of the input in a slot. */
struct sequence {
    int64_t length;
    struct position last; /* of the input's last position */
    int32_t next;         /* the coordinate of the response's first position */
};

struct cache {
    const struct device *device;
    struct kv_cache kv;
    int shared; /* the slot of the beginning that all inputs share */
    int64_t width;
    struct sequence *sequences; /* (slots) */
    float *last_input;          /* (slots, width), on the device: the embedding at the input's last position */
};

static uint64_t sequence_bytes(const void *model, int64_t input, int64_t response)
{
    const struct llama *m = model;
    return kv_cache_slot_bytes(m->device, m->cache_dtype, m->block_count, m->kv_heads, m->head_dim, input + response);
}

static void cache_free(void *cache)
{
    struct cache *c = cache;
    if (c) {
        kv_cache_finish(&c->kv);
        free(c->sequences);
        device_release(c->device, c->last_input);
    }
    free(c);
}

static lmvr_status cache_create(const void *model, int slots, void **cache, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = *cache = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(error, "a key-value cache");
    c->device = m->device;
    c->shared = slots;
    c->width = m->width;
    c->sequences = calloc((size_t)slots, sizeof *c->sequences);
    c->last_input = m->device->operations->allocate(m->device, (size_t)slots * (size_t)m->width * sizeof *c->last_input);
    lmvr_status status = c->sequences && c->last_input ? LMVR_OK : error_no_memory(error, "a key-value cache");
    if (status == LMVR_OK)
        status = kv_cache_create(&c->kv, m->device, m->cache_dtype, m->block_count, m->kv_heads, m->head_dim, slots + 1, error);
    if (status != LMVR_OK) {
        cache_free(c);
        *cache = NULL;
    }
    return status;
}

static lmvr_status cache_copy(void *cache, struct arena *arena, int from, int to, int64_t room, lmvr_error *error)
{
    struct cache *c = cache;
    TRY(kv_cache_reserve(&c->kv, to, c->sequences[from].length + room, error));
    kv_cache_copy(arena, &c->kv, from, to, c->sequences[from].length);
    c->sequences[to] = c->sequences[from];
    states_copy(arena, c->width, c->last_input + from * c->width, c->last_input + to * c->width);
    return LMVR_OK;
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

/* Positions of an input from `offset` on: their embeddings, and the visual tokens' further levels. */
struct rows {
    int64_t offset, count;
    float *hidden; /* (count, width), on the device */
    struct language_addition addition;
};

/* Lists the rows at which visual tokens stand, numbered from `offset` on. */
static void list_visual_rows(const struct language_input *input, int64_t offset, int64_t *rows)
{
    int64_t at = -offset;
    for (int i = 0; i < input->piece_count; at += input->pieces[i++].count)
        for (int64_t r = 0; r < input->pieces[i].count && !input->pieces[i].tokens; r++)
            *rows++ = at + r;
}

static lmvr_status make_rows(const struct llama *m, struct arena *arena, const struct language_input *input,
                             const struct visual_tokens *visual, int64_t offset, struct rows *rows, lmvr_error *error)
{
    *rows = (struct rows){.offset = offset, .count = input->length - offset};
    rows->hidden = arena_floats(arena, rows->count * m->width);
    if (!rows->hidden)
        return error_no_memory(error, "the prompt");
    input_embed(arena, input, visual, offset, m->embedding_dtype, m->embedding, m->width, rows->hidden);
    if (!visual || visual->levels <= 1)
        return LMVR_OK;
    int64_t *places = arena_alloc(arena, visual->count, sizeof *places);
    if (!places)
        return error_no_memory(error, "the prompt");
    list_visual_rows(input, offset, places);
    rows->addition = (struct language_addition){visual->levels - 1, visual->count, places,
                                                visual->states + visual->level_stride, visual->level_stride};
    return LMVR_OK;
}

static lmvr_status run_rows(const struct llama *m, struct cache *c, struct arena *arena, int slot,
                            const struct language_input *input, const struct rows *rows, const struct language_extent *extent,
                            const struct language_listener *listener, float *last, lmvr_error *error)
{
    struct shifted shifted = {listener, rows->offset};
    int64_t from = extent->needed_from - rows->offset;
    struct language_span span = {slot, rows->offset, rows->count};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .positions = input->positions + rows->offset,
                                 .hidden = rows->hidden,
                                 .addition = &rows->addition,
                                 .blocks = extent->blocks,
                                 .finish_from = from < 0             ? 0
                                                : from < rows->count ? from
                                                                     : rows->count,
                                 .wanted = listener->wanted,
                                 .on_state = on_shifted_state,
                                 .user = &shifted};
    return llama_forward(m, &c->kv, arena, &pass, last, error);
}

static lmvr_status prepare(const void *model, void *cache, struct arena *arena, const struct language_input *shared,
                           const struct language_extent *extent, const struct language_listener *listener, lmvr_error *error)
{
    const struct llama *m = model;
    struct cache *c = cache;
    struct arena_mark mark = arena_mark(arena);
    struct rows rows;
    TRY(kv_cache_reserve(&c->kv, c->shared, shared->length, error));
    TRY(make_rows(m, arena, shared, NULL, 0, &rows, error));
    TRY(run_rows(m, c, arena, c->shared, shared, &rows, extent, listener, NULL, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

/* After a picture, text goes on from the largest coordinate so far. */
static struct sequence summarize(const struct language_input *input)
{
    struct sequence s = {.length = input->length, .last = input->positions[input->length - 1]};
    for (int64_t i = 0; i < input->length; i++)
        for (int axis = 0; axis < 3; axis++)
            s.next = input->positions[i].at[axis] >= s.next ? input->positions[i].at[axis] + 1 : s.next;
    return s;
}

static lmvr_status start(const void *model, void *cache, struct arena *arena, int slot, const struct language_input *input,
                         const struct visual_tokens *visual, int64_t room, const struct language_extent *extent,
                         const struct language_listener *listener, const struct language_listener *first, float *last,
                         lmvr_error *error)
{
    (void)first; /* the response's positions follow the input's */
    const struct llama *m = model;
    struct cache *c = cache;
    int64_t width = m->width;
    struct arena_mark mark = arena_mark(arena);
    struct rows rows;
    TRY(kv_cache_reserve(&c->kv, slot, input->length + room, error));
    kv_cache_copy(arena, &c->kv, c->shared, slot, input->shared);
    TRY(make_rows(m, arena, input, visual, input->shared, &rows, error));
    float *states = last ? arena_floats(arena, rows.count * width) : NULL;
    if (last && !states)
        return error_no_memory(error, "the prompt");
    c->sequences[slot] = summarize(input);
    states_copy(arena, width, rows.hidden + (rows.count - 1) * width, c->last_input + slot * width);
    TRY(run_rows(m, c, arena, slot, input, &rows, extent, listener, states, error));
    if (last) {
        int64_t from = extent->needed_from > rows.offset ? extent->needed_from - rows.offset : 0;
        states_copy(arena, width, states + (rows.count - from - 1) * width, last);
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
    struct position *positions = arena_alloc(arena, step->count, sizeof *positions);
    float *hidden = arena_floats(arena, step->count * (int64_t)m->width);
    if (!spans || !positions || !hidden)
        return error_no_memory(error, "decoding");
    for (int i = 0; i < step->count; i++) {
        const struct sequence *s = &c->sequences[step->slots[i]];
        spans[i] = (struct language_span){step->slots[i], s->length + step->positions[i], 1};
        positions[i] = position_in_text(s->next + step->positions[i]);
    }
    llama_embed(m, arena, step->count, step->tokens, hidden);
    struct language_pass pass = {.spans = spans,
                                 .span_count = step->count,
                                 .positions = positions,
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
static void embed_queries(const struct llama *m, struct arena *arena, const struct cache *c,
                          const struct language_response *response, bool predicting, float *hidden)
{
    if (predicting) {
        states_copy(arena, m->width, c->last_input + (int64_t)response->slot * m->width, hidden);
        llama_embed(m, arena, response->count - 1, response->tokens, hidden + m->width);
    } else {
        llama_embed(m, arena, response->count, response->tokens, hidden);
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
    struct position *positions = arena_alloc(arena, response->count, sizeof *positions);
    bool *none = arena_alloc(arena, m->block_count + 1, sizeof *none);
    if (!hidden || !positions || !none)
        return error_no_memory(error, "the attention maps");
    const struct sequence *s = &c->sequences[response->slot];
    for (int i = 0; i < response->count; i++)
        positions[i] = predicting && i == 0 ? s->last : position_in_text(s->next + i - predicting);
    memset(none, 0, (size_t)(m->block_count + 1) * sizeof *none);
    embed_queries(m, arena, c, response, predicting, hidden);
    struct language_span span = {response->slot, s->length - predicting, response->count};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .positions = positions,
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
                                                          .sequence_bytes = sequence_bytes,
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
                             .generates = llama->head.weight != NULL,
                             .model = llama,
                             .operations = &operations};
}
