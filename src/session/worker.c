#include "arguments.h"
#include "session/jobs.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long inputs that are read wait for those that are being read, to be encoded together, and responses for more company. */
#define PATIENCE_MS 50

/* A session at work. */
struct worker {
    struct jobs *jobs;
    struct lmvr_session *session;
    int threads; /* that it computes with */
    pthread_t thread;

    /* Encoded inputs that wait for a slot. */
    struct encoded_image *encoded; /* (encode_batch) */
    struct session_input *inputs;  /* (encode_batch): their prompts */
    struct job **encoded_jobs;     /* (encode_batch) */
    int encoded_count, encoded_next;
    float *visual, *maps; /* of all of them, on the device */
    size_t visual_room, map_room;
    struct job **responding; /* (batch): whose responses are generated */
    size_t taken;            /* inputs so far */
};

/* The inputs that are encoded together are the first of worker.encoded_jobs. */
struct group {
    int count;
    int64_t positions;
};

/* ---- from files to visual tokens ---------------------------------------------------------------------------------------- */

static lmvr_status begin_result(const struct lmvr_session *s, struct job *job, lmvr_error *error)
{
    job->vectors = feature_rows_create(&s->features);
    if (!job->tokens) /* else a worker whose device is lost had it, and its caller may be reading them */
        job->tokens = calloc((size_t)s->max_new_tokens + 1, sizeof *job->tokens);
    return job->vectors && job->tokens ? LMVR_OK : error_no_memory(error, "a result");
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
    if (image->max_new_tokens < 0)
        return error_set(error, LMVR_ERROR_INPUT, "max_new_tokens is %d, expected at least 1, or 0 for the session's",
                         image->max_new_tokens);
    return image->sampling ? check_sampling(image->sampling->temperature, image->sampling->top_p, error) : LMVR_OK;
}

/* Plans the prompt of the group's next input. LMVR_ERROR_RESOURCE is the worker's failure; other errors are the input's. */
static lmvr_status plan(const struct lmvr_session *s, const struct job *job, struct session_input *input, lmvr_error *error)
{
    const lmvr_image *image = &job->image;
    TRY(check_input(s, image, error));
    if (is_text(image) && reads_texts_alone(s))
        return text_plan(s, image->text, input, error);
    if (!s->needs_language)
        return LMVR_OK;
    TRY(input_create(s, &job->picture, image, input, error));
    lmvr_status status = input_check(s, input, error);
    if (status != LMVR_OK)
        input_finish(input);
    return status;
}

/* Makes an error the result of its input, whose name it gets. */
static void fail_input(struct worker *w, struct job *job, const lmvr_error *why)
{
    const lmvr_image *image = &job->image;
    job->status = LMVR_ERROR_INPUT;
    if (image->path)
        error_write(&job->error, "%s: %.512s", image->path, why->message);
    else
        error_write(&job->error, "%s %zu: %.512s", is_text(image) ? "text" : "image", job->index + 1, why->message);
    jobs_settle(w->jobs, job);
}

/* Adds an input to the group. One that cannot be used ends at once. */
static lmvr_status add_to_group(struct worker *w, struct group *group, struct job *job, lmvr_error *error)
{
    const struct lmvr_session *s = w->session;
    struct session_input *input = &w->inputs[group->count];
    lmvr_error why;
    lmvr_status planned = plan(s, job, input, &why);
    if (planned == LMVR_ERROR_RESOURCE)
        return error_set(error, planned, "%s", why.message);
    if (planned != LMVR_OK) {
        fail_input(w, job, &why);
        return LMVR_OK;
    }
    TRY(begin_result(s, job, error));
    job->view = view_of(&job->picture, &input->grid);
    job->prompt_tokens = (size_t)input->language.length;
    w->encoded[group->count] = (struct encoded_image){.hash = job->hash};
    w->encoded_jobs[group->count++] = job;
    group->positions += picture_positions(s, &job->picture);
    return LMVR_OK;
}

/* Takes inputs until the group is full, or none are left. */
static lmvr_status gather_group(struct worker *w, struct group *group, lmvr_error *error)
{
    const struct lmvr_session *s = w->session;
    const struct timespec until = jobs_time(PATIENCE_MS);
    int64_t mean = 0;
    struct job *job;
    while (group->count < s->encode_batch && group->positions + mean <= s->model->device->rows &&
           (job = jobs_take(w->jobs, w, (size_t)group->count, &until))) {
        w->taken++;
        TRY(add_to_group(w, group, job, error));
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
static lmvr_status share_out(struct worker *w, const struct group *group, struct encode_batch *batch, lmvr_error *error)
{
    const struct lmvr_session *s = w->session;
    int64_t tokens = 0, maps = 0, width = s->model->language.width;
    int levels = s->model->connector.levels;
    for (int i = 0; i < group->count; i++)
        tokens += picture_tokens(s, &w->encoded_jobs[i]->picture);
    const struct token_grid *grid = &s->usual.grid;
    int64_t patches = s->needs_maps ? (int64_t)grid->rows * grid->columns : 0;
    if (!make_room(s->arena.device, &w->visual, &w->visual_room, levels * tokens * width) ||
        !make_room(s->arena.device, &w->maps, &w->map_room, tokens * patches))
        return error_no_memory(error, "the visual tokens");
    batch->tokens = w->visual;
    batch->maps = s->needs_maps ? w->maps : NULL;
    int64_t first = 0;
    for (int i = 0; i < group->count; i++) {
        int64_t count = picture_tokens(s, &w->encoded_jobs[i]->picture);
        w->encoded[i].visual = (struct visual_tokens){count, levels, w->visual + first * width, tokens * width};
        w->encoded[i].maps = s->needs_maps ? w->maps + maps : NULL;
        first += count;
        maps += count * patches;
    }
    return LMVR_OK;
}

/* The texts of a group that a dual encoder has gathered. */
static lmvr_status encode_group_texts(struct worker *w, const struct group *group, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    struct session_input **inputs = arena_alloc(&s->arena, group->count, sizeof *inputs);
    struct feature_rows **vectors = arena_alloc(&s->arena, group->count, sizeof *vectors);
    int count = 0;
    if (!inputs || !vectors)
        return error_no_memory(error, "a batch of texts");
    for (int i = 0; i < group->count; i++)
        if (!w->encoded_jobs[i]->picture.view_count) {
            inputs[count] = &w->inputs[i];
            vectors[count++] = w->encoded_jobs[i]->vectors;
        }
    lmvr_status status = count ? encode_texts(s, count, inputs, vectors, error) : LMVR_OK;
    for (int i = 0; i < count; i++)
        input_finish(inputs[i]);
    return status;
}

static lmvr_status encode(struct worker *w, const struct group *group, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    const struct picture **pictures = arena_alloc(&s->arena, group->count, sizeof *pictures);
    struct feature_rows **vectors = arena_alloc(&s->arena, group->count, sizeof *vectors);
    if (!pictures || !vectors)
        return error_no_memory(error, "a batch of images");
    struct encode_batch batch = {.pictures = pictures, .vectors = vectors};
    for (int i = 0; i < group->count; i++)
        if (w->encoded_jobs[i]->picture.view_count) {
            pictures[batch.count] = &w->encoded_jobs[i]->picture;
            vectors[batch.count++] = w->encoded_jobs[i]->vectors;
        }
    if (s->needs_tokens)
        TRY(share_out(w, group, &batch, error));
    if (reads_texts_alone(s))
        TRY(encode_group_texts(w, group, error));
    return batch.count ? encode_pictures(s, &batch, error) : LMVR_OK;
}

static lmvr_status encode_group(struct worker *w, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    struct group group = {0};
    w->encoded_count = w->encoded_next = 0;
    TRY(gather_group(w, &group, error));
    struct arena_mark mark = arena_mark(&s->arena);
    TRY(encode(w, &group, error));
    arena_release(&s->arena, mark);
    for (int i = 0; i < group.count; i++) {
        picture_finish(&w->encoded_jobs[i]->picture);
        if (!s->needs_language)
            jobs_settle(w->jobs, w->encoded_jobs[i]);
    }
    w->encoded_count = s->needs_language ? group.count : 0;
    return LMVR_OK;
}

/* ---- from visual tokens to responses ------------------------------------------------------------------------------------ */

/* Hands on the tokens of the response that are new: of one that is computed again, those that are more than there were. */
static void tell(struct worker *w, int slot)
{
    const struct sequence *q = &w->session->sequences[slot];
    struct job *job = w->responding[slot];
    if (q->count <= job->count)
        return;
    memcpy(job->tokens + job->count, q->tokens + job->count, (size_t)(q->count - job->count) * sizeof *job->tokens);
    jobs_tell(w->jobs, job, q->count);
}

/* Whether the response is what has been told of it: of one that is computed again, the image may be another by now. */
static bool is_as_told(const struct sequence *q, const struct job *job)
{
    if (job->count == 0 || q->count < job->count)
        return job->count == 0;
    return memcmp(q->tokens, job->tokens, (size_t)job->count * sizeof *job->tokens) == 0;
}

static lmvr_status complete(struct worker *w, int slot, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    const struct sequence *q = &s->sequences[slot];
    struct job *job = w->responding[slot];
    if (!is_as_told(q, job)) {
        job->status = error_set(&job->error, LMVR_ERROR_INPUT, "it was read again, and the response is another one now");
        jobs_settle(w->jobs, job);
        return LMVR_OK;
    }
    if (s->options.attention) {
        job->grid_rows = q->input.grid.rows;
        job->grid_columns = q->input.grid.columns;
        size_t cells = (size_t)job->grid_rows * (size_t)job->grid_columns;
        job->attention = calloc((size_t)q->count * cells + 1, sizeof *job->attention);
        if (!job->attention)
            return error_no_memory(error, "the attention maps");
        TRY(generate_attention(s, slot, job->attention, error));
    }
    tell(w, slot);
    job->ended = q->ended;
    jobs_settle(w->jobs, job);
    return LMVR_OK;
}

/* Gives the slot the next encoded input. */
static lmvr_status start_sequence(struct worker *w, int slot, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    int next = w->encoded_next++;
    struct job *job = w->responding[slot] = w->encoded_jobs[next];
    if (!jobs_wants(w->jobs, job)) {
        input_finish(&w->inputs[next]);
        jobs_settle(w->jobs, job);
        return LMVR_OK;
    }
    TRY(generate_start(s, slot, &w->encoded[next], &w->inputs[next], job->vectors, error));
    if (!s->sequences[slot].active)
        return complete(w, slot, error);
    tell(w, slot);
    return LMVR_OK;
}

/* Gives every free slot an input, as long as there are any. */
static lmvr_status fill_slots(struct worker *w, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    for (int slot = 0; slot < s->batch; slot++) {
        while (!s->sequences[slot].active) {
            if (w->encoded_next < w->encoded_count) {
                TRY(start_sequence(w, slot, error));
                continue;
            }
            size_t before = w->taken;
            TRY(encode_group(w, error));
            if (w->taken == before)
                return LMVR_OK;
        }
    }
    return LMVR_OK;
}

/* Frees the slots of inputs that have been cancelled. Whether any others are active. */
static bool drop_cancelled(struct worker *w)
{
    bool any = false;
    for (int i = 0; i < w->session->batch; i++) {
        struct sequence *q = &w->session->sequences[i];
        if (q->active && !jobs_wants(w->jobs, w->responding[i])) {
            q->active = false;
            jobs_settle(w->jobs, w->responding[i]);
        }
        any |= q->active;
    }
    return any;
}

static lmvr_status step_sequences(struct worker *w, lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    if (!drop_cancelled(w))
        return LMVR_OK;
    struct arena_mark mark = arena_mark(&s->arena);
    bool *was_active = arena_alloc(&s->arena, s->batch, sizeof *was_active);
    if (!was_active)
        return error_no_memory(error, "decoding");
    for (int i = 0; i < s->batch; i++)
        was_active[i] = s->sequences[i].active;
    TRY(generate_step(s, error));
    for (int i = 0; i < s->batch; i++) {
        if (was_active[i] && s->sequences[i].active) {
            tell(w, i);
        } else if (was_active[i]) {
            TRY(generate_finish(s, &s->sequences[i], w->responding[i]->vectors, error));
            TRY(complete(w, i, error));
        }
    }
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

static bool is_idle(const struct worker *w)
{
    const struct lmvr_session *s = w->session;
    bool active = w->encoded_next < w->encoded_count;
    for (int i = 0; i < s->batch && s->sequences; i++)
        active |= s->sequences[i].active;
    return !active;
}

/* ---- the thread --------------------------------------------------------------------------------------------------------- */

/* Takes what there is room for, and goes one step on. */
static lmvr_status step(struct worker *w, lmvr_error *error)
{
    if (!w->session->needs_language)
        return encode_group(w, error);
    TRY(fill_slots(w, error));
    return step_sequences(w, error);
}

/* Tells who opened the model. */
static void notify(const struct worker *w, lmvr_notice notice, const char *sentence)
{
    const struct lmvr_model *model = w->session->model;
    if (model->on_notice)
        model->on_notice(notice, sentence, model->notice_user);
}

/* What is slow is told once, whichever GPU it is on. */
static void notify_if_slow(const struct worker *w)
{
    lmvr_error notice;
    const struct device *device = w->session->model->device;
    if (w->session->model->on_notice && device->operations->take_notice(device, &notice) &&
        !atomic_exchange(&w->jobs->noticed, true))
        notify(w, LMVR_NOTICE_SLOW, notice.message);
}

/* Leaves what the worker has to others. The failure is told by the last one's jobs, and else, once, by a notice. */
static void leave(struct worker *w, bool known, const lmvr_error *error)
{
    char sentence[sizeof error->message + 100];
    int all = w->jobs->worker_count, left = jobs_leave(w->jobs, w, error);
    if (known || left == 0)
        return;
    snprintf(sentence, sizeof sentence, "%s; %d of %d GPUs %s on, with its inputs", error->message, left, all,
             left == 1 ? "goes" : "go");
    notify(w, LMVR_NOTICE_LOST, sentence);
}

/* Ends all that the worker has, and makes it fit for more. False: its device is lost. */
static bool fail(struct worker *w, lmvr_status status, const lmvr_error *error)
{
    struct lmvr_session *s = w->session;
    const struct device *device = s->model->device;
    lmvr_error lost;
    bool known = device->operations->is_lost(device);
    if (device->operations->recover(&s->arena, &lost) != LMVR_OK) {
        leave(w, known, &lost);
        return false;
    }
    jobs_fail(w->jobs, w, status, error);
    arena_release(&s->arena, (struct arena_mark){0});
    for (int i = 0; s->sequences && i < s->batch; i++)
        s->sequences[i].active = false;
    for (int i = 0; i < s->encode_batch; i++)
        input_finish(&w->inputs[i]);
    w->encoded_count = w->encoded_next = 0;
    return true;
}

static void *run(void *argument)
{
    struct worker *w = argument;
    lmvr_error error;
    omp_set_num_threads(w->threads);
    while (!is_idle(w) || jobs_wait(w->jobs)) {
        lmvr_status status = step(w, &error);
        if (status == LMVR_OK)
            notify_if_slow(w);
        else if (!fail(w, status, &error))
            break;
    }
    return NULL;
}

static void worker_free(struct worker *worker)
{
    const struct lmvr_session *s = worker->session;
    for (int i = 0; worker->inputs && i < s->encode_batch; i++)
        input_finish(&worker->inputs[i]);
    free(worker->encoded);
    free(worker->inputs);
    free(worker->encoded_jobs);
    free(worker->responding);
    device_release(s->arena.device, worker->visual);
    device_release(s->arena.device, worker->maps);
    free(worker);
}

lmvr_status worker_start(struct jobs *jobs, struct lmvr_session *session, int threads, struct worker **worker,
                         lmvr_error *error)
{
    struct worker *w = *worker = calloc(1, sizeof *w);
    if (!w)
        return error_no_memory(error, "the session's threads");
    size_t group = (size_t)session->encode_batch;
    *w = (struct worker){.jobs = jobs, .session = session, .threads = threads};
    w->encoded = calloc(group, sizeof *w->encoded);
    w->inputs = calloc(group, sizeof *w->inputs);
    w->encoded_jobs = calloc(group, sizeof(struct job *));
    w->responding = calloc((size_t)session->batch, sizeof(struct job *));
    if (w->encoded && w->inputs && w->encoded_jobs && w->responding && pthread_create(&w->thread, NULL, run, w) == 0)
        return LMVR_OK;
    worker_free(w);
    *worker = NULL;
    return error_no_memory(error, "the session's threads");
}

void worker_finish(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}
