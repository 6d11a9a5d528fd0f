/* Steps that recur: their operations are kept back, and run as a graph where they are those of a step before. */
#include "tensor/cuda/device_queue.h"

#include <stdlib.h>
#include <string.h>

#define HALF      ((size_t)1 << 18) /* bytes of the host's arrays that a step sends; if there are more, the halves take turns */
#define ALIGNMENT ((size_t)64)

/* ---- what the host sends ------------------------------------------------------------------------------------------------ */

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Where these bytes will lie on the GPU; NULL: there is no room. */
static void *stage(struct replay *r, const void *array, size_t bytes)
{
    for (int i = 0; i < r->array_count; i++) /* all blocks of a model send the same ones */
        if (bytes && r->arrays[i].bytes == bytes && memcmp(r->staged + r->arrays[i].at, array, bytes) == 0)
            return (char *)r->stage + r->arrays[i].at;
    size_t at = r->half * HALF + r->staged_bytes;
    if (aligned(bytes) > HALF - r->staged_bytes)
        return NULL;
    if (bytes)
        memcpy(r->staged + at, array, bytes);
    if (r->array_count < MOST_ARRAYS) {
        r->arrays[r->array_count].at = at;
        r->arrays[r->array_count++].bytes = bytes;
    }
    r->staged_bytes += aligned(bytes);
    return (char *)r->stage + at;
}

const void *replay_send(struct arena *arena, const void *array, size_t bytes)
{
    struct replay *r = &arena->queue->replay;
    const void *there = stage(r, array, bytes);
    if (there)
        return there;
    replay_flush(arena->queue);
    r->half = !r->half; /* the call that is made next may need others that were just sent */
    return stage(r, array, bytes);
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

static void fail(struct queue *q, lmvr_status status, const lmvr_error *why)
{
    if (q->status == LMVR_OK && status != LMVR_OK) {
        q->status = status;
        q->why = *why;
    }
}

static void run(struct queue *q)
{
    lmvr_error error;
    lmvr_status status = log_run(&q->replay.log, q->owner->api, q->queue, &error);
    fail(q, status, &error);
}

/* The same step before; NULL: there is none. */
static struct recurring *find(struct replay *r)
{
    for (int i = 0; i < MOST_RECURRING; i++) {
        struct recurring *step = &r->steps[i];
        if (step->size && step->size == r->log.used && memcmp(step->calls, r->log.calls, step->size) == 0)
            return step;
    }
    return NULL;
}

static void forget(const struct cuda_api *api, struct recurring *step)
{
    free(step->calls);
    api->graph_free(step->graph);
    *step = (struct recurring){0};
}

/* Remembers a step in the place of the one that was not seen for the longest time. */
static void remember(struct queue *q)
{
    struct replay *r = &q->replay;
    struct recurring *oldest = &r->steps[0];
    for (int i = 1; i < MOST_RECURRING; i++)
        oldest = r->steps[i].seen < oldest->seen ? &r->steps[i] : oldest;
    forget(q->owner->api, oldest);
    unsigned char *calls = malloc(r->log.used);
    if (!calls)
        return; /* it will be new again */
    memcpy(calls, r->log.calls, r->log.used);
    *oldest = (struct recurring){.calls = calls, .size = r->log.used, .seen = ++r->clock};
}

/* Leaves a notice, once for the GPU. */
static void refuse_graphs(struct queue *q, const lmvr_error *why)
{
    struct cuda_device *d = (struct cuda_device *)q->owner; /* whose notices are its own affair */
    q->replay.refused = true;
    pthread_mutex_lock(&d->lock);
    if (!d->graphs_failed)
        error_write(&d->notice, "decoding is slower than it should be, since its steps are run kernel by kernel: %.900s",
                    why->message);
    d->graphs_failed = true;
    pthread_mutex_unlock(&d->lock);
}

bool replay_take_notice(const struct device *device, lmvr_error *notice)
{
    struct cuda_device *d = (struct cuda_device *)device;
    pthread_mutex_lock(&d->lock);
    bool there = d->notice.message[0];
    if (there)
        *notice = d->notice;
    d->notice.message[0] = '\0';
    pthread_mutex_unlock(&d->lock);
    return there;
}

/* Makes a graph of the log's calls. What fails leaves none, and is tried no more. */
static struct cuda_graph *capture(struct queue *q)
{
    const struct cuda_api *api = q->owner->api;
    lmvr_error why, ended;
    lmvr_status status = LMVR_OK;
    struct cuda_graph *graph = NULL;
    if (q->replay.refused)
        return NULL;
    if (api->capture_begin(q->queue, &why)) {
        status = log_run(&q->replay.log, api, q->queue, &why);
        graph = api->capture_end(q->queue, &ended);
        if (!graph && status == LMVR_OK)
            why = ended;
    }
    if (graph && status == LMVR_OK)
        return graph;
    api->graph_free(graph);
    refuse_graphs(q, &why);
    return NULL;
}

/* A step that comes for the first time is run as it is, so that all that it needs is there when it is captured. */
static void run_or_replay(struct queue *q)
{
    const struct cuda_api *api = q->owner->api;
    struct recurring *step = find(&q->replay);
    if (!step) {
        remember(q);
        run(q);
        return;
    }
    step->seen = ++q->replay.clock;
    if (!step->graph)
        step->graph = capture(q);
    if (step->graph && api->graph_launch(q->queue, step->graph))
        return;
    api->graph_free(step->graph); /* what it needs has moved */
    step->graph = NULL;
    run(q);
}

void replay_flush(struct queue *q)
{
    struct replay *r = &q->replay;
    if (r->log.failed) {
        lmvr_error error;
        fail(q, error_no_memory(&error, "the operations of a step"), &error);
    } else if (r->log.used) {
        if (r->staged_bytes)
            q->owner->api->write(q->queue, (char *)r->stage + r->half * HALF, r->staged + r->half * HALF, r->staged_bytes);
        run_or_replay(q);
    }
    r->log.used = r->staged_bytes = 0;
    r->log.failed = false;
    r->array_count = 0;
}

/* ---- beginning and ending ----------------------------------------------------------------------------------------------- */

static void step_begin(struct arena *arena)
{
    struct replay *r = &arena->queue->replay;
    const struct cuda_device *d = arena->queue->owner;
    if (!r->staged)
        r->staged = malloc(2 * HALF);
    if (!r->stage)
        r->stage = d->api->allocate(d->gpu, 2 * HALF);
    r->half = 0;
    r->on = d->replays && r->staged && r->stage;
    arena->in_step = true;
}

static void step_end(struct arena *arena)
{
    replay_flush(arena->queue);
    arena->queue->replay.on = false;
    arena->in_step = false;
}

void replay_finish(struct queue *q)
{
    for (int i = 0; i < MOST_RECURRING; i++)
        forget(q->owner->api, &q->replay.steps[i]);
    free(q->replay.log.calls);
    free(q->replay.staged);
    q->owner->api->release(q->owner->gpu, q->replay.stage);
}

void cuda_add_step_operations(struct device_operations *operations)
{
    operations->step_begin = step_begin;
    operations->step_end = step_end;
}
