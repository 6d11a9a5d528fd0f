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
    const float **rows; /* (features), and so is the next */
    size_t *row_counts;

    /* Encoded images that wait for a slot. */
    struct encoded_image *encoded; /* (encode_batch) */
    struct session_input *inputs;  /* (encode_batch): their prompts */
    int encoded_count, encoded_next;
    float *visual, *maps; /* of all of them, on the device */
    size_t visual_room, map_room;
    size_t loaded; /* images taken from the loader */
    const lmvr_image *images;
};

/* A group of pictures that are encoded together. */
struct group {
    int count;
    struct picture *pictures; /* (encode_batch), and so are the next two */
    struct feature_rows **vectors;
    int64_t positions;
};

static struct outcome *outcome_of(struct embedding *run, size_t index)
{
    return &run->outcomes[index % run->window];
}

static void outcome_clear(const struct lmvr_session *s, struct outcome *outcome)
{
    feature_rows_free(&s->features, outcome->vectors);
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
    result->grid_rows = o->grid_rows;
    result->grid_columns = o->grid_columns;
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
        for (int i = 0; i < s->features.count; i++) {
            run->rows[i] = o->vectors[i].values;
            run->row_counts[i] = o->vectors[i].count;
        }
        result.features = run->rows;
        result.rows = run->row_counts;
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
        outcome_clear(run->session, o);
        run->reported++;
        TRY(status);
    }
    return LMVR_OK;
}

/* ---- from files to visual tokens ---------------------------------------------------------------------------------------- */

static lmvr_status outcome_begin(struct embedding *run, struct outcome *o, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    o->vectors = feature_rows_create(&s->features);
    o->tokens = calloc((size_t)s->max_new_tokens + 1, sizeof *o->tokens);
    return o->vectors && o->tokens ? LMVR_OK : error_no_memory(error, "a result");
}

/* What the attention maps' grid covers, or the encoder's only view. */
static lmvr_view view_of(const struct picture *picture, const struct token_grid *grid)
{
    if (grid->view < 0 || picture->view_count == 0)
        return (lmvr_view){0, 0, picture->width, picture->height};
    const double *area = picture->views[grid->view].area;
    return (lmvr_view){area[0], area[1], area[2], area[3]};
}

/* Whether the session can do with this input what it is there for. */
static lmvr_status check_input(const struct lmvr_session *s, const lmvr_image *image, lmvr_error *error)
{
    const struct feature *f = is_text(image) ? feature_set_of_picture(&s->features) : NULL;
    if (f)
        return error_set(error, LMVR_ERROR_INPUT, "is a text, but feature %s is an image's", f->spec);
    if ((image->system || (image->text && !is_text(image))) && !s->model->config.has_language)
        return error_set(error, LMVR_ERROR_INPUT, "has %s, which only a language model reads",
                         image->system ? "an instruction" : "a text beside the image");
    if (is_text(image) && s->options.attention)
        return error_set(error, LMVR_ERROR_INPUT, "is a text, but attention maps are an image's");
    return LMVR_OK;
}

/* Plans the prompt of the group's next input. LMVR_ERROR_RESOURCE stops the call; other errors are the input's. */
static lmvr_status plan(struct embedding *run, const struct loaded *loaded, struct session_input *input, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    const lmvr_image *image = &run->images[loaded->index];
    TRY(check_input(s, image, error));
    if (is_text(image) && reads_texts_alone(s))
        return text_plan(s, image->text, input, error);
    if (!s->needs_language)
        return LMVR_OK;
    TRY(input_create(s, &loaded->picture, image, input, error));
    lmvr_status status = input_check(s, input, error);
    if (status != LMVR_OK)
        input_finish(input);
    return status;
}

/* Makes an error the outcome of its input, whose name it gets. */
static void fail_input(struct embedding *run, const struct loaded *loaded, struct outcome *o, const lmvr_error *why)
{
    const lmvr_image *image = &run->images[loaded->index];
    o->status = LMVR_ERROR_INPUT;
    if (image->path)
        error_write(&o->error, "%s: %.512s", image->path, why->message);
    else
        error_write(&o->error, "%s %zu: %.512s", is_text(image) ? "text" : "image", loaded->index + 1, why->message);
}

/* Adds an image to the group. A bad one becomes an outcome at once. */
static lmvr_status add_to_group(struct embedding *run, struct group *group, struct loaded *loaded, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    struct outcome *o = outcome_of(run, loaded->index);
    o->status = loaded->status;
    o->error = loaded->error;
    if (o->status == LMVR_ERROR_RESOURCE)
        return error_set(error, o->status, "%s", o->error.message);
    lmvr_error why;
    lmvr_status planned = o->status == LMVR_OK ? plan(run, loaded, &run->inputs[group->count], &why) : LMVR_OK;
    if (planned == LMVR_ERROR_RESOURCE)
        return error_set(error, planned, "%s", why.message);
    if (planned != LMVR_OK)
        fail_input(run, loaded, o, &why);
    if (o->status != LMVR_OK) {
        picture_finish(&loaded->picture);
        o->ready = true;
        return LMVR_OK;
    }
    TRY(outcome_begin(run, o, error));
    o->view = view_of(&loaded->picture, &run->inputs[group->count].grid);
    run->encoded[group->count] = (struct encoded_image){.index = loaded->index, .hash = loaded->hash};
    group->positions += picture_positions(s, &loaded->picture);
    group->vectors[group->count] = o->vectors;
    group->pictures[group->count++] = loaded->picture;
    return LMVR_OK;
}

/* Takes images from the loader until the group or the window is full, or none are left. */
static lmvr_status gather_group(struct embedding *run, struct group *group, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    int64_t mean = 0;
    struct loaded loaded;
    while (group->count < s->encode_batch && group->positions + mean <= s->model->device->rows &&
           run->loaded < run->reported + run->window && image_loader_next(run->loader, &loaded)) {
        run->loaded++;
        lmvr_status status = add_to_group(run, group, &loaded, error);
        if (status != LMVR_OK)
            picture_finish(&loaded.picture);
        TRY(status);
        mean = group->count ? group->positions / group->count : 0;
    }
    return LMVR_OK;
}

/* Makes room for `count` floats on the device, whose old values are not kept. */
static bool make_room(const struct device *device, float **values, size_t *room, int64_t count)
{
    if ((size_t)count <= *room)
        return true;
    device_release(device, *values);
    *values = device->operations->allocate(device, (size_t)count * sizeof **values);
    *room = *values ? (size_t)count : 0;
    return *values != NULL;
}

/* Divides the group's visual tokens, and their attention to patches, among its images. */
static lmvr_status share_out(struct embedding *run, const struct group *group, struct encode_batch *batch, lmvr_error *error)
{
    const struct lmvr_session *s = run->session;
    int64_t tokens = 0, maps = 0, width = s->model->language.width;
    int levels = s->model->connector.levels;
    for (int i = 0; i < group->count; i++)
        tokens += picture_tokens(s, &group->pictures[i]);
    const struct token_grid *grid = &s->usual.grid;
    int64_t patches = s->needs_maps ? (int64_t)grid->rows * grid->columns : 0;
    if (!make_room(s->arena.device, &run->visual, &run->visual_room, levels * tokens * width) ||
        !make_room(s->arena.device, &run->maps, &run->map_room, tokens * patches))
        return error_no_memory(error, "the visual tokens");
    batch->tokens = run->visual;
    batch->maps = s->needs_maps ? run->maps : NULL;
    int64_t first = 0;
    for (int i = 0; i < group->count; i++) {
        int64_t count = picture_tokens(s, &group->pictures[i]);
        run->encoded[i].visual = (struct visual_tokens){count, levels, run->visual + first * width, tokens * width};
        run->encoded[i].maps = s->needs_maps ? run->maps + maps : NULL;
        first += count;
        maps += count * patches;
    }
    return LMVR_OK;
}

/* The texts of a group that a dual encoder has gathered. */
static lmvr_status encode_group_texts(struct embedding *run, const struct group *group, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    struct session_input **inputs = arena_alloc(&s->arena, group->count, sizeof *inputs);
    struct feature_rows **vectors = arena_alloc(&s->arena, group->count, sizeof *vectors);
    int count = 0;
    if (!inputs || !vectors)
        return error_no_memory(error, "a batch of texts");
    for (int i = 0; i < group->count; i++)
        if (!group->pictures[i].view_count) {
            inputs[count] = &run->inputs[i];
            vectors[count++] = group->vectors[i];
        }
    lmvr_status status = count ? encode_texts(s, count, inputs, vectors, error) : LMVR_OK;
    for (int i = 0; i < count; i++)
        input_finish(inputs[i]);
    return status;
}

static lmvr_status encode(struct embedding *run, struct group *group, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    TRY(gather_group(run, group, error));
    const struct picture **pictures = arena_alloc(&s->arena, group->count, sizeof *pictures);
    struct feature_rows **vectors = arena_alloc(&s->arena, group->count, sizeof *vectors);
    if (!pictures || !vectors)
        return error_no_memory(error, "a batch of images");
    struct encode_batch batch = {.pictures = pictures, .vectors = vectors};
    for (int i = 0; i < group->count; i++)
        if (group->pictures[i].view_count) {
            pictures[batch.count] = &group->pictures[i];
            vectors[batch.count++] = group->vectors[i];
        }
    if (s->needs_tokens)
        TRY(share_out(run, group, &batch, error));
    if (reads_texts_alone(s))
        TRY(encode_group_texts(run, group, error));
    return batch.count ? encode_pictures(s, &batch, error) : LMVR_OK;
}

static lmvr_status encode_group(struct embedding *run, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    struct arena_mark mark = arena_mark(&s->arena);
    struct group group = {.pictures = arena_alloc(&s->arena, s->encode_batch, sizeof *group.pictures),
                          .vectors = arena_alloc(&s->arena, s->encode_batch, sizeof *group.vectors)};
    if (!group.pictures || !group.vectors)
        return error_no_memory(error, "a batch of images");
    lmvr_status status = encode(run, &group, error);
    for (int i = 0; i < group.count; i++)
        picture_finish(&group.pictures[i]);
    TRY(status);
    run->encoded_count = s->needs_language ? group.count : 0;
    run->encoded_next = 0;
    for (int i = 0; i < group.count && !s->needs_language; i++)
        outcome_of(run, run->encoded[i].index)->ready = true;
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
        o->grid_rows = q->input.grid.rows;
        o->grid_columns = q->input.grid.columns;
        o->attention = calloc((size_t)q->count * (size_t)o->grid_rows * (size_t)o->grid_columns + 1, sizeof *o->attention);
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
    const struct encoded_image *image = &run->encoded[next];
    TRY(generate_start(s, slot, image, &run->inputs[next], outcome_of(run, image->index)->vectors, error));
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
            struct outcome *o = outcome_of(run, s->sequences[i].index);
            TRY(generate_finish(s, &s->sequences[i], o->vectors, error));
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
    run->row_counts = calloc((size_t)s->features.count + 1, sizeof *run->row_counts);
    run->encoded = calloc(group, sizeof *run->encoded);
    run->inputs = calloc(group, sizeof *run->inputs);
    run->images = images;
    if (!run->outcomes || !run->rows || !run->row_counts || !run->encoded || !run->inputs)
        return error_no_memory(error, "the results");
    return image_loader_start(s, images, run->count, &run->loader, error);
}

static void run_finish(struct embedding *run)
{
    image_loader_stop(run->loader);
    for (size_t i = 0; run->outcomes && i < run->window; i++)
        outcome_clear(run->session, &run->outcomes[i]);
    free(run->outcomes);
    free(run->rows);
    free(run->row_counts);
    for (size_t i = 0; run->inputs && i < (size_t)run->session->encode_batch; i++)
        input_finish(&run->inputs[i]);
    free(run->encoded);
    free(run->inputs);
    device_release(run->session->arena.device, run->visual);
    device_release(run->session->arena.device, run->maps);
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
