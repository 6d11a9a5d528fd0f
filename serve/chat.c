/* POST /v1/chat/completions */
#include "serve/reply.h"
#include "serve/server_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chat {
    struct reply_chat reply;
    char id[48];
    char *answer; /* of one that is not streamed */
};

static bool begin(struct call *call)
{
    struct server *server = call->server;
    struct chat *chat = call->own = calloc(1, sizeof *chat);
    if (!chat)
        return false;
    snprintf(chat->id, sizeof chat->id, "chatcmpl-%llx-%zx", (unsigned long long)server->created,
             atomic_fetch_add(&server->answers, 1));
    chat->reply = (struct reply_chat){.model = server->model_name, .id = chat->id, .created = time(NULL)};
    return true;
}

static void finish(struct call *call)
{
    struct chat *chat = call->own;
    free(chat->answer);
    free(chat);
}

/* Sends a piece, which is taken over. */
static bool write_piece(struct call *call, char *text)
{
    if (text)
        exchange_write(call->exchange, "text/event-stream", text, strlen(text));
    free(text);
    return text != NULL;
}

static bool stream(struct call *call, const lmvr_event *event)
{
    static const char end[] = "data: [DONE]\n\n";
    const struct reply_chat *reply = &((struct chat *)call->own)->reply;
    bool good = exchange_answered(call->exchange) || write_piece(call, reply_chat_begin(reply));
    if (good && *event->text)
        good = write_piece(call, reply_chat_text(reply, event->text));
    if (!event->result)
        return good;
    good = good && write_piece(call, reply_chat_end(reply, event->result->finished));
    if (call->request.usage)
        good = good && write_piece(call, reply_chat_usage(reply, call->prompt_tokens, call->generated_tokens));
    exchange_write(call->exchange, "text/event-stream", end, good ? sizeof end - 1 : 0);
    return good;
}

static bool happened(struct call *call, size_t input, const lmvr_event *event, const lmvr_session *session,
                     struct failure *failure)
{
    struct chat *chat = call->own;
    (void)input, (void)session;
    bool good = true;
    if (call->request.stream)
        good = stream(call, event);
    else if (event->result)
        good = (chat->answer = reply_chat(&chat->reply, event->result)) != NULL;
    return good || failure_set(failure, 500, NULL, "out of memory for the answer");
}

static void done(struct call *call)
{
    struct chat *chat = call->own;
    if (call->request.stream)
        exchange_end(call->exchange);
    else
        exchange_answer(call->exchange, 200, "application/json", chat->answer, strlen(chat->answer));
    chat->answer = NULL;
}

static void failed(struct call *call, const struct failure *failure)
{
    write_piece(call, reply_chat_failure(failure));
    exchange_end(call->exchange);
}

const struct call_kind call_chat = {
    .read = request_read_chat, .begin = begin, .happened = happened, .done = done, .failed = failed, .finish = finish};
