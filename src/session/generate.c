#include "session/session.h"

#include "format/hash.h"

#include <string.h>

/* ---- pooling states as they come ---------------------------------------------------------------------------------------- */

/* Adds rows to the pools of every feature of this layer that takes one of these kinds of positions. */
static void pool_rows(const struct lmvr_session *s, struct pool *pools, int layer, int kinds, int64_t rows, const float *states)
{
    for (int i = 0; i < s->feature_count && rows > 0; i++) {
        const struct feature *f = &s->features[i];
        if (f->source == SOURCE_LLM && f->layer == layer && f->tokens & kinds)
            pool_add(&pools[i], f->pool, f->dim, rows, states);
    }
}

/* What a pass over part of a prompt pools into: rows before `text_from` are visual tokens, the others text. */
struct prompt_pools {
    const struct lmvr_session *session;
    struct pool *pools;
    int64_t text_from;
    bool to_end; /* the last row is the prompt's last */
};

static void pool_prompt(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct prompt_pools *p = user;
    const struct lmvr_session *s = p->session;
    int64_t width = s->model->language.width, end = first_row + rows;
    int64_t text = p->text_from > first_row ? p->text_from : first_row;
    pool_rows(s, p->pools, layer, TOKENS_IMAGE, text - first_row, states);
    pool_rows(s, p->pools, layer, TOKENS_PROMPT, end - text, states + (text - first_row) * width);
    if (p->to_end && !s->generates)
        pool_rows(s, p->pools, layer, TOKENS_END, 1, states + (rows - 1) * width);
}

/* The sequences that a step feeds, in the order of its rows. */
struct step {
    const struct lmvr_session *session;
    struct sequence **sequences;
};

static void pool_response(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct step *step = user;
    int64_t width = step->session->model->language.width;
    for (int64_t r = first_row; r < first_row + rows; r++) {
        struct sequence *q = step->sequences[r];
        int kinds = TOKENS_GENERATED | (q->final ? TOKENS_END : 0);
        pool_rows(step->session, q->pools, layer, kinds, 1, states + (r - first_row) * width);
    }
}

void generate_finish(const struct lmvr_session *session, const struct sequence *sequence, float *values)
{
    for (int i = 0; i < session->feature_count; i++) {
        const struct feature *f = &session->features[i];
        if (f->source == SOURCE_LLM)
            pool_read(&sequence->pools[i], f->pool, f->dim, values + feature_offset(session, i));
    }
}

/* ---- the prompt --------------------------------------------------------------------------------------------------------- */

/* The first of `rows` rows whose last state is needed: visual tokens stand before `text_from`. */
static int64_t first_needed(const struct lmvr_session *s, int64_t text_from, int64_t rows, bool to_end)
{
    int64_t from = to_end && (s->generates || s->prompt_wanted[s->prompt_blocks]) ? rows - 1 : rows;
    for (int i = 0; i < s->feature_count; i++) {
        const struct feature *f = &s->features[i];
        if (f->source != SOURCE_LLM || f->layer != s->prompt_blocks)
            continue;
        if (f->tokens & TOKENS_IMAGE && text_from > 0)
            return 0;
        if (f->tokens & TOKENS_PROMPT && text_from < from)
            from = text_from;
    }
    return from;
}

lmvr_status generate_prefix(struct lmvr_session *session, lmvr_error *error)
{
    int64_t rows = (int64_t)session->prompt.before_count;
    if (rows == 0)
        return LMVR_OK;
    struct arena_mark mark = arena_mark(&session->arena);
    float *hidden = arena_floats(&session->arena, rows * session->model->language.width);
    if (!hidden)
        return error_no_memory(error, "the prompt");
    llama_embed(&session->model->language, rows, session->prompt.before, hidden);
    struct prompt_pools pools = {.session = session, .pools = session->prefix_pools};
    struct language_span span = {session->prefix_slot, 0, rows};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = session->prompt_blocks,
                                 .finish_from = first_needed(session, 0, rows, false),
                                 .wanted = session->prompt_wanted,
                                 .on_state = pool_prompt,
                                 .user = &pools};
    TRY(llama_forward(&session->model->language, &session->cache, &session->arena, &pass, NULL, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

/* A sequence starts with the prefix's share of every pool. */
static void begin_pools(const struct lmvr_session *s, struct pool *pools)
{
    for (int i = 0; i < s->feature_count; i++) {
        pool_reset(&pools[i]);
        if (s->features[i].source != SOURCE_LLM || s->prefix_pools[i].count == 0)
            continue;
        memcpy(pools[i].value, s->prefix_pools[i].value, s->features[i].dim * sizeof(double));
        pools[i].count = s->prefix_pools[i].count;
    }
}

/* Appends the token that follows a state's logits, and decides whether it is the last one. */
static lmvr_status append_token(struct lmvr_session *s, struct sequence *q, const float *logits, lmvr_error *error)
{
    int32_t token = sample(&s->sampler, &s->arena, s->model->language.vocabulary, logits, &q->random);
    if (token < 0)
        return error_no_memory(error, "sampling");
    q->tokens[q->count++] = token;
    for (int i = 0; i < s->end_token_count; i++)
        q->ended |= token == s->end_tokens[i];
    q->final = q->ended || q->count == s->max_new_tokens;
    /* the last token is fed in for its state alone */
    q->active = !q->final || s->needs_generated;
    return LMVR_OK;
}

lmvr_status generate_start(struct lmvr_session *session, int slot, size_t index, uint64_t hash, const float *visual,
                           float *values, lmvr_error *error)
{
    const struct llama *m = &session->model->language;
    struct sequence *q = &session->sequences[slot];
    int64_t before = (int64_t)session->prompt.before_count, after = (int64_t)session->prompt.after_count;
    int64_t visual_rows = session->visual_tokens, rows = visual_rows + after, width = m->width;
    struct arena_mark mark = arena_mark(&session->arena);
    float *hidden = arena_floats(&session->arena, rows * width), *last = arena_floats(&session->arena, rows * width);
    float *logits = arena_floats(&session->arena, m->vocabulary);
    if (!hidden || !last || !logits)
        return error_no_memory(error, "the prompt");
    q->index = index;
    q->position = before + rows;
    q->count = 0;
    q->ended = q->final = q->active = false;
    q->random = hash_bytes(hash_bytes(HASH_START, &session->seed, sizeof session->seed), &hash, sizeof hash);
    begin_pools(session, q->pools);
    if (before)
        kv_cache_copy(&session->cache, session->prefix_slot, slot, before);
    memcpy(hidden, visual, (size_t)(visual_rows * width) * sizeof *hidden);
    llama_embed(m, after, session->prompt.after, hidden + visual_rows * width);
    struct prompt_pools pools = {session, q->pools, visual_rows, true};
    struct language_span span = {slot, before, rows};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = session->prompt_blocks,
                                 .finish_from = first_needed(session, visual_rows, rows, true),
                                 .wanted = session->prompt_wanted,
                                 .on_state = pool_prompt,
                                 .user = &pools};
    TRY(llama_forward(m, &session->cache, &session->arena, &pass, session->generates ? last : NULL, error));
    if (session->generates) {
        TRY(llama_logits(m, &session->arena, 1, last + (rows - pass.finish_from - 1) * width, logits, error));
        TRY(append_token(session, q, logits, error));
    }
    if (!q->active)
        generate_finish(session, q, values);
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

/* ---- attention ---------------------------------------------------------------------------------------------------------- */

/* The response once more, as one pass of many rows in the slot that still holds its keys and values: each row's result is the
 * one of its own step. */
lmvr_status generate_attention(struct lmvr_session *session, int slot, float *attention, lmvr_error *error)
{
    const struct llama *m = &session->model->language;
    const struct sequence *q = &session->sequences[slot];
    struct arena_mark mark = arena_mark(&session->arena);
    float *hidden = arena_floats(&session->arena, q->count * (int64_t)m->width);
    if (!hidden)
        return error_no_memory(error, "the attention maps");
    llama_embed(m, q->count, q->tokens, hidden);
    struct language_span span = {slot, session->prompt_length, q->count};
    int64_t patches = model_patches(session->model), visual_end = session->prompt_length - (int64_t)session->prompt.after_count;
    struct language_attention record = {.first_block = session->options.attention_first,
                                        .last_block = session->options.attention_last,
                                        .first = visual_end - patches,
                                        .count = patches,
                                        .weights = attention};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = record.last_block,
                                 .finish_from = q->count,
                                 .wanted = session->none_wanted,
                                 .attention = &record};
    TRY(llama_forward(m, &session->cache, &session->arena, &pass, NULL, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

/* ---- the response ------------------------------------------------------------------------------------------------------- */

/* Next tokens of the sequences that go on, from the normed last states of all rows. */
static lmvr_status choose_tokens(struct lmvr_session *s, int rows, struct sequence **sequences, float *states,
                                 lmvr_error *error)
{
    int64_t width = s->model->language.width, vocabulary = s->model->language.vocabulary;
    float *logits = arena_floats(&s->arena, rows * vocabulary);
    if (!logits)
        return error_no_memory(error, "the logits");
    int going = 0;
    for (int r = 0; r < rows; r++) {
        if (sequences[r]->final)
            continue;
        memmove(states + going * width, states + r * width, (size_t)width * sizeof *states);
        sequences[going++] = sequences[r];
    }
    if (going == 0)
        return LMVR_OK;
    TRY(llama_logits(&s->model->language, &s->arena, going, states, logits, error));
    for (int r = 0; r < going; r++)
        TRY(append_token(s, sequences[r], logits + r * vocabulary, error));
    return LMVR_OK;
}

static void end_sequences(const struct lmvr_session *s)
{
    for (int i = 0; i < s->batch; i++)
        if (s->sequences[i].active && s->sequences[i].final)
            s->sequences[i].active = false;
}

lmvr_status generate_step(struct lmvr_session *session, lmvr_error *error)
{
    const struct llama *m = &session->model->language;
    struct arena_mark mark = arena_mark(&session->arena);
    int64_t width = m->width, batch = session->batch;
    struct sequence **fed = arena_alloc(&session->arena, batch, sizeof *fed);
    struct language_span *spans = arena_alloc(&session->arena, batch, sizeof *spans);
    int32_t *tokens = arena_alloc(&session->arena, batch, sizeof *tokens);
    float *hidden = arena_floats(&session->arena, batch * width), *last = arena_floats(&session->arena, batch * width);
    if (!fed || !spans || !tokens || !hidden || !last)
        return error_no_memory(error, "decoding");
    int rows = 0;
    for (int i = 0; i < session->batch; i++) {
        struct sequence *q = &session->sequences[i];
        if (!q->active)
            continue;
        fed[rows] = q;
        tokens[rows] = q->tokens[q->count - 1];
        spans[rows++] = (struct language_span){i, q->position++, 1};
    }
    llama_embed(m, rows, tokens, hidden);
    struct step step = {session, fed};
    struct language_pass pass = {.spans = spans,
                                 .span_count = rows,
                                 .hidden = hidden,
                                 .blocks = m->block_count,
                                 .wanted = session->response_wanted,
                                 .on_state = pool_response,
                                 .user = &step};
    TRY(llama_forward(m, &session->cache, &session->arena, &pass, last, error));
    end_sequences(session);
    TRY(choose_tokens(session, rows, fed, last, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}
