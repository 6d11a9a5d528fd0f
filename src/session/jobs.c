#include "session/jobs.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>

#define MOST_READERS 8 /* for each worker */

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

/* ---- jobs, under the lock -------------------------------------------------------------------------------------------- */

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
    if (job->has_news)
        take_out(&jobs->news, job);
    job->has_news = false;
    if (job->cancelled)
        job->status = error_set(&job->error, LMVR_STOPPED, "cancelled");
    picture_finish(&job->picture);
    enter(jobs, job, JOB_ENDED);
    append(&jobs->done, job);
    pthread_cond_broadcast(&jobs->happened);
    pthread_cond_broadcast(&jobs->queued); /* there is room for another picture */
}

/* Ends a job that nobody can compute any more. */
static void refuse(struct jobs *jobs, struct job *job)
{
    job->status = LMVR_ERROR_RESOURCE;
    job->error = jobs->lost;
    settle(jobs, job);
}

/* Puts a job that a worker had back among those to be read, in the order of submission. What its caller has been told stays:
 * it is computed again to the same bits; of others nothing has been told. */
static void put_back(struct jobs *jobs, struct job *job)
{
    struct job_list *list = &jobs->waiting;
    struct job **at = &list->first, *last = NULL;
    if (job->has_news) /* they are told with the next */
        take_out(&jobs->news, job);
    job->has_news = false;
    picture_finish(&job->picture);
    feature_rows_free(&jobs->session->features, job->vectors);
    free(job->attention);
    job->vectors = NULL;
    job->attention = NULL;
    if (!job->image.stream)
        job->count = 0;
    enter(jobs, job, JOB_QUEUED);
    while (*at && (*at)->index < job->index) {
        last = *at;
        at = &last->next;
    }
    job->next = *at;
    *at = job;
    list->last = job->next ? list->last : job;
}

static size_t count(const struct jobs *jobs, enum job_stage first, enum job_stage last)
{
    size_t sum = 0;
    for (enum job_stage stage = first; stage <= last; stage++)
        sum += jobs->counts[stage];
    return sum;
}

/* ---- what the caller does -------------------------------------------------------------------------------------------- */

/* Starts what threads there are not yet. */
static lmvr_status start(struct jobs *jobs, lmvr_error *error)
{
    int workers = jobs->worker_count, each = jobs->threads / workers;
    int readers = jobs->threads < MOST_READERS * workers ? jobs->threads : MOST_READERS * workers;
    if (!jobs->readers)
        jobs->readers = calloc((size_t)readers, sizeof *jobs->readers);
    if (!jobs->workers)
        jobs->workers = calloc((size_t)workers, sizeof *jobs->workers);
    if (!jobs->readers || !jobs->workers)
        return error_no_memory(error, "the session's threads");
    jobs->most_read = 2 * (size_t)jobs->session->encode_batch * (size_t)workers + (size_t)readers;
    while (jobs->readers_started < readers &&
           pthread_create(&jobs->readers[jobs->readers_started], NULL, reader_run, jobs) == 0)
        jobs->readers_started++;
    if (jobs->readers_started == 0)
        return error_no_memory(error, "reading images");
    struct lmvr_session *s = jobs->session;
    for (int i = 0; i < workers; i++, s = s->next)
        if (i >= jobs->workers_started) {
            TRY(worker_start(jobs, s, each > 0 ? each : 1, &jobs->workers[i], error));
            jobs->workers_started++;
        }
    return LMVR_OK;
}

static lmvr_status submit(struct jobs *jobs, const lmvr_image *image, size_t *index, lmvr_error *error)
{
    struct job *job = jobs->free;
    if (jobs->workers_left == 0)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s", jobs->lost.message);
    if (!job || count(jobs, JOB_QUEUED, JOB_ENDED) >= jobs->room)
        return error_set(error, LMVR_FULL, "the session has %zu inputs, as many as it takes", jobs->room);
    if (jobs->workers_started < jobs->worker_count)
        TRY(start(jobs, error));
    jobs->free = job->next;
    *job = (struct job){.index = *index = jobs->submitted++, .image = *image, .stage = JOB_QUEUED};
    jobs->counts[JOB_QUEUED]++;
    append(&jobs->waiting, job);
    pthread_cond_signal(&jobs->queued);
    return LMVR_OK;
}

lmvr_status jobs_submit(struct jobs *jobs, const lmvr_image *image, size_t *index, lmvr_error *error)
{
    pthread_mutex_lock(&jobs->lock);
    lmvr_status status = submit(jobs, image, index, error);
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

void jobs_restart(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->submitted = 0;
    pthread_mutex_unlock(&jobs->lock);
}

bool jobs_cancel(struct jobs *jobs, const size_t *index)
{
    bool any = false;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i <= jobs->room; i++) {
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

/* A response's last tokens are told before its end. */
static bool has_more_to_tell(const struct job *job)
{
    return job->image.stream && job->status == LMVR_OK && (job->told < job->count || job->owes_text);
}

static struct job *next(struct jobs *jobs, struct news *news)
{
    struct job *job = jobs->done.first ? jobs->done.first : jobs->news.first;
    if (!job)
        return NULL;
    *news = (struct news){job->stage == JOB_ENDED, job->count};
    if (news->ended && !has_more_to_tell(job)) {
        take_out(&jobs->done, job);
        jobs->counts[JOB_ENDED]--;
        news->tokens = -1;
    }
    return job;
}

struct job *jobs_next(struct jobs *jobs, int milliseconds, struct news *news)
{
    struct timespec until = jobs_time(milliseconds < 0 ? 0 : milliseconds);
    struct job *job;
    int waited = 0;
    pthread_mutex_lock(&jobs->lock);
    while (!(job = next(jobs, news)) && waited != ETIMEDOUT)
        waited = milliseconds < 0 ? pthread_cond_wait(&jobs->happened, &jobs->lock)
                                  : pthread_cond_timedwait(&jobs->happened, &jobs->lock, &until);
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

void jobs_told(struct jobs *jobs, struct job *job, int tokens, bool owes_text)
{
    pthread_mutex_lock(&jobs->lock);
    job->told = tokens;
    job->owes_text = owes_text;
    if (job->has_news && job->told == job->count) {
        take_out(&jobs->news, job);
        job->has_news = false;
    }
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_put_back(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->counts[JOB_ENDED]++;
    append(&jobs->done, job);
    pthread_mutex_unlock(&jobs->lock);
}

static void clear(const struct lmvr_session *session, struct job *job)
{
    picture_finish(&job->picture);
    feature_rows_free(&session->features, job->vectors);
    free(job->tokens);
    free(job->attention);
    free(job->text);
}

void jobs_release(struct jobs *jobs, struct job *job)
{
    clear(jobs->session, job);
    pthread_mutex_lock(&jobs->lock);
    *job = (struct job){.stage = JOB_STAGES, .next = jobs->free};
    jobs->free = job;
    pthread_mutex_unlock(&jobs->lock);
}

size_t jobs_count(struct jobs *jobs, enum job_stage first, enum job_stage last)
{
    pthread_mutex_lock(&jobs->lock);
    size_t sum = count(jobs, first, last);
    pthread_mutex_unlock(&jobs->lock);
    return sum;
}

/* ---- what the readers do --------------------------------------------------------------------------------------------- */

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
    else if (jobs->workers_left == 0)
        refuse(jobs, job);
    else
        enter(jobs, job, JOB_READ);
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- what the workers do --------------------------------------------------------------------------------------------- */

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
    size_t waiting = count(jobs, JOB_QUEUED, JOB_READ), workers = (size_t)jobs->workers_left;
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

void jobs_tell(struct jobs *jobs, struct job *job, int tokens)
{
    pthread_mutex_lock(&jobs->lock);
    job->count = tokens;
    if (job->image.stream && !job->has_news && job->told < tokens) {
        append(&jobs->news, job);
        job->has_news = true;
        pthread_cond_broadcast(&jobs->happened);
    }
    pthread_mutex_unlock(&jobs->lock);
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
    for (size_t i = 0; i <= jobs->room; i++) {
        struct job *job = &jobs->all[i];
        if (job->stage != JOB_TAKEN || job->worker != worker)
            continue;
        job->status = status;
        job->error = *error;
        settle(jobs, job);
    }
    pthread_mutex_unlock(&jobs->lock);
}

int jobs_leave(struct jobs *jobs, const struct worker *worker, const lmvr_error *error)
{
    pthread_mutex_lock(&jobs->lock);
    int left = --jobs->workers_left;
    bool fast = jobs->session->model->device->fast; /* the same bits are not promised */
    jobs->lost = *error;
    for (size_t i = 0; i <= jobs->room; i++) {
        struct job *job = &jobs->all[i];
        bool had = job->stage == JOB_TAKEN && job->worker == worker;
        bool told = fast && job->image.stream && job->count > 0;
        if (had && job->cancelled)
            settle(jobs, job);
        else if (had && left > 0 && !told)
            put_back(jobs, job);
        else if (had || (left == 0 && (job->stage == JOB_QUEUED || job->stage == JOB_READ)))
            refuse(jobs, job);
    }
    pthread_cond_broadcast(&jobs->queued);
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
    return left;
}

/* ---- beginning and end ----------------------------------------------------------------------------------------------- */

lmvr_status jobs_create(struct lmvr_session *session, struct jobs **jobs, lmvr_error *error)
{
    struct jobs *j = *jobs = calloc(1, sizeof *j);
    pthread_condattr_t monotonic;
    if (!j)
        return error_no_memory(error, "the session's inputs");
    *j = (struct jobs){.session = session, .threads = session->threads > 0 ? session->threads : omp_get_max_threads()};
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->queued, &monotonic);
    pthread_cond_init(&j->read, &monotonic);
    pthread_cond_init(&j->happened, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const struct lmvr_session *s = session;
    do {
        j->worker_count++;
        j->room += 4 * (size_t)s->batch + 2 * (size_t)s->encode_batch;
    } while ((s = s->next));
    j->workers_left = j->worker_count;
    j->all = calloc(j->room + 1, sizeof *j->all);
    if (!j->all)
        return error_no_memory(error, "the session's inputs");
    for (size_t i = j->room + 1; i-- > 0; j->free = &j->all[i])
        j->all[i] = (struct job){.stage = JOB_STAGES, .next = j->free};
    return LMVR_OK;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->all) {
        job_event_finish(jobs);
        jobs_cancel(jobs, NULL);
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->closing = true;
    pthread_cond_broadcast(&jobs->queued);
    pthread_cond_broadcast(&jobs->read);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->readers_started; i++)
        pthread_join(jobs->readers[i], NULL);
    for (int i = 0; i < jobs->workers_started; i++)
        worker_finish(jobs->workers[i]);
    for (size_t i = 0; jobs->all && i <= jobs->room; i++)
        clear(jobs->session, &jobs->all[i]);
    free(jobs->all);
    free(jobs->readers);
    free(jobs->workers);
    pthread_cond_destroy(&jobs->queued);
    pthread_cond_destroy(&jobs->read);
    pthread_cond_destroy(&jobs->happened);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
