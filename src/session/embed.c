#include "arguments.h"
#include "session/jobs.h"

#include <stdlib.h>
#include <string.h>

/* One call of lmvr_embed_stream(). Results wait until all images before them have been reported. */
struct call {
    struct jobs *jobs;
    lmvr_image_fn *next;
    void *image; /* one of the caller's, of `size` bytes, for `next` to fill in */
    size_t size, submitted, reported;
    bool no_more; /* `next` has said so */
    lmvr_result_fn *on_result;
    void *user;
    struct job **ended; /* (room): that of image i at i % room; NULL: it has not ended, or has been reported */
};

static struct job **place(const struct call *call, size_t index)
{
    return &call->ended[index % call->jobs->room];
}

/* Whether it is the call that failed, and no image. */
static bool has_failed(const struct job *job)
{
    return job->status != LMVR_OK && job->status != LMVR_ERROR_INPUT;
}

static lmvr_status report(const struct call *call, const struct job *job, lmvr_error *error)
{
    struct job_result made;
    lmvr_status status = job_result_init(&made, call->jobs->session, job, error);
    if (status == LMVR_OK && call->on_result(&made.result, call->user))
        status = error_set(error, LMVR_STOPPED, "stopped by the caller");
    job_result_finish(&made);
    return status;
}

/* Reports what is next in the order of the images, as far as it is there. */
static lmvr_status report_ready(struct call *call, lmvr_error *error)
{
    struct job *job;
    while ((job = *place(call, call->reported)) && !has_failed(job)) {
        lmvr_status status = report(call, job, error);
        *place(call, call->reported++) = NULL;
        jobs_release(call->jobs, job);
        TRY(status);
    }
    return LMVR_OK;
}

/* Waits for a job that ends. What fails the call is told once all that is complete before it has been reported. */
static lmvr_status take_one(struct call *call, lmvr_error *error)
{
    struct news news;
    struct job *job = jobs_next(call->jobs, -1, &news);
    *place(call, job->index) = job;
    TRY(report_ready(call, error));
    return has_failed(job) ? error_set(error, job->status, "%s", job->error.message) : LMVR_OK;
}

/* Submits the next image, unless there is none now. */
static lmvr_status submit_next(struct call *call, bool *full, lmvr_error *error)
{
    lmvr_image image;
    lmvr_error own = {{0}};
    size_t index;
    memset(call->image, 0, call->size);
    lmvr_status status = call->next(call->image, call->user, &own);
    call->no_more = status == LMVR_STOPPED;
    *full = status == LMVR_FULL;
    if (*full && call->submitted == call->reported)
        return error_set(error, LMVR_ERROR_INVALID, "lmvr_embed_stream: there is no next image, though all have been reported");
    if (call->no_more || *full)
        return LMVR_OK;
    if (status != LMVR_OK)
        return error_set(error, status, "%s", own.message);
    TRY(struct_read(&image, sizeof image, call->image, call->size, "lmvr_image", error));
    image.stream = false;
    TRY(jobs_submit(call->jobs, &image, &index, error));
    call->submitted++;
    return LMVR_OK;
}

/* Submits images as long as there is room. */
static lmvr_status submit(struct call *call, lmvr_error *error)
{
    bool full = false;
    while (!call->no_more && !full && call->submitted < call->reported + call->jobs->room)
        TRY(submit_next(call, &full, error));
    return LMVR_OK;
}

static lmvr_status run(struct call *call, lmvr_error *error)
{
    TRY(submit(call, error));
    while (call->reported < call->submitted) {
        TRY(take_one(call, error));
        TRY(submit(call, error));
    }
    return LMVR_OK;
}

/* Takes all jobs out of the session. */
static void clear(const struct call *call)
{
    struct news news;
    jobs_cancel(call->jobs, NULL);
    for (size_t i = 0; i < call->jobs->room; i++)
        if (call->ended[i])
            jobs_release(call->jobs, call->ended[i]);
    while (jobs_count(call->jobs, JOB_QUEUED, JOB_ENDED) > 0)
        jobs_release(call->jobs, jobs_next(call->jobs, -1, &news));
}

static lmvr_status embed(const char *function, struct call *call, lmvr_session *session, lmvr_error *error)
{
    call->jobs = session->jobs;
    job_event_finish(call->jobs);
    size_t left = jobs_count(call->jobs, JOB_QUEUED, JOB_ENDED);
    if (left > 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %zu inputs are in the session", function, left);
    call->ended = calloc(call->jobs->room, sizeof(struct job *));
    call->image = malloc(call->size);
    lmvr_status status = call->ended && call->image ? LMVR_OK : error_no_memory(error, "the results");
    if (status == LMVR_OK) {
        jobs_restart(call->jobs);
        status = run(call, error);
        clear(call);
        jobs_restart(call->jobs);
    }
    free(call->ended);
    free(call->image);
    return status;
}

lmvr_status lmvr_embed_stream_sized(lmvr_session *session, lmvr_image_fn *next, size_t size, lmvr_result_fn *on_result,
                                    void *user, lmvr_error *error)
{
    REQUIRE_ARGUMENT_OF("lmvr_embed_stream", session, error);
    REQUIRE_ARGUMENT_OF("lmvr_embed_stream", next, error);
    REQUIRE_ARGUMENT_OF("lmvr_embed_stream", on_result, error);
    struct call call = {.next = next, .size = size, .on_result = on_result, .user = user};
    return embed("lmvr_embed_stream", &call, session, error);
}

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

struct list {
    const char *images; /* (count), each of `size` bytes */
    size_t size, count, given;
    lmvr_result_fn *on_result;
    void *user;
};

static lmvr_status next_of_list(lmvr_image *image, void *user, lmvr_error *error)
{
    struct list *list = user;
    (void)error;
    if (list->given == list->count)
        return LMVR_STOPPED;
    memcpy(image, list->images + list->given++ * list->size, list->size);
    return LMVR_OK;
}

static int on_result_of_list(const lmvr_result *result, void *user)
{
    const struct list *list = user;
    return list->on_result(result, list->user);
}

lmvr_status lmvr_embed_sized(lmvr_session *session, const lmvr_image *images, size_t size, size_t count,
                             lmvr_result_fn *on_result, void *user, lmvr_error *error)
{
    REQUIRE_ARGUMENT_OF("lmvr_embed", session, error);
    REQUIRE_ARGUMENT_OF("lmvr_embed", on_result, error);
    if (count > 0)
        REQUIRE_ARGUMENT_OF("lmvr_embed", images, error);
    struct list list = {(const char *)images, size, count, 0, on_result, user};
    struct call call = {.next = next_of_list, .size = size, .on_result = on_result_of_list, .user = &list};
    return embed("lmvr_embed", &call, session, error);
}
