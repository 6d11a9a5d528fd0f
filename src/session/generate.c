#include "session/session.h"

#include "format/hash.h"

#include <string.h>

/* ---- pooling hidden states as they are computed ------------------------------------------------------------------------- */

/* The pools that a pass over the prompt, or part of it, adds to. */
struct prompt_pools {
    const struct lmvr_session *session;
    struct arena *arena;
    const struct language_input *input;
    struct pool *pools;
};

static void pool_prompt(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct prompt_pools *p = user;
    const struct lmvr_session *s = p->session;
    pools_add_input(&s->features, p->arena, p->pools, p->input, !s->generates, layer, first_row, rows,
                    (size_t)s->model->language.width, states);
}

static void pool_start(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    (void)first_row, (void)rows;
    const struct prompt_pools *p = user;
    pools_add_start(&p->session->features, p->arena, p->pools, layer, states);
}

/* The sequences that a step feeds, in the order of its rows. */
struct step {
    struct lmvr_session *session;
    const struct response_row *rows;
    lmvr_status status; /* of pooling */
    lmvr_error *error;
};

static void pool_response(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    struct step *step = user;
    struct lmvr_session *s = step->session;
    lmvr_status status = pools_add_responses(&s->features, &s->arena, rows, step->rows + first_row, layer,
                                             (size_t)s->model->language.width, states, step->error);
    step->status = status != LMVR_OK ? status : step->status;
}

lmvr_status generate_finish(struct lmvr_session *session, const struct sequence *sequence, struct feature_rows *vectors,
                            lmvr_error *error)
{
    return pools_read(&session->features, &session->arena, sequence->pools, vectors, error);
}

/* ---- the prompt --------------------------------------------------------------------------------------------------------- */

lmvr_status generate_prefix(struct lmvr_session *session, lmvr_error *error)
{
    const struct language *m = &session->model->language;
    int64_t length = session->usual.language.shared;
    if (length == 0)
        return LMVR_OK;
    struct input_piece beginning = {.tokens = session->prompt.ids, .count = length};
    struct language_input shared = {&beginning, 1, length, 0, session->usual.positions};
    struct prompt_pools pools = {session, &session->arena, &shared, session->prefix_pools};
    struct language_listener listener = {session->prompt_wanted, pool_prompt, &pools};
    bool pooled = feature_set_kinds(&session->features, session->input_blocks) & TOKENS_PROMPT;
    struct language_extent extent = {session->input_blocks, pooled ? 0 : length};
    return m->operations->prepare(m->model, session->cache, &session->arena, &shared, &extent, &listener, error);
}

static bool is_same(const struct sampler *a, const struct sampler *b)
{
    return a->temperature == b->temperature && a->top_p == b->top_p;
}

/* Chooses the next token of some sequences from their logits, (count, vocabulary), appends it, and decides whether it is the
 * last one. */
static lmvr_status append_tokens(struct lmvr_session *s, int64_t count, struct sequence *const *sequences, const float *logits,
                                 lmvr_error *error)
{
    uint64_t **states = arena_alloc(&s->arena, count, sizeof *states);
    int32_t *tokens = arena_alloc(&s->arena, count, sizeof *tokens);
    if (!states || !tokens)
        return error_no_memory(error, "sampling");
    for (int64_t i = 0; i < count; i++)
        states[i] = &sequences[i]->random;
    for (int64_t i = 0, next; i < count; i = next) {
        const struct sampler *sampler = &sequences[i]->input.sampler;
        for (next = i + 1; next < count && is_same(sampler, &sequences[next]->input.sampler);)
            next++;
        int vocabulary = s->model->language.vocabulary;
        TRY(sample(sampler, &s->arena, next - i, vocabulary, logits + i * vocabulary, states + i, tokens + i, error));
    }
    for (int64_t i = 0; i < count; i++) {
        struct sequence *q = sequences[i];
        q->tokens[q->count++] = tokens[i];
        for (int t = 0; t < s->end_token_count; t++)
            q->ended |= tokens[i] == s->end_tokens[t];
        q->final = q->ended || q->count == q->input.max_new_tokens;
        /* the last token is fed in only if its hidden state is needed */
        q->active = !q->final || s->needs_generated;
    }
    return LMVR_OK;
}

static lmvr_status begin_sequence(struct lmvr_session *s, struct sequence *q, const struct encoded_image *image,
                                  struct session_input *input, lmvr_error *error)
{
    input_finish(&q->input);
    q->input = *input;
    *input = (struct session_input){0};
    q->position = 0;
    q->count = 0;
    q->ended = q->final = q->active = false;
    q->random = hash_bytes(hash_bytes(HASH_START, &q->input.seed, sizeof q->input.seed), &image->hash, sizeof image->hash);
    pools_begin(&s->features, &s->arena, q->pools, q->input.language.shared ? s->prefix_pools : NULL);
    int64_t cells = (int64_t)q->input.grid.rows * q->input.grid.columns;
    if (!image->maps)
        return LMVR_OK;
    return s->arena.device->operations->read(&s->arena, q->maps, image->maps,
                                             (size_t)(q->input.visual_count * cells) * sizeof *q->maps, error);
}

lmvr_status generate_start(struct lmvr_session *session, int slot, const struct encoded_image *image,
                           struct session_input *input, struct feature_rows *vectors, lmvr_error *error)
{
    const struct language *m = &session->model->language;
    struct sequence *q = &session->sequences[slot];
    struct arena_mark mark = arena_mark(&session->arena);
    TRY(begin_sequence(session, q, image, input, error));
    float *last = arena_floats(&session->arena, m->width), *logits = arena_floats(&session->arena, m->vocabulary);
    if (!last || !logits)
        return error_no_memory(error, "the prompt");
    struct prompt_pools pools = {session, &session->arena, &q->input.language, q->pools};
    struct language_listener listener = {session->prompt_wanted, pool_prompt, &pools};
    struct language_listener first = {session->response_wanted, pool_start, &pools};
    TRY(m->operations->start(m->model, session->cache, &session->arena, slot, &q->input.language, &image->visual,
                             q->input.max_new_tokens, &q->input.extent, &listener, &first, session->generates ? last : NULL,
                             error));
    if (session->generates) {
        TRY(m->operations->logits(m->model, &session->arena, 1, last, logits, error));
        TRY(append_tokens(session, 1, &q, logits, error));
    }
    if (!q->active)
        TRY(generate_finish(session, q, vectors, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

/* ---- attention ---------------------------------------------------------------------------------------------------------- */

/* attention (count, patches) = weights of the visual tokens times these tokens' attention to the patches, q->maps. */
static void carry_to_patches(const struct sequence *q, const float *weights, int64_t stride, float *attention)
{
    int64_t patches = (int64_t)q->input.grid.rows * q->input.grid.columns, tokens = q->input.visual_count;
    for (int64_t i = 0; i < q->count; i++)
        for (int64_t p = 0; p < patches; p++) {
            double sum = 0;
            for (int64_t t = 0; t < tokens; t++)
                sum += (double)weights[i * stride + t] * (double)q->maps[t * patches + p];
            attention[i * patches + p] = (float)sum;
        }
}

/* Puts the weights of visual tokens into their cells; text between them has none. */
static void carry_to_cells(const struct sequence *q, const float *weights, int64_t stride, float *attention)
{
    const struct session_input *in = &q->input;
    int64_t cells = (int64_t)in->grid.rows * in->grid.columns, at = 0;
    memset(attention, 0, (size_t)(q->count * cells) * sizeof *attention);
    const int32_t *cell = in->grid.cells;
    for (int p = 0; p < in->language.piece_count; at += in->pieces[p++].count) {
        if (in->pieces[p].tokens)
            continue;
        for (int64_t t = 0; t < in->pieces[p].count; t++, cell++)
            for (int64_t i = 0; i < q->count && *cell >= 0; i++)
                attention[i * cells + *cell] += weights[i * stride + at + t - in->first_visual];
    }
}

lmvr_status generate_attention(struct lmvr_session *session, int slot, float *attention, lmvr_error *error)
{
    const struct language *m = &session->model->language;
    const struct sequence *q = &session->sequences[slot];
    int64_t count = q->input.visual_end - q->input.first_visual;
    struct arena_mark mark = arena_mark(&session->arena);
    float *found = arena_floats(&session->arena, q->count * count);
    float *weights = arena_alloc(&session->arena, q->count * count, sizeof *weights);
    if (!found || !weights)
        return error_no_memory(error, "the attention maps");
    struct language_response response = {slot, q->count, q->tokens};
    struct language_attention asked = {.first_block = session->options.attention_first,
                                       .last_block = session->options.attention_last,
                                       .first = q->input.first_visual,
                                       .count = count,
                                       .weights = found};
    TRY(m->operations->attend(m->model, session->cache, &session->arena, &response,
                              session->options.attention_query == LMVR_QUERY_PREDICTING, &asked, error));
    TRY(session->arena.device->operations->read(&session->arena, weights, found, (size_t)(q->count * count) * sizeof *weights,
                                                error));
    if (session->needs_maps)
        carry_to_patches(q, weights, count, attention);
    else
        carry_to_cells(q, weights, count, attention);
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

/* ---- the response ------------------------------------------------------------------------------------------------------- */

/* Chooses the next token of every sequence that goes on. `states` are the last hidden states of all rows, after the norm. */
static lmvr_status choose_tokens(struct lmvr_session *s, int rows, struct sequence **sequences, const float *states,
                                 lmvr_error *error)
{
    int64_t width = s->model->language.width, vocabulary = s->model->language.vocabulary;
    float *logits = arena_floats(&s->arena, rows * vocabulary), *kept = arena_floats(&s->arena, rows * width);
    int64_t *going = arena_alloc(&s->arena, rows, sizeof *going), count = 0;
    if (!logits || !kept || !going)
        return error_no_memory(error, "the logits");
    for (int r = 0; r < rows; r++) {
        if (sequences[r]->final)
            continue;
        going[count] = r;
        sequences[count++] = sequences[r];
    }
    if (count == 0)
        return LMVR_OK;
    s->arena.device->operations->gather(&s->arena, count, width, going, states, width, RESULT_FLOATS, kept, width);
    TRY(s->model->language.operations->logits(s->model->language.model, &s->arena, count, kept, logits, error));
    return append_tokens(s, count, sequences, logits, error);
}

static void end_sequences(const struct lmvr_session *s)
{
    for (int i = 0; i < s->batch; i++)
        if (s->sequences[i].active && s->sequences[i].final)
            s->sequences[i].active = false;
}

static lmvr_status feed_tokens(struct lmvr_session *session, lmvr_error *error)
{
    const struct language *m = &session->model->language;
    struct arena_mark mark = arena_mark(&session->arena);
    int64_t batch = session->batch;
    struct sequence **fed = arena_alloc(&session->arena, batch, sizeof *fed);
    int *slots = arena_alloc(&session->arena, batch, sizeof *slots);
    int64_t *positions = arena_alloc(&session->arena, batch, sizeof *positions);
    int32_t *tokens = arena_alloc(&session->arena, batch, sizeof *tokens);
    struct response_row *pooled = arena_alloc(&session->arena, batch, sizeof *pooled);
    float *last = arena_floats(&session->arena, batch * m->width);
    if (!fed || !slots || !positions || !tokens || !pooled || !last)
        return error_no_memory(error, "decoding");
    int rows = 0;
    for (int i = 0; i < session->batch; i++) {
        struct sequence *q = &session->sequences[i];
        if (!q->active)
            continue;
        fed[rows] = q;
        pooled[rows] = (struct response_row){q->pools, q->final};
        tokens[rows] = q->tokens[q->count - 1];
        slots[rows] = i;
        positions[rows++] = q->position++;
    }
    struct step step = {session, pooled, LMVR_OK, error};
    struct language_listener listener = {session->response_wanted, pool_response, &step};
    struct language_step tokens_fed = {rows, slots, positions, tokens};
    TRY(m->operations->step(m->model, session->cache, &session->arena, &tokens_fed, &listener, last, error));
    TRY(step.status);
    end_sequences(session);
    TRY(choose_tokens(session, rows, fed, last, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}

lmvr_status generate_step(struct lmvr_session *session, lmvr_error *error)
{
    const struct device_operations *operations = session->arena.device->operations;
    operations->step_begin(&session->arena);
    lmvr_status status = feed_tokens(session, error);
    operations->step_end(&session->arena);
    return status;
}
