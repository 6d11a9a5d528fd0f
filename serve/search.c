/* POST /v1/search */
#include "serve/search.h"

#include "search/answer.h"
#include "serve/reply.h"

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 64 /* vectors that are searched for at once, unless one call has more */

/* A call's own. */
struct question {
    float *vectors; /* (count, dim) */
    bool whole;     /* all are there */
    struct call *next;
};

struct searcher {
    struct server_index index;
    int threads;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct call *first, *last; /* that wait */
    bool closing;
};

static struct question *question_of(const struct call *call)
{
    return call->own;
}

/* ---- the searcher's thread ------------------------------------------------------------------------------------------- */

/* Takes the first call, and those after it that are searched for likewise, as long as they are few; NULL: none. Waits. */
static struct call *take_calls(struct searcher *s, size_t *vectors)
{
    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->closing)
        pthread_cond_wait(&s->changed, &s->lock);
    struct call *first = s->first, *last = first;
    *vectors = first ? first->request.count : 0;
    for (struct call *call; first && (call = question_of(last)->next); last = call) {
        if (call->request.dot != first->request.dot || *vectors + call->request.count > TOGETHER)
            break;
        *vectors += call->request.count;
    }
    if (first) {
        s->first = question_of(last)->next;
        s->last = s->first ? s->last : NULL;
        question_of(last)->next = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return first;
}

static json_t *list_answers(const struct searcher *s, const struct call *call, const struct neighbor *found, size_t top,
                            const size_t *counts, lmvr_status *status, lmvr_error *error)
{
    json_t *list = json_array(), *results;
    size_t wanted = (size_t)call->request.top;
    for (size_t i = 0; i < call->request.count && *status == LMVR_OK; i++) {
        *status = answer_make(s->index.stored, found + i * top, counts[i] < wanted ? counts[i] : wanted, &results, error);
        if (*status == LMVR_OK)
            json_array_append_new(list,
                                  json_pack("{s:s, s:I, s:o}", "object", "search", "index", (json_int_t)i, "results", results));
    }
    return list;
}

static void answer(const struct searcher *s, struct call *call, const struct neighbor *found, size_t top, const size_t *counts)
{
    struct failure failure;
    lmvr_error error;
    lmvr_status status = LMVR_OK;
    json_t *list = list_answers(s, call, found, top, counts, &status, &error);
    json_t *whole = json_pack("{s:s, s:s, s:o, s:o}", "object", "list", "model", call->server->model_name, "data", list,
                              "usage", reply_usage(call->prompt_tokens, call->generated_tokens));
    if (status != LMVR_OK) {
        failure_write(&failure, 500, NULL, "%s", error.message);
        exchange_fail(call->exchange, &failure);
    } else {
        char *text = whole ? json_dumps(whole, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
        exchange_answer(call->exchange, 200, "application/json", text, text ? strlen(text) : 0);
    }
    json_decref(whole);
}

/* Searches for the vectors of several calls. */
static lmvr_status find(const struct searcher *s, const struct call *calls, size_t vectors, size_t top, struct neighbor *found,
                        size_t *counts, lmvr_error *error)
{
    size_t dim = neighbors_dim(s->index.neighbors), at = 0;
    float *all = malloc(vectors * dim * sizeof *all);
    if (!all || !found || !counts) {
        free(all);
        return error_no_memory(error, "the search");
    }
    for (const struct call *call = calls; call; call = question_of(call)->next) {
        memcpy(all + at * dim, question_of(call)->vectors, call->request.count * dim * sizeof *all);
        at += call->request.count;
    }
    struct neighbors_search search = {
        .queries = all, .count = vectors, .top = top, .metric = calls->request.dot ? NEIGHBORS_DOT : NEIGHBORS_COSINE};
    lmvr_status status = neighbors_find(s->index.neighbors, &search, found, counts, error);
    free(all);
    return status;
}

static void answer_calls(const struct searcher *s, struct call *calls, size_t vectors)
{
    lmvr_error error;
    struct failure failure;
    size_t top = 1, at = 0;
    for (const struct call *call = calls; call; call = question_of(call)->next)
        top = (size_t)call->request.top > top ? (size_t)call->request.top : top;
    struct neighbor *found = calloc(vectors * top, sizeof *found);
    size_t *counts = calloc(vectors, sizeof *counts);
    lmvr_status status = find(s, calls, vectors, top, found, counts, &error);
    for (struct call *next, *call = calls; call; call = next) {
        next = question_of(call)->next;
        if (status == LMVR_OK) {
            answer(s, call, found + at * top, top, counts + at);
        } else {
            failure_write(&failure, 500, NULL, "%s", error.message);
            exchange_fail(call->exchange, &failure);
        }
        at += call->request.count;
        exchange_release(call->exchange);
    }
    free(found);
    free(counts);
}

static void *run(void *argument)
{
    struct searcher *s = argument;
    struct call *calls;
    size_t vectors;
    if (s->threads > 0)
        omp_set_num_threads(s->threads);
    while ((calls = take_calls(s, &vectors)))
        answer_calls(s, calls, vectors);
    return NULL;
}

lmvr_status searcher_create(const struct server_index *index, int threads, struct searcher **searcher, lmvr_error *error)
{
    struct searcher *s = calloc(1, sizeof *s);
    *searcher = NULL;
    if (!s)
        return error_no_memory(error, "the search");
    s->index = *index;
    s->threads = threads;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        free(s);
        return error_no_memory(error, "the search's thread");
    }
    *searcher = s;
    return LMVR_OK;
}

void searcher_free(struct searcher *searcher)
{
    if (!searcher)
        return;
    pthread_mutex_lock(&searcher->lock);
    searcher->closing = true;
    pthread_cond_signal(&searcher->changed);
    pthread_mutex_unlock(&searcher->lock);
    pthread_join(searcher->thread, NULL);
    pthread_cond_destroy(&searcher->changed);
    pthread_mutex_destroy(&searcher->lock);
    free(searcher);
}

/* ---- a call ---------------------------------------------------------------------------------------------------------- */

static size_t dim_of(const struct call *call)
{
    return neighbors_dim(call->server->index.neighbors);
}

static bool begin(struct call *call)
{
    struct question *question = call->own = calloc(1, sizeof *question);
    if (!question)
        return false;
    call->request.features = (char **)&call->server->index.stored->spec;
    call->request.feature_count = 1;
    question->vectors = calloc(call->request.count, dim_of(call) * sizeof *question->vectors);
    return question->vectors != NULL;
}

static void finish(struct call *call)
{
    free(question_of(call)->vectors);
    free(call->own);
}

static bool happened(struct call *call, size_t input, const lmvr_event *event, const lmvr_session *session,
                     struct failure *failure)
{
    size_t dim = dim_of(call);
    float *vector = question_of(call)->vectors + input * dim, *row;
    if (!event->result)
        return true;
    lmvr_feature_info info;
    lmvr_session_get_feature(session, 0, &info);
    size_t kept = call->request.dimensions ? (size_t)call->request.dimensions : info.dim;
    if (info.multi_vector || kept > info.dim || kept != dim)
        return failure_set(failure, 500, NULL, "the index's rows have %zu values, but %s of this model has %zu", dim, info.spec,
                           info.dim);
    row = reply_row(&call->request, event->result, session);
    if (!row)
        return failure_set(failure, 500, NULL, "out of memory for the answer");
    memcpy(vector, row, dim * sizeof *vector);
    free(row);
    for (size_t i = 0; i < dim; i++)
        if (!isfinite(vector[i]))
            return failure_set(failure, 400, "input", "input[%zu]: its vector has a value that is not finite", input);
    return true;
}

static void done(struct call *call)
{
    question_of(call)->whole = true;
}

/* The sessions need it no more: it is searched for, and then released. */
static void released(struct call *call)
{
    struct searcher *s = call->server->searcher;
    if (!question_of(call)->whole) {
        exchange_release(call->exchange);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (s->last)
        question_of(s->last)->next = call;
    else
        s->first = call;
    s->last = call;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

const struct call_kind call_search = {.read = request_read_search,
                                      .features = true,
                                      .begin = begin,
                                      .happened = happened,
                                      .done = done,
                                      .finish = finish,
                                      .released = released};
