#include "arguments.h"
#include "session/jobs.h"

#include <stdlib.h>

/* One call of lmvr_embed(). Results wait until all images before them have been reported. */
struct call {
    struct jobs *jobs;
    const lmvr_image *images;
    size_t count, submitted, reported;
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
    struct job *job = jobs_next(call->jobs, -1);
    *place(call, job->index) = job;
    TRY(report_ready(call, error));
    return has_failed(job) ? error_set(error, job->status, "%s", job->error.message) : LMVR_OK;
}

static lmvr_status run(struct call *call, lmvr_error *error)
{
    size_t index;
    while (call->reported < call->count) {
        while (call->submitted < call->count && jobs_submit(call->jobs, &call->images[call->submitted], &index))
            call->submitted++;
        TRY(take_one(call, error));
    }
    return LMVR_OK;
}

/* Takes all jobs out of the session. */
static void clear(const struct call *call)
{
    jobs_cancel(call->jobs, NULL);
    for (size_t i = 0; i < call->jobs->room; i++)
        if (call->ended[i])
            jobs_release(call->jobs, call->ended[i]);
    while (jobs_held(call->jobs) > 0)
        jobs_release(call->jobs, jobs_next(call->jobs, -1));
}

lmvr_status lmvr_embed(lmvr_session *session, const lmvr_image *images, size_t count, lmvr_result_fn *on_result, void *user,
                       lmvr_error *error)
{
    REQUIRE_ARGUMENT(session, error);
    REQUIRE_ARGUMENT(on_result, error);
    if (count == 0)
        return LMVR_OK;
    REQUIRE_ARGUMENT(images, error);
    if (!session->jobs)
        TRY(jobs_open(session, &session->jobs, error));
    session->jobs->submitted = 0; /* the session is empty */
    struct call call = {.jobs = session->jobs, .images = images, .count = count, .on_result = on_result, .user = user};
    call.ended = calloc(call.jobs->room, sizeof(struct job *));
    if (!call.ended)
        return error_no_memory(error, "the results");
    lmvr_status status = run(&call, error);
    clear(&call);
    free(call.ended);
    return status;
}
