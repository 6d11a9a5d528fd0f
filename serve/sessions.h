/*
 * The sessions that requests are computed in. All requests for the same features share one session, and so one batch; sessions
 * for other features are made as they are asked for, of one model, and the one that has been idle for longest makes room. Each
 * is fed, and its results are taken, by a thread of its own. Requests take turns, an input each.
 */
#ifndef LMVR_SERVE_SESSIONS_H
#define LMVR_SERVE_SESSIONS_H

#include "error.h"

struct sessions;
struct slot;
struct work_input;

/* What one request wants computed. What it points to has to stay until `released`. The functions are called from one thread. */
struct work {
    const lmvr_image *images; /* (count); their `user` is not used */
    size_t count;
    bool usual;                  /* in the session of the server's own features; else: */
    const char *const *features; /* (feature_count), as in lmvr_session_options, and so is the next */
    size_t feature_count;
    bool describe;
    bool attention; /* in place of features and description: attention maps, and the response */
    /* An event of an input: tokens or its result, whose status is LMVR_OK. Not called after `ended`. */
    void (*happened)(struct work *work, size_t input, const lmvr_event *event, const lmvr_session *session);
    /* All inputs have their results; or one, or the session, cannot be: LMVR_ERROR_INPUT, or LMVR_ERROR_INVALID where it is not
     * the input's fault. */
    void (*ended)(struct work *work, lmvr_status status, size_t input, const char *message);
    /* Nobody reads the work any more. */
    void (*released)(struct work *work);

    /* of the sessions */
    struct slot *slot;
    struct work *next;
    struct work_input *inputs; /* (count) */
    size_t submitted, in_session, done;
    bool answered; /* `ended` is being called, or it has been cancelled */
    bool over;     /* `ended` has been called, or it has been cancelled */
};

struct sessions_options {
    const lmvr_model *model;
    lmvr_session_options session; /* with the server's features; what it points to has to stay */
    int most;                     /* sessions, at least 1 */
    size_t queue;                 /* inputs that have no result yet, at most */
};

/* Makes the session of the server's features, too. */
lmvr_status sessions_create(const struct sessions_options *options, struct sessions **sessions, lmvr_error *error);
/* Waits until all that was submitted has been released, and frees. NULL is allowed. */
void sessions_free(struct sessions *sessions);

/* Begins. LMVR_FULL: there is no room for so many inputs, or all sessions are busy with other features; LMVR_ERROR_INVALID:
 * there never will be. In these cases nothing is called. */
lmvr_status sessions_submit(struct sessions *sessions, struct work *work, lmvr_error *error);
/* No new call is made but that of `released`, of which the caller keeps the work alive meanwhile. A work that has not been
 * submitted will be refused. */
void sessions_cancel(struct sessions *sessions, struct work *work);

struct sessions_state {
    size_t waiting, running; /* inputs: without a place in the batch, and with one */
    int sessions, batch;     /* batch: of all sessions together */
};

void sessions_get_state(struct sessions *sessions, struct sessions_state *state);
/* What the session of the server's own features has. */
struct sessions_defaults {
    const char *const *features; /* (feature_count), as in lmvr_session_options */
    size_t feature_count;
    int max_new_tokens;
    const char *prompt; /* NULL: none */
    bool generates;
};

const struct sessions_defaults *sessions_defaults(const struct sessions *sessions);

#endif
