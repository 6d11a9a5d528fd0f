#include "session/jobs.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>

#define MOST_READERS 8 /* for each replica of the model */

struct timespec jobs_time(int milliseconds)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += milliseconds % 1000 * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
    return time;
}

/* ---- jobs, under the lock --------------------------------------------------------------------------------------------------
 */

static void append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static void take_out(struct job_list *list, struct job *job)
{
    struct job *before = NULL;
    for (struct job *at = list->first; at != job; at = at->next)
        before = at;
    if (before)
        before->next = job->next;
    else
        list->first = job->next;
    if (list->last == job)
        list->last = before;
}

static struct job *find_waiting(const struct jobs *jobs, enum job_stage stage)
{
    for (struct job *job = jobs->waiting.first; job; job = job->next)
        if (job->stage == stage)
            return job;
    return NULL;
}

static void enter(struct jobs *jobs, struct job *job, enum job_stage stage)
{
    jobs->counts[job->stage]--;
    jobs->counts[stage]++;
    job->stage = stage;
}

static void settle(struct jobs *jobs, struct job *job)
{
    if (job->stage < JOB_TAKEN)
        take_out(&jobs->waiting, job);
    if (job->cancelled)
        job->status = error_set(&job->error, LMVR_STOPPED, "cancelled");
    picture_finish(&job->picture);
    enter(jobs, job, JOB_ENDED);
    append(&jobs->done, job);
    pthread_cond_broadcast(&jobs->ended);
    pthread_cond_broadcast(&jobs->queued); /* there is room for another picture */
}

/* ---- what the caller does --------------------------------------------------------------------------------------------------
 */

bool jobs_submit(struct jobs *jobs, const lmvr_image *image, size_t *index)
{
    pthread_mutex_lock(&jobs->lock);
    struct job *job = jobs->free;
    if (job) {
        jobs->free = job->next;
        *job = (struct job){.index = *index = jobs->submitted++, .image = *image, .stage = JOB_QUEUED};
        jobs->counts[JOB_QUEUED]++;
        append(&jobs->waiting, job);
        pthread_cond_signal(&jobs->queued);
    }
    pthread_mutex_unlock(&jobs->lock);
    return job != NULL;
}

bool jobs_cancel(struct jobs *jobs, const size_t *index)
{
    bool any = false;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < jobs->room; i++) {
        struct job *job = &jobs->all[i];
        if (job->stage >= JOB_ENDED || (index && job->index != *index))
            continue;
        any = job->cancelled = true;
        if (job->stage == JOB_QUEUED || job->stage == JOB_READ)
            settle(jobs, job);
    }
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
    return any;
}

struct job *jobs_next(struct jobs *jobs, int timeout_ms)
{
    struct timespec until = jobs_time(timeout_ms < 0 ? 0 : timeout_ms);
    pthread_mutex_lock(&jobs->lock);
    int waited = 0;
    while (!jobs->done.first && waited != ETIMEDOUT)
        waited = timeout_ms < 0 ? pthread_cond_wait(&jobs->ended, &jobs->lock)
                                : pthread_cond_timedwait(&jobs->ended, &jobs->lock, &until);
    struct job *job = jobs->done.first;
    if (job)
        take_out(&jobs->done, job);
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

static void clear(const struct lmvr_session *session, struct job *job)
{
    picture_finish(&job->picture);
    feature_rows_free(&session->features, job->vectors);
    free(job->tokens);
    free(job->attention);
    *job = (struct job){.stage = JOB_STAGES};
}

void jobs_release(struct jobs *jobs, struct job *job)
{
    clear(jobs->session, job);
    pthread_mutex_lock(&jobs->lock);
    jobs->counts[JOB_ENDED]--;
    job->next = jobs->free;
    jobs->free = job;
    pthread_mutex_unlock(&jobs->lock);
}

static size_t held(const struct jobs *jobs)
{
    size_t sum = 0;
    for (int i = 0; i < JOB_STAGES; i++)
        sum += jobs->counts[i];
    return sum;
}

size_t jobs_held(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    size_t sum = held(jobs);
    pthread_mutex_unlock(&jobs->lock);
    return sum;
}

/* ---- what the readers do ---------------------------------------------------------------------------------------------------
 */

/* Not so many pictures are kept that they would fill the memory. */
static struct job *next_to_read(const struct jobs *jobs)
{
    return jobs->counts[JOB_READING] + jobs->counts[JOB_READ] < jobs->most_read ? find_waiting(jobs, JOB_QUEUED) : NULL;
}

struct job *jobs_claim(struct jobs *jobs)
{
    struct job *job = NULL;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->closing && !(job = next_to_read(jobs)))
        pthread_cond_wait(&jobs->queued, &jobs->lock);
    if (job)
        enter(jobs, job, JOB_READING);
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

void jobs_give(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    if (job->cancelled || job->status != LMVR_OK)
        settle(jobs, job);
    else
        enter(jobs, job, JOB_READ);
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- what the workers do ---------------------------------------------------------------------------------------------------
 */

bool jobs_wait(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->closing && jobs->counts[JOB_READ] == 0)
        pthread_cond_wait(&jobs->read, &jobs->lock);
    bool open = !jobs->closing;
    pthread_mutex_unlock(&jobs->lock);
    return open;
}

/* Whether a worker may have one more than it holds, if all workers are to have as many. */
static bool has_share(const struct jobs *jobs, size_t held)
{
    size_t waiting = jobs->counts[JOB_QUEUED] + jobs->counts[JOB_READING] + jobs->counts[JOB_READ];
    size_t workers = (size_t)jobs->replicas;
    return waiting > 0 && held < (waiting + held + workers - 1) / workers;
}

struct job *jobs_take(struct jobs *jobs, const struct worker *worker, size_t held, const struct timespec *until)
{
    struct job *job = NULL;
    pthread_mutex_lock(&jobs->lock);
    int waited = 0;
    while (!jobs->closing && has_share(jobs, held) && !(job = find_waiting(jobs, JOB_READ)) && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&jobs->read, &jobs->lock, until);
    if (job) {
        take_out(&jobs->waiting, job);
        enter(jobs, job, JOB_TAKEN);
        job->worker = worker;
        pthread_cond_signal(&jobs->queued);
    }
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

bool jobs_wants(struct jobs *jobs, const struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool wanted = !job->cancelled;
    pthread_mutex_unlock(&jobs->lock);
    return wanted;
}

void jobs_settle(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    settle(jobs, job);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_fail(struct jobs *jobs, const struct worker *worker, lmvr_status status, const lmvr_error *error)
{
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < jobs->room; i++) {
        struct job *job = &jobs->all[i];
        if (job->stage != JOB_TAKEN || job->worker != worker)
            continue;
        job->status = status;
        job->error = *error;
        settle(jobs, job);
    }
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- opening and closing ---------------------------------------------------------------------------------------------------
 */

static lmvr_status start(struct jobs *jobs, lmvr_error *error)
{
    int replicas = jobs->replicas;
    int threads = jobs->session->threads > 0 ? jobs->session->threads : omp_get_max_threads();
    int readers = threads < MOST_READERS * replicas ? threads : MOST_READERS * replicas, each = threads / replicas;
    jobs->readers = calloc((size_t)readers, sizeof *jobs->readers);
    jobs->workers = calloc((size_t)replicas, sizeof *jobs->workers);
    if (!jobs->readers || !jobs->workers)
        return error_no_memory(error, "the session's threads");
    jobs->most_read = 2 * (size_t)jobs->session->encode_batch * (size_t)replicas + (size_t)readers;
    while (jobs->readers_started < readers &&
           pthread_create(&jobs->readers[jobs->readers_started], NULL, reader_run, jobs) == 0)
        jobs->readers_started++;
    if (jobs->readers_started == 0)
        return error_no_memory(error, "reading images");
    for (struct lmvr_session *s = jobs->session; s; s = s->next, jobs->workers_started++)
        TRY(worker_start(jobs, s, each > 0 ? each : 1, &jobs->workers[jobs->workers_started], error));
    return LMVR_OK;
}

lmvr_status jobs_open(struct lmvr_session *session, struct jobs **jobs, lmvr_error *error)
{
    struct jobs *j = calloc(1, sizeof *j);
    pthread_condattr_t monotonic;
    if (!j)
        return error_no_memory(error, "the session's inputs");
    j->session = session;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->queued, &monotonic);
    pthread_cond_init(&j->read, &monotonic);
    pthread_cond_init(&j->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const struct lmvr_session *s = session;
    do {
        j->replicas++;
        j->room += 4 * (size_t)s->batch + 2 * (size_t)s->encode_batch;
    } while ((s = s->next));
    j->all = calloc(j->room, sizeof *j->all);
    for (size_t i = j->room; j->all && i-- > 0; j->free = &j->all[i])
        j->all[i] = (struct job){.stage = JOB_STAGES, .next = j->free};
    lmvr_status status = j->all ? start(j, error) : error_no_memory(error, "the session's inputs");
    if (status != LMVR_OK) {
        jobs_close(j);
        j = NULL;
    }
    *jobs = j;
    return status;
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->all)
        jobs_cancel(jobs, NULL);
    pthread_mutex_lock(&jobs->lock);
    jobs->closing = true;
    pthread_cond_broadcast(&jobs->queued);
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->readers_started; i++)
        pthread_join(jobs->readers[i], NULL);
    for (int i = 0; i < jobs->workers_started; i++)
        worker_finish(jobs->workers[i]);
    for (size_t i = 0; jobs->all && i < jobs->room; i++)
        clear(jobs->session, &jobs->all[i]);
    free(jobs->all);
    free(jobs->readers);
    free(jobs->workers);
    pthread_cond_destroy(&jobs->queued);
    pthread_cond_destroy(&jobs->read);
    pthread_cond_destroy(&jobs->ended);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
