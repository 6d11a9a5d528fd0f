#include "session/session.h"

#include "arguments.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* One call of lmvr_embed(). Outcomes wait in a ring until every image before them has been reported. */
struct embedding {
    struct lmvr_session *session;
    struct image_loader *loader;
    size_t count, reported, window;
    struct outcome *outcomes; /* (window): image i at i % window */
    lmvr_result_fn *on_result;
    void *user;
    const float **rows; /* (features) */

    /* Encoded images that wait for a slot. */
    float *visual; /* (encode_batch, visual_tokens, width) */
    float *maps;   /* (encode_batch, visual_tokens, patches); NULL where not needed */
    size_t *encoded;
    uint64_t *hashes;
    int encoded_count, encoded_next;
    size_t loaded; /* images taken from the loader */
};

static struct outcome *outcome_of(struct embedding *run, size_t index)
{
    return &run->outcomes[index % run->window];
}

static void outcome_clear(struct outcome *outcome)
{
    free(outcome->values);
    free(outcome->tokens);
    free(outcome->attention);
    *outcome = (struct outcome){0};
}

/* ---- reporting ---------------------------------------------------------------------------------------------------------- */

/* Fills in the response's part of a result. The caller frees *response and *ends. */
static lmvr_status read_response(const struct lmvr_session *s, const struct outcome *o, lmvr_result *result, char **response,
                                 uint32_t **ends, lmvr_error *error)
{
    result->tokens = o->tokens;
    result->token_count = (size_t)o->count;
    result->finished = o->ended;
    if (s->model->tokenizer)
        TRY(tokenizer_decode(s->model->tokenizer, o->tokens, (size_t)o->count, response, error));
    result->response = *response ? *response : "";
    if (!o->attention)
        return LMVR_OK;
    *ends = calloc((size_t)o->count + 1, sizeof **ends);
    if (!*ends)
        return error_no_memory(error, "the response's tokens");
    if (s->model->tokenizer)
        TRY(tokenizer_ends(s->model->tokenizer, o->tokens, (size_t)o->count, *ends, error));
    result->token_ends = *ends;
    result->attention = o->attention;
    result->grid_rows = result->grid_columns = s->model->config.vision.image_size / s->model->config.vision.patch_size;
    return LMVR_OK;
}

static lmvr_status report(struct embedding *run, size_t index, const struct outcome *o, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    lmvr_result result = {.index = index, .status = o->status, .view = o->view};
    char *response = NULL;
    uint32_t *ends = NULL;
    lmvr_status status = LMVR_OK;
    if (o->status != LMVR_OK) {
        result.error = o->error.message;
    } else {
        for (int i = 0; i < s->features.count; i++)
            run->rows[i] = o->values + feature_offset(&s->features, i);
        result.features = run->rows;
        if (s->generates)
            status = read_response(s, o, &result, &response, &ends, error);
    }
    if (status == LMVR_OK && run->on_result(&result, run->user))
        status = error_set(error, LMVR_STOPPED, "stopped by the caller");
    free(response);
    free(ends);
    return status;
}

static lmvr_status report_ready(struct embedding *run, lmvr_error *error)
{
    struct outcome *o;
    while (run->reported < run->count && (o = outcome_of(run, run->reported))->ready) {
        lmvr_status status = report(run, run->reported, o, error);
        outcome_clear(o);
        run->reported++;
        TRY(status);
    }
    return LMVR_OK;
}

/* ---- from files to visual tokens ---------------------------------------------------------------------------------------- */

static lmvr_status outcome_begin(struct embedding *run, struct outcome *o, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    o->values = calloc(s->features.row_size + 1, sizeof *o->values);
    o->tokens = calloc((size_t)s->max_new_tokens + 1, sizeof *o->tokens);
    return o->values && o->tokens ? LMVR_OK : error_no_memory(error, "a result");
}

/* Takes images from the loader until the group or the window is full, or none are left; bad ones become outcomes at once.
 * pixels (encode_batch, 3, size, size) and values (encode_batch) receive the good ones. */
static lmvr_status gather_group(struct embedding *run, float *pixels, float **values, int *count, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    int64_t side = s->model->config.vision.image_size, size = 3 * side * side;
    struct loaded loaded;
    *count = 0;
    while (*count < s->encode_batch && run->loaded < run->reported + run->window && image_loader_next(run->loader, &loaded)) {
        struct outcome *o = outcome_of(run, loaded.index);
        run->loaded++;
        o->status = loaded.status;
        if (loaded.status != LMVR_OK) {
            o->error = loaded.error;
            o->ready = true;
            if (loaded.status == LMVR_ERROR_RESOURCE)
                return error_set(error, loaded.status, "%s", loaded.error.message);
            continue;
        }
        memcpy(pixels + *count * size, loaded.pixels, (size_t)size * sizeof *pixels);
        free(loaded.pixels);
        TRY(outcome_begin(run, o, error));
        values[*count] = o->values;
        o->view = loaded.view;
        run->encoded[*count] = loaded.index;
        run->hashes[(*count)++] = loaded.hash;
    }
    return LMVR_OK;
}

static lmvr_status encode_group(struct embedding *run, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    int64_t side = s->model->config.vision.image_size;
    struct arena_mark mark = arena_mark(&s->arena);
    float *pixels = arena_floats(&s->arena, s->encode_batch * 3 * side * side);
    float **values = arena_alloc(&s->arena, s->encode_batch, sizeof *values);
    if (!pixels || !values)
        return error_no_memory(error, "a batch of images");
    int count;
    TRY(gather_group(run, pixels, values, &count, error));
    if (count)
        TRY(encode_images(s, count, pixels, values, run->visual, run->maps, error));
    run->encoded_count = s->needs_language ? count : 0;
    run->encoded_next = 0;
    for (int i = 0; i < count && !s->needs_language; i++)
        outcome_of(run, run->encoded[i])->ready = true;
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

/* ---- from visual tokens to responses ------------------------------------------------------------------------------------ */

static lmvr_status outcome_complete(struct embedding *run, int slot, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    const struct sequence *q = &s->sequences[slot];
    struct outcome *o = outcome_of(run, q->index);
    if (s->options.attention) {
        o->attention = calloc((size_t)q->count * (size_t)model_patches(s->model) + 1, sizeof *o->attention);
        if (!o->attention)
            return error_no_memory(error, "the attention maps");
        TRY(generate_attention(s, slot, o->attention, error));
    }
    memcpy(o->tokens, q->tokens, (size_t)q->count * sizeof *o->tokens);
    o->count = q->count;
    o->ended = q->ended;
    o->ready = true;
    return LMVR_OK;
}

static lmvr_status start_sequence(struct embedding *run, int slot, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    int next = run->encoded_next++;
    size_t index = run->encoded[next];
    const float *visual = run->visual + next * s->visual_tokens * s->model->language.width;
    const float *maps = run->maps ? run->maps + next * s->visual_tokens * model_patches(s->model) : NULL;
    TRY(generate_start(s, slot, index, run->hashes[next], visual, maps, outcome_of(run, index)->values, error));
    if (!s->sequences[slot].active)
        return outcome_complete(run, slot, error);
    return LMVR_OK;
}

/* Gives every free slot an image, as long as there are any. */
static lmvr_status fill_slots(struct embedding *run, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    for (int slot = 0; slot < s->batch; slot++) {
        while (!s->sequences[slot].active) {
            if (run->encoded_next == run->encoded_count) {
                size_t before = run->loaded;
                TRY(encode_group(run, error));
                if (run->encoded_count == 0 && run->loaded == before)
                    return LMVR_OK;
                continue;
            }
            TRY(start_sequence(run, slot, error));
            TRY(report_ready(run, error));
        }
    }
    return LMVR_OK;
}

static lmvr_status step_sequences(struct embedding *run, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    struct arena_mark mark = arena_mark(&s->arena);
    bool *was_active = arena_alloc(&s->arena, s->batch, sizeof *was_active);
    if (!was_active)
        return error_no_memory(error, "decoding");
    bool any = false;
    for (int i = 0; i < s->batch; i++)
        any |= was_active[i] = s->sequences[i].active;
    if (any)
        TRY(generate_step(s, error));
    for (int i = 0; i < s->batch; i++)
        if (was_active[i] && !s->sequences[i].active) {
            generate_finish(s, &s->sequences[i], outcome_of(run, s->sequences[i].index)->values);
            TRY(outcome_complete(run, i, error));
        }
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

static lmvr_status run_all(struct embedding *run, lmvr_error *error)
{
    while (run->reported < run->count) {
        if (run->session->needs_language) {
            TRY(fill_slots(run, error));
            TRY(step_sequences(run, error));
        } else {
            TRY(encode_group(run, error));
        }
        TRY(report_ready(run, error));
    }
    return LMVR_OK;
}

/* ---- the call ----------------------------------------------------------------------------------------------------------- */

static lmvr_status run_create(struct embedding *run, const lmvr_image *images, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    size_t group = (size_t)s->encode_batch;
    run->window = 4 * (size_t)s->batch + 2 * group;
    run->outcomes = calloc(run->window, sizeof *run->outcomes);
    run->rows = calloc((size_t)s->features.count + 1, sizeof *run->rows);
    run->encoded = calloc(group, sizeof *run->encoded);
    run->hashes = calloc(group, sizeof *run->hashes);
    size_t visual = s->needs_tokens ? (size_t)(s->visual_tokens * s->model->language.width) : 0;
    run->visual = calloc(group * visual + 1, sizeof *run->visual);
    if (s->needs_maps)
        run->maps = calloc(group * (size_t)(s->visual_tokens * model_patches(s->model)), sizeof *run->maps);
    if (s->needs_maps && !run->maps)
        return error_no_memory(error, "the attention maps");
    if (!run->outcomes || !run->rows || !run->encoded || !run->hashes || !run->visual)
        return error_no_memory(error, "the results");
    return image_loader_start(s, images, run->count, &run->loader, error);
}

static void run_finish(struct embedding *run)
{
    image_loader_stop(run->loader);
    for (size_t i = 0; run->outcomes && i < run->window; i++)
        outcome_clear(&run->outcomes[i]);
    free(run->outcomes);
    free(run->rows);
    free(run->encoded);
    free(run->hashes);
    free(run->visual);
    free(run->maps);
}

lmvr_status lmvr_embed(lmvr_session *session, const lmvr_image *images, size_t count, lmvr_result_fn *on_result, void *user,
                       lmvr_error *error)
{
    REQUIRE_ARGUMENT(session, error);
    REQUIRE_ARGUMENT(on_result, error);
    if (count == 0)
        return LMVR_OK;
    REQUIRE_ARGUMENT(images, error);
    struct embedding run = {.session = session, .count = count, .on_result = on_result, .user = user};
    int before = omp_get_max_threads();
    if (session->threads > 0)
        omp_set_num_threads(session->threads);
    arena_release(&session->arena, (struct arena_mark){0}); /* an earlier call may have failed midway */
    for (int i = 0; i < session->batch && session->sequences; i++)
        session->sequences[i].active = false;
    lmvr_status status = run_create(&run, images, error);
    if (status == LMVR_OK)
        status = run_all(&run, error);
    run_finish(&run);
    omp_set_num_threads(before);
    return status;
}
