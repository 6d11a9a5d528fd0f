#include "session/call.h"

#include "arguments.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* A replica at work. */
struct embedding {
    struct call *call;
    struct lmvr_session *session;

    /* Encoded images that wait for a slot. */
    struct encoded_image *encoded; /* (encode_batch) */
    struct session_input *inputs;  /* (encode_batch): their prompts */
    int encoded_count, encoded_next;
    float *visual, *maps; /* of all of them, on the device */
    size_t visual_room, map_room;
    size_t taken; /* images so far */
};

/* A group of pictures that are encoded together. */
struct group {
    int count;
    struct picture *pictures; /* (encode_batch), and so are the next two */
    struct feature_rows **vectors;
    int64_t positions;
};

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
    const lmvr_image *image = &run->call->images[loaded->index];
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
    const lmvr_image *image = &run->call->images[loaded->index];
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
    struct outcome *o = call_outcome(run->call, loaded->index);
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
        call_settle(run->call, o);
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
    size_t share = call_share(run->call);
    int most = share < (size_t)s->encode_batch ? (int)share : s->encode_batch;
    while (group->count < most && group->positions + mean <= s->model->device->rows && call_take(run->call, &loaded)) {
        run->taken++;
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
        call_settle(run->call, call_outcome(run->call, run->encoded[i].index));
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

/* ---- from visual tokens to responses ------------------------------------------------------------------------------------ */

static lmvr_status outcome_complete(struct embedding *run, int slot, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    const struct sequence *q = &s->sequences[slot];
    struct outcome *o = call_outcome(run->call, q->index);
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
    call_settle(run->call, o);
    return LMVR_OK;
}

static lmvr_status start_sequence(struct embedding *run, int slot, lmvr_error *error)
{
    struct lmvr_session *s = run->session;
    int next = run->encoded_next++;
    const struct encoded_image *image = &run->encoded[next];
    TRY(generate_start(s, slot, image, &run->inputs[next], call_outcome(run->call, image->index)->vectors, error));
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
                size_t before = run->taken;
                TRY(encode_group(run, error));
                if (run->encoded_count == 0 && run->taken == before)
                    return LMVR_OK;
                continue;
            }
            TRY(start_sequence(run, slot, error));
            TRY(call_report(run->call, error));
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
            struct outcome *o = call_outcome(run->call, s->sequences[i].index);
            TRY(generate_finish(s, &s->sequences[i], o->vectors, error));
            TRY(outcome_complete(run, i, error));
        }
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

static bool is_idle(const struct embedding *run)
{
    const struct lmvr_session *s = run->session;
    bool active = run->encoded_next < run->encoded_count;
    for (int i = 0; i < s->batch && s->sequences; i++)
        active |= s->sequences[i].active;
    return !active;
}

static lmvr_status run_all(struct embedding *run, lmvr_error *error)
{
    do {
        if (run->session->needs_language) {
            TRY(fill_slots(run, error));
            TRY(step_sequences(run, error));
        } else {
            TRY(encode_group(run, error));
        }
        TRY(call_report(run->call, error));
    } while (!call_stopped(run->call) && (!is_idle(run) || call_wait(run->call)));
    return LMVR_OK;
}

/* ---- the call ----------------------------------------------------------------------------------------------------------- */

static lmvr_status run_replica(struct call *call, struct lmvr_session *s, lmvr_error *error)
{
    struct embedding run = {.call = call,
                            .session = s,
                            .encoded = calloc((size_t)s->encode_batch, sizeof *run.encoded),
                            .inputs = calloc((size_t)s->encode_batch, sizeof *run.inputs)};
    arena_release(&s->arena, (struct arena_mark){0}); /* an earlier call may have failed midway */
    for (int i = 0; s->needs_language && i < s->batch; i++)
        s->sequences[i].active = false;
    lmvr_status status = run.encoded && run.inputs ? run_all(&run, error) : error_no_memory(error, "the results");
    for (int i = 0; run.inputs && i < s->encode_batch; i++)
        input_finish(&run.inputs[i]);
    free(run.encoded);
    free(run.inputs);
    device_release(s->arena.device, run.visual);
    device_release(s->arena.device, run.maps);
    return status;
}

lmvr_status lmvr_embed(lmvr_session *session, const lmvr_image *images, size_t count, lmvr_result_fn *on_result, void *user,
                       lmvr_error *error)
{
    REQUIRE_ARGUMENT(session, error);
    REQUIRE_ARGUMENT(on_result, error);
    if (count == 0)
        return LMVR_OK;
    REQUIRE_ARGUMENT(images, error);
    struct call call = {.session = session, .images = images, .count = count, .on_result = on_result, .user = user};
    int before = omp_get_max_threads();
    if (session->threads > 0)
        omp_set_num_threads(session->threads);
    lmvr_status status = call_begin(&call, error);
    if (status == LMVR_OK)
        status = call_run(&call, run_replica, error);
    call_finish(&call);
    omp_set_num_threads(before);
    return status;
}
