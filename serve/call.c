#include "serve/server_parts.h"

#include <stdlib.h>
#include <string.h>

static struct call *call_of(struct work *work)
{
    return (struct call *)((char *)work - offsetof(struct call, work));
}

static void fail(struct call *call, const struct failure *failure)
{
    if (!exchange_answered(call->exchange))
        exchange_fail(call->exchange, failure);
    else if (call->kind->failed)
        call->kind->failed(call, failure);
}

/* ---- from the sessions ----------------------------------------------------------------------------------------------- */

static void happened(struct work *work, size_t input, const lmvr_event *event, const lmvr_session *session)
{
    struct call *call = call_of(work);
    struct failure failure = {0};
    if (event->result) {
        call->prompt_tokens += event->result->prompt_tokens;
        call->generated_tokens += event->result->token_count;
        metrics_count_input(call->server->metrics, event->result->prompt_tokens, event->result->token_count);
    }
    if (call->kind->happened(call, input, event, session, &failure))
        return;
    sessions_cancel(call->server->sessions, work);
    fail(call, &failure);
}

/* A text's error begins with its number in the session, which means nothing to the client. */
static const char *without_number(const lmvr_image *image, const char *message)
{
    const char *colon = image->path ? NULL : strstr(message, ": ");
    return colon ? colon + 2 : message;
}

static void ended(struct work *work, lmvr_status status, size_t input, const char *message)
{
    struct call *call = call_of(work);
    struct failure failure;
    if (status == LMVR_OK) {
        call->kind->done(call);
        return;
    }
    if (server_lost(call->server, status, message))
        failure_write(&failure, 503, NULL, "%s", message);
    else if (input >= work->count)
        failure_write(&failure, failure_status(status), call->kind->features ? "features" : NULL, "%s", message);
    else if (work->images[input].path)
        failure_write(&failure, failure_status(status), "input", "%s", message);
    else
        failure_write(&failure, failure_status(status), "input", "input[%zu]: %s", input,
                      without_number(&work->images[input], message));
    fail(call, &failure);
}

static void released(struct work *work)
{
    struct call *call = call_of(work);
    if (call->kind->released)
        call->kind->released(call);
    else
        exchange_release(call->exchange);
}

/* ---- from the client ------------------------------------------------------------------------------------------------- */

static void lost(enum exchange_end why, void *user)
{
    struct call *call = user;
    struct failure failure;
    sessions_cancel(call->server->sessions, &call->work);
    if (why == EXCHANGE_LATE) {
        failure_write(&failure, 504, NULL, "the answer was not ready within %d seconds", call->server->options.request_time);
        fail(call, &failure);
    }
}

static void finish(void *user)
{
    struct call *call = user;
    if (call->own)
        call->kind->finish(call);
    request_finish(&call->request);
    free(call);
}

/* ---- beginning ------------------------------------------------------------------------------------------------------- */

static void set_work(struct call *call)
{
    const struct sessions_defaults *defaults = sessions_defaults(call->server->sessions);
    const struct request *r = &call->request;
    call->work = (struct work){.images = r->images,
                               .count = r->count,
                               .describe = r->describe,
                               .attention = call->kind->attention,
                               .happened = happened,
                               .ended = ended,
                               .released = released};
    if (r->feature_count) {
        call->work.features = (const char *const *)r->features;
        call->work.feature_count = r->feature_count;
    } else if (call->kind->features) {
        call->work.usual = !r->describe;
        call->work.features = defaults->features;
        call->work.feature_count = defaults->feature_count;
    }
}

/* What the request asks for has been read, and is submitted. */
static void submit(struct call *call, struct failure *failure)
{
    lmvr_error error;
    set_work(call);
    exchange_keep(call->exchange, lost, finish, call);
    lmvr_status status = sessions_submit(call->server->sessions, &call->work, &error);
    if (status == LMVR_OK)
        return;
    failure_write(failure, failure_status(status), status == LMVR_ERROR_INVALID ? "input" : NULL, "%s", error.message);
    exchange_fail(call->exchange, failure);
    exchange_release(call->exchange);
}

void call_run(struct exchange *exchange, struct server *server, const struct call_kind *kind)
{
    struct failure failure;
    size_t size;
    if (!atomic_load(&server->open)) {
        failure_write(&failure, 503, NULL, "the model is being loaded");
        exchange_fail(exchange, &failure);
        return;
    }
    struct call *call = calloc(1, sizeof *call);
    failure_write(&failure, 503, NULL, "out of memory for the request");
    if (!call) {
        exchange_fail(exchange, &failure);
        return;
    }
    *call = (struct call){.server = server, .exchange = exchange, .kind = kind};
    const void *body = exchange_body(exchange, &size);
    if (kind->read(body, size, &server->rules, &call->request, &failure) && kind->begin(call)) {
        exchange_drop_body(exchange);
        submit(call, &failure);
        return;
    }
    exchange_fail(exchange, &failure);
    finish(call);
}
