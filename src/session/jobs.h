/*
 * The inputs that are in a session, each a job, and the threads that work on them: readers, which read and preprocess, and
 * workers, one for each replica of the model, or several for a small model. The readers take jobs in the order in which they
 * were submitted, a worker takes the next that is read whenever it has room, and jobs end in any order. A session has as many
 * jobs as keep its workers busy, so that neither pictures nor results pile up.
 */
#ifndef LMVR_SRC_SESSION_JOBS_H
#define LMVR_SRC_SESSION_JOBS_H

#include "session/session.h"

#include <pthread.h>
#include <stdatomic.h>

enum job_stage {
    JOB_QUEUED,  /* to be read */
    JOB_READING, /* a reader has it */
    JOB_READ,    /* to be taken by a worker */
    JOB_TAKEN,   /* a worker has it */
    JOB_ENDED,   /* its result is to be taken */
    JOB_STAGES
};

struct worker;

/* An input. Its first members, and `count`, are read and written under the lock; the rest belongs to the thread that has it. */
struct job {
    struct job *next;
    enum job_stage stage;
    bool cancelled, has_news;
    int told;                    /* tokens that the caller has been told */
    bool owes_text;              /* of these: not all of their text could be told */
    const struct worker *worker; /* that took it */
    size_t index;                /* how many were submitted before */
    lmvr_image image;            /* what it points to is the caller's */

    struct picture picture; /* once read, until it is encoded; none of a text */
    uint64_t hash;          /* of the image's bytes and the text's */

    lmvr_status status;
    lmvr_error error;             /* in the sentence the input's name */
    struct feature_rows *vectors; /* (features) */
    size_t prompt_tokens;         /* positions of the prompt */
    int32_t *tokens;              /* (count), which are read while more are added */
    int count;
    bool ended;
    float *attention; /* (count, grid_rows, grid_columns); NULL: not requested */
    int grid_rows, grid_columns;
    lmvr_view view;
    char *text; /* what has been told of the response, the caller's; NULL: nothing */
};

/* Jobs in order. */
struct job_list {
    struct job *first, *last;
};

/* A job's result as the caller sees it. */
struct job_result {
    lmvr_result result;
    const float **rows; /* (features), and so is the next */
    size_t *row_counts;
    char *response;
    uint32_t *ends;
};

/* The event that lmvr_session_next() gave last. */
struct job_event {
    lmvr_event event;
    struct job *job; /* that has ended; NULL: none */
    struct job_result result;
    char *text;
};

struct jobs {
    struct lmvr_session *session; /* the first worker's; the others' follow it */
    size_t room;                  /* for jobs whose results have not been taken */
    int worker_count, threads;    /* that compute */
    atomic_bool noticed;          /* that something is slow */
    struct job *all;              /* (room + 1): one may have been taken, and not been released */
    struct job_event shown;

    pthread_mutex_t lock; /* of all that follows, and of each job's first members */
    pthread_cond_t queued, read, happened;
    struct job *free;
    /* Not yet taken by a worker, in the order of submission; with tokens to tell; ended, in the order of that. */
    struct job_list waiting, news, done;
    size_t submitted, counts[JOB_STAGES], most_read;
    bool closing;
    int workers_left; /* whose devices are not lost */
    lmvr_error lost;  /* why the last that was lost was */
    int readers_started, workers_started;
    pthread_t *readers;
    struct worker **workers;
};

/* Room for the inputs of a session. */
lmvr_status jobs_create(struct lmvr_session *session, struct jobs **jobs, lmvr_error *error);
/* Cancels all jobs, waits for what is being computed, and frees them. NULL is allowed. */
void jobs_free(struct jobs *jobs);

/* ---- jobs.c: what the caller does ------------------------------------------------------------------------------------ */

/* LMVR_FULL: there is no room. Starts the threads before the first. */
lmvr_status jobs_submit(struct jobs *jobs, const lmvr_image *image, size_t *index, lmvr_error *error);
/* Numbers jobs from 0 again. */
void jobs_restart(struct jobs *jobs);
/* Cancels the jobs that have not ended: all, or the one of *index. Whether there was one. */
bool jobs_cancel(struct jobs *jobs, const size_t *index);

/* What there is to tell of a job. */
struct news {
    bool ended;
    int tokens; /* that are there, not all of which have been told; -1: its result */
};

/* Waits for the next job that has news or a result. NULL: none in so many milliseconds, if that is not negative. A job whose
 * result is told is the caller's, until jobs_release(). */
struct job *jobs_next(struct jobs *jobs, int milliseconds, struct news *news);
/* Says that so many tokens have been told, and whether some of their text has not been. */
void jobs_told(struct jobs *jobs, struct job *job, int tokens, bool owes_text);
/* Gives back a job that has ended, whose result could not be shown. */
void jobs_put_back(struct jobs *jobs, struct job *job);
void jobs_release(struct jobs *jobs, struct job *job);
/* How many jobs are at the stages from `first` to `last`. Those that jobs_next() gave have left. */
size_t jobs_count(struct jobs *jobs, enum job_stage first, enum job_stage last);

/* ---- jobs.c: what the threads do ------------------------------------------------------------------------------------- */

/* Waits for the next job to read. NULL: the reader is to end. */
struct job *jobs_claim(struct jobs *jobs);
void jobs_give(struct jobs *jobs, struct job *job);

/* Waits until there may be a job for a worker that has nothing to do. False: the worker is to end. */
bool jobs_wait(struct jobs *jobs);
/* The next job for a worker that has so many in its group, and leaves some to the others. NULL: there is none, or it is still
 * being read at that time. */
struct job *jobs_take(struct jobs *jobs, const struct worker *worker, size_t held, const struct timespec *until);
/* So many milliseconds from now. */
struct timespec jobs_time(int milliseconds);
/* False: the job has been cancelled, and is to be ended. */
bool jobs_wants(struct jobs *jobs, const struct job *job);
/* Says that so many of the job's tokens are there. */
void jobs_tell(struct jobs *jobs, struct job *job, int count);
/* Says that a job has ended. */
void jobs_settle(struct jobs *jobs, struct job *job);
/* Ends all jobs that the worker has, with this error. */
void jobs_fail(struct jobs *jobs, const struct worker *worker, lmvr_status status, const lmvr_error *error);
/* The worker's device is lost, and it takes no more jobs: those that it has are read again, for others, but for one of whose
 * response something has been told where a row depends on its company: that ends with this error. So do all if no worker is
 * left, and no more are taken. Returns how many are left. */
int jobs_leave(struct jobs *jobs, const struct worker *worker, const lmvr_error *error);

/* ---- loader.c -------------------------------------------------------------------------------------------------------- */

/* A reader's thread. */
void *reader_run(void *jobs);

/* ---- worker.c -------------------------------------------------------------------------------------------------------- */

lmvr_status worker_start(struct jobs *jobs, struct lmvr_session *session, int threads, struct worker **worker,
                         lmvr_error *error);
/* Waits for a worker of jobs that are being closed, and frees it. */
void worker_finish(struct worker *worker);

/* ---- result.c -------------------------------------------------------------------------------------------------------- */

/* Its pointers are the job's, or freed by job_result_finish(), which is needed whatever this returns. */
lmvr_status job_result_init(struct job_result *result, const struct lmvr_session *session, const struct job *job,
                            lmvr_error *error);
void job_result_finish(struct job_result *result);

/* ---- feed.c ---------------------------------------------------------------------------------------------------------- */

/* Takes back what lmvr_session_next() gave last. */
void job_event_finish(struct jobs *jobs);

#endif
