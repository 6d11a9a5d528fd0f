#include "arguments.h"
#include "session/jobs.h"

#include <stdlib.h>

/* One call of lmvr_embed(). Results wait until all images before them have been reported. */
struct call {
    struct jobs *jobs;
    const char *images; /* (count), each of `size` bytes */
    size_t size, count, submitted, reported;
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

/* Submits images as long as there is room. */
static lmvr_status submit(struct call *call, lmvr_error *error)
{
    while (call->submitted < call->count && call->submitted < call->reported + call->jobs->room) {
        lmvr_image image;
        size_t index;
        TRY(struct_read(&image, sizeof image, call->images + call->submitted * call->size, call->size, "lmvr_image", error));
        image.stream = false;
        TRY(jobs_submit(call->jobs, &image, &index, error));
        call->submitted++;
    }
    return LMVR_OK;
}

static lmvr_status run(struct call *call, lmvr_error *error)
{
    while (call->reported < call->count) {
        TRY(submit(call, error));
        TRY(take_one(call, error));
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

lmvr_status lmvr_embed_sized(lmvr_session *session, const lmvr_image *images, size_t size, size_t count,
                             lmvr_result_fn *on_result, void *user, lmvr_error *error)
{
    REQUIRE_ARGUMENT_OF("lmvr_embed", session, error);
    REQUIRE_ARGUMENT_OF("lmvr_embed", on_result, error);
    if (count > 0)
        REQUIRE_ARGUMENT_OF("lmvr_embed", images, error);
    struct call call = {.jobs = session->jobs,
                        .images = (const char *)images,
                        .size = size,
                        .count = count,
                        .on_result = on_result,
                        .user = user};
    job_event_finish(call.jobs);
    size_t left = jobs_count(call.jobs, JOB_QUEUED, JOB_ENDED);
    if (left > 0)
        return error_set(error, LMVR_ERROR_INVALID, "lmvr_embed: %zu inputs are in the session", left);
    call.ended = calloc(call.jobs->room, sizeof(struct job *));
    if (!call.ended)
        return error_no_memory(error, "the results");
    jobs_restart(call.jobs);
    lmvr_status status = run(&call, error);
    clear(&call);
    jobs_restart(call.jobs);
    free(call.ended);
    return status;
}
