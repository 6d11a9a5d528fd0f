#include "serve/errands.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 2
#define MOST    1024 /* that wait */

struct errand {
    struct exchange *exchange;
    void (*run)(struct exchange *exchange, void *user, uint64_t number);
    void *user;
    uint64_t number;
    atomic_bool lost; /* nobody waits for it */
    struct errand *next;
};

struct errands {
    pthread_t threads[THREADS];
    int started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct errand *first, *last;
    size_t waiting;
    bool closing;
};

/* NULL: there is none, and no other will come. */
static struct errand *take(struct errands *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->first && !e->closing)
        pthread_cond_wait(&e->changed, &e->lock);
    struct errand *errand = e->first;
    if (errand) {
        e->first = errand->next;
        e->last = e->first ? e->last : NULL;
        e->waiting--;
    }
    pthread_mutex_unlock(&e->lock);
    return errand;
}

static void *run(void *argument)
{
    struct errand *errand;
    omp_set_num_threads(1); /* the others are the model's */
    while ((errand = take(argument))) {
        if (!atomic_load(&errand->lost))
            errand->run(errand->exchange, errand->user, errand->number);
        exchange_release(errand->exchange);
    }
    return NULL;
}

/* ---- from the client ------------------------------------------------------------------------------------------------- */

static void lost(enum exchange_end why, void *user)
{
    struct errand *errand = user;
    struct failure failure;
    atomic_store(&errand->lost, true);
    if (why != EXCHANGE_LATE)
        return;
    failure_write(&failure, 504, NULL, "the answer was not ready in time");
    exchange_fail(errand->exchange, &failure);
}

static bool append(struct errands *e, struct errand *errand)
{
    pthread_mutex_lock(&e->lock);
    bool room = e->waiting < MOST;
    if (room) {
        *(e->last ? &e->last->next : &e->first) = errand;
        e->last = errand;
        e->waiting++;
        pthread_cond_signal(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
    return room;
}

void errands_add(struct errands *errands, struct exchange *exchange,
                 void (*run_it)(struct exchange *exchange, void *user, uint64_t number), void *user, uint64_t number)
{
    struct failure failure;
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand) {
        failure_write(&failure, 503, NULL, "out of memory for the request");
        exchange_fail(exchange, &failure);
        return;
    }
    errand->exchange = exchange;
    errand->run = run_it;
    errand->user = user;
    errand->number = number;
    exchange_keep(exchange, lost, free, errand);
    if (append(errands, errand))
        return;
    failure_write(&failure, 429, NULL, "%d requests are waiting for pictures; try again later", MOST);
    exchange_fail(exchange, &failure);
    exchange_release(exchange);
}

/* ---- beginning and end ----------------------------------------------------------------------------------------------- */

lmvr_status errands_create(struct errands **errands, lmvr_error *error)
{
    struct errands *e = *errands = calloc(1, sizeof *e);
    if (!e)
        return error_no_memory(error, "the server's threads");
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    for (; e->started < THREADS; e->started++)
        if (pthread_create(&e->threads[e->started], NULL, run, e) != 0) {
            errands_free(e);
            *errands = NULL;
            return error_no_memory(error, "the server's threads");
        }
    return LMVR_OK;
}

void errands_free(struct errands *errands)
{
    if (!errands)
        return;
    pthread_mutex_lock(&errands->lock);
    errands->closing = true;
    pthread_cond_broadcast(&errands->changed);
    pthread_mutex_unlock(&errands->lock);
    for (int i = 0; i < errands->started; i++)
        pthread_join(errands->threads[i], NULL);
    pthread_cond_destroy(&errands->changed);
    pthread_mutex_destroy(&errands->lock);
    free(errands);
}
