/* What the files of server.h share. */
#ifndef LMVR_SERVE_SERVER_PARTS_H
#define LMVR_SERVE_SERVER_PARTS_H

#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/request.h"
#include "serve/server.h"
#include "serve/sessions.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct searcher;

struct server {
    struct server_options options;
    struct http *http;
    struct metrics *metrics;
    char *media_path; /* as realpath() gives it */
    time_t created;
    atomic_size_t answers; /* that have been given a number */

    atomic_bool open; /* the rest is there */
    atomic_bool lost; /* the model's GPUs have failed */
    const lmvr_model *model;
    char *model_name;
    char *offer; /* the JSON of GET /v1/models/MODEL */
    struct sessions *sessions;
    struct request_rules rules;
    struct server_index index;
    struct searcher *searcher; /* NULL: there is no index, and so the next */
    struct errands *errands;
    int most_pixels; /* of a picture in its file */
    pthread_mutex_t map_lock;
    char *map; /* the answer to GET /v1/index/map; NULL: nobody has asked yet */
};

/* ---- call.c ---------------------------------------------------------------------------------------------------------- */

struct call;

/* A kind of request that the model answers. All functions of a call are called one after another. */
struct call_kind {
    bool (*read)(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                 struct failure *failure);
    bool features;  /* are computed, those of the server if the request names none */
    bool attention; /* is, in place of features */
    /* Prepares; false: out of memory. */
    bool (*begin)(struct call *call);
    /* An input has a result, or tokens. False: *failure says why the call ends. */
    bool (*happened)(struct call *call, size_t input, const lmvr_event *event, const lmvr_session *session,
                     struct failure *failure);
    /* All inputs have their results: the call is to be answered. */
    void (*done)(struct call *call);
    /* Of an answer that has begun; NULL: answers come at once. */
    void (*failed)(struct call *call, const struct failure *failure);
    void (*finish)(struct call *call);
    /* The sessions have done with it; releases its exchange, at once or later. NULL: at once. */
    void (*released)(struct call *call);
};

/* A request on its way from the client to the sessions and back. */
struct call {
    struct server *server;
    struct exchange *exchange;
    const struct call_kind *kind;
    struct request request;
    struct work work;
    void *own; /* the kind's */
    size_t prompt_tokens, generated_tokens;
};

/* Whether an error is that the model's GPUs have failed; of which the first tells who started the server. */
bool server_lost(struct server *server, lmvr_status status, const char *message);

void call_run(struct exchange *exchange, struct server *server, const struct call_kind *kind);

extern const struct call_kind call_embeddings, call_chat, call_attention, call_search;

#endif
