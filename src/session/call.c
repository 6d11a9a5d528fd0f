#include "session/call.h"

#include <omp.h>
#include <stdlib.h>

static void outcome_clear(const struct lmvr_session *s, struct outcome *outcome)
{
    feature_rows_free(&s->features, outcome->vectors);
    free(outcome->tokens);
    free(outcome->attention);
    *outcome = (struct outcome){0};
}

/* ---- reporting ---------------------------------------------------------------------------------------------------------- */

/* Fills in the response's part of a result. The caller frees *response and *ends. */
static lmvr_status read_response(const struct lmvr_session *s, const struct outcome *o, lmvr_result *result, char **response,
                                 uint32_t **ends, lmvr_error *error)
{
    result->tokens = o->tokens;
    result->token_count = (size_t)o->count;
    result->finished = o->ended;
    if (s->model->tokenizer)
        TRY(tokenizer_decode(s->model->tokenizer, o->tokens, (size_t)o->count, response, error));
    result->response = *response ? *response : "";
    if (!o->attention)
        return LMVR_OK;
    *ends = calloc((size_t)o->count + 1, sizeof **ends);
    if (!*ends)
        return error_no_memory(error, "the response's tokens");
    if (s->model->tokenizer)
        TRY(tokenizer_ends(s->model->tokenizer, o->tokens, (size_t)o->count, *ends, error));
    result->token_ends = *ends;
    result->attention = o->attention;
    result->grid_rows = o->grid_rows;
    result->grid_columns = o->grid_columns;
    return LMVR_OK;
}

static lmvr_status report(struct call *call, size_t index, const struct outcome *o, lmvr_error *error)
{
    const struct lmvr_session *s = call->session;
    lmvr_result result = {.index = index, .status = o->status, .view = o->view};
    char *response = NULL;
    uint32_t *ends = NULL;
    lmvr_status status = LMVR_OK;
    if (o->status != LMVR_OK) {
        result.error = o->error.message;
    } else {
        for (int i = 0; i < s->features.count; i++) {
            call->rows[i] = o->vectors[i].values;
            call->row_counts[i] = o->vectors[i].count;
        }
        result.features = call->rows;
        result.rows = call->row_counts;
        if (s->generates)
            status = read_response(s, o, &result, &response, &ends, error);
    }
    if (status == LMVR_OK && call->on_result(&result, call->user))
        status = error_set(error, LMVR_STOPPED, "stopped by the caller");
    free(response);
    free(ends);
    return status;
}

static bool is_ready(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    bool ready = call->reported < call->count && call_outcome(call, call->reported)->ready;
    pthread_mutex_unlock(&call->lock);
    return ready;
}

static lmvr_status report_ready(struct call *call, lmvr_error *error)
{
    while (is_ready(call)) {
        struct outcome *o = call_outcome(call, call->reported);
        lmvr_status status = report(call, call->reported, o, error);
        outcome_clear(call->session, o);
        pthread_mutex_lock(&call->lock);
        call->reported++;
        pthread_cond_broadcast(&call->changed);
        pthread_mutex_unlock(&call->lock);
        TRY(status);
    }
    return LMVR_OK;
}

lmvr_status call_report(struct call *call, lmvr_error *error)
{
    return call->replicas == 1 ? report_ready(call, error) : LMVR_OK; /* else the calling thread does */
}

/* ---- what replicas take and give ---------------------------------------------------------------------------------------- */

struct outcome *call_outcome(const struct call *call, size_t index)
{
    return &call->outcomes[index % call->window];
}

void call_settle(struct call *call, struct outcome *outcome)
{
    pthread_mutex_lock(&call->lock);
    outcome->ready = true;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
}

size_t call_share(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    size_t replicas = (size_t)call->replicas, share = (call->count - call->loaded + replicas - 1) / replicas;
    pthread_mutex_unlock(&call->lock);
    return share;
}

/* Whether the next image may be taken. */
static bool is_open(const struct call *call)
{
    return call->loaded < call->count && call->loaded < call->reported + call->window;
}

bool call_take(struct call *call, struct loaded *loaded)
{
    pthread_mutex_lock(&call->lock);
    bool open = is_open(call);
    call->loaded += open;
    pthread_mutex_unlock(&call->lock);
    return open && image_loader_next(call->loader, loaded);
}

bool call_wait(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    while (!call->stopped && call->loaded < call->count && !is_open(call))
        pthread_cond_wait(&call->changed, &call->lock);
    bool more = !call->stopped && call->loaded < call->count;
    pthread_mutex_unlock(&call->lock);
    return more;
}

bool call_stopped(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    bool stopped = call->stopped;
    pthread_mutex_unlock(&call->lock);
    return stopped;
}

/* ---- several replicas --------------------------------------------------------------------------------------------------- */

/* A replica's thread. */
struct worker {
    struct call *call;
    struct lmvr_session *session;
    replica_fn *replica;
    int threads; /* that it computes with */
    pthread_t thread;
};

/* Ends all replicas; the first who does so says why. */
static void stop(struct call *call, lmvr_status status, const lmvr_error *error)
{
    pthread_mutex_lock(&call->lock);
    if (!call->stopped && status != LMVR_OK) {
        call->status = status;
        call->error = *error;
    }
    call->stopped = true;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    lmvr_error error;
    omp_set_num_threads(w->threads);
    lmvr_status status = w->replica(w->call, w->session, &error);
    if (status != LMVR_OK)
        stop(w->call, status, &error);
    return NULL;
}

/* Waits for the result that is reported next. False: there is none, or the replicas end. */
static bool wait_for_result(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    while (!call->stopped && call->reported < call->count && !call_outcome(call, call->reported)->ready)
        pthread_cond_wait(&call->changed, &call->lock);
    bool more = !call->stopped && call->reported < call->count;
    pthread_mutex_unlock(&call->lock);
    return more;
}

/* Reports what the workers give. */
static void report_all(struct call *call)
{
    lmvr_error error;
    while (wait_for_result(call)) {
        lmvr_status status = report_ready(call, &error);
        if (status != LMVR_OK)
            stop(call, status, &error);
    }
}

static lmvr_status run_workers(struct call *call, replica_fn *replica, struct worker *workers, lmvr_error *error)
{
    int threads = omp_get_max_threads() / call->replicas, started = 0;
    struct lmvr_session *session = call->session;
    for (; started < call->replicas; started++, session = session->next) {
        workers[started] = (struct worker){call, session, replica, threads > 0 ? threads : 1, 0};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
            break;
    }
    if (started < call->replicas)
        stop(call, error_no_memory(error, "the replicas' threads"), error);
    report_all(call);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    lmvr_error ignored; /* one failure is told */
    if (call->status != LMVR_OK && call->status != LMVR_STOPPED)
        (void)report_ready(call, &ignored);
    return call->status == LMVR_OK ? LMVR_OK : error_set(error, call->status, "%s", call->error.message);
}

lmvr_status call_run(struct call *call, replica_fn *replica, lmvr_error *error)
{
    if (call->replicas == 1)
        return replica(call, call->session, error);
    struct worker *workers = calloc((size_t)call->replicas, sizeof *workers);
    if (!workers)
        return error_no_memory(error, "the replicas' threads");
    lmvr_status status = run_workers(call, replica, workers, error);
    free(workers);
    return status;
}

/* ---- beginning and ending ----------------------------------------------------------------------------------------------- */

lmvr_status call_begin(struct call *call, lmvr_error *error)
{
    const struct lmvr_session *s = call->session;
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->changed, NULL);
    const struct lmvr_session *replica = s;
    do {
        call->replicas++;
        call->window += 4 * (size_t)replica->batch + 2 * (size_t)replica->encode_batch;
        replica = replica->next;
    } while (replica);
    call->outcomes = calloc(call->window, sizeof *call->outcomes);
    call->rows = calloc((size_t)s->features.count + 1, sizeof *call->rows);
    call->row_counts = calloc((size_t)s->features.count + 1, sizeof *call->row_counts);
    if (!call->outcomes || !call->rows || !call->row_counts)
        return error_no_memory(error, "the results");
    return image_loader_start(s, call->replicas, call->images, call->count, &call->loader, error);
}

void call_finish(struct call *call)
{
    image_loader_stop(call->loader);
    for (size_t i = 0; call->outcomes && i < call->window; i++)
        outcome_clear(call->session, &call->outcomes[i]);
    free(call->outcomes);
    free(call->rows);
    free(call->row_counts);
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
}
