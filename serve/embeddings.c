/* POST /v1/embeddings */
#include "serve/reply.h"
#include "serve/server_parts.h"

#include <stdlib.h>
#include <string.h>

/* call.own is the objects of the answer's list, one for each input. */
static bool begin(struct call *call)
{
    call->own = calloc(call->request.count + 1, sizeof(char *));
    return call->own != NULL;
}

static void finish(struct call *call)
{
    char **objects = call->own;
    for (size_t i = 0; i < call->request.count; i++)
        free(objects[i]);
    free(objects);
}

static bool check_form(const struct call *call, const lmvr_session *session, struct failure *failure)
{
    const struct request *r = &call->request;
    for (size_t i = 0; i < lmvr_session_feature_count(session); i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(session, i, &info);
        if ((size_t)r->dimensions > info.dim)
            return failure_set(failure, 400, "dimensions", "dimensions is %d, but %s has %zu", r->dimensions, info.spec,
                               info.dim);
    }
    return true;
}

static bool happened(struct call *call, size_t input, const lmvr_event *event, const lmvr_session *session,
                     struct failure *failure)
{
    char **objects = call->own;
    if (!event->result)
        return true;
    if (!check_form(call, session, failure))
        return false;
    objects[input] = reply_vector(&call->request, input, event->result, session);
    return objects[input] || failure_set(failure, 500, NULL, "out of memory for the answer");
}

static void done(struct call *call)
{
    char *text =
        reply_vectors(call->server->model_name, call->own, call->request.count, call->prompt_tokens, call->generated_tokens);
    exchange_answer(call->exchange, 200, "application/json", text, text ? strlen(text) : 0);
}

const struct call_kind call_embeddings = {
    .read = request_read_embeddings, .features = true, .begin = begin, .happened = happened, .done = done, .finish = finish};
