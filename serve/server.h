/*
 * The server: OpenAI's endpoints for embeddings and chat, and what is needed to run it, on one model.
 *
 *     server_start()    listens at once, and answers 503 as long as there is no model
 *     server_open()     gives it the model
 *     server_drain()    answers what has come, and refuses what comes
 *     server_free()
 *
 * http.h moves bytes, request.h reads them, sessions.h computes, reply.h writes; an answer's way through them is a call
 * (call.h), of which embeddings.c and chat.c have a kind each.
 */
#ifndef LMVR_SERVE_SERVER_H
#define LMVR_SERVE_SERVER_H

#include "search/neighbors.h"
#include "store/stored.h"

struct server;

/* Begin with server_options_default(). What is pointed to has to stay. */
struct server_options {
    const char *host, *key, *media_path; /* key, media_path: NULL: none */
    int port;                            /* 0: a free one */
    int max_body;                        /* MiB */
    int connections, address_connections;
    int receive_time, request_time; /* seconds for a client's request, and for its answer */
    int queue;                      /* inputs at once */
    int sessions;                   /* with features of their own */
    bool no_page;
    /* Called once, from a thread of the server, when the last GPU of the model has failed, and nothing can be answered any
     * more. NULL is allowed. */
    void (*lost)(const char *sentence, void *user);
    void *lost_user;
};

void server_options_default(struct server_options *options);

lmvr_status server_start(const struct server_options *options, struct server **server, lmvr_error *error);
/* "http://127.0.0.1:8080" */
const char *server_address(const struct server *server);
/* A folder of results to be searched, and its rows. */
struct server_index {
    const struct stored *stored; /* NULL: none */
    const struct neighbors *neighbors;
};

/* `session` has the features, and all else, that requests do not say; what it points to has to stay, and so have the model and
 * the index, whose rows have to be what that session makes. `name` is the model's for clients, and is copied. */
lmvr_status server_open(struct server *server, const lmvr_model *model, const lmvr_session_options *session, const char *name,
                        const struct server_index *index, lmvr_error *error);
void server_drain(struct server *server);
/* Ends what is there. NULL is allowed. Free it before the model. */
void server_free(struct server *server);

#endif
