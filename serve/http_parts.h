/* What the files of http.h share: http.c listens and takes requests, exchange.c answers them, peers.c looks after clients. */
#ifndef LMVR_SERVE_HTTP_PARTS_H
#define LMVR_SERVE_HTTP_PARTS_H

#include "serve/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* A client's connection. */
struct peer {
    struct peer *previous, *next;
    int fd;
    double since;              /* when it connected, or was last answered, or sent its request */
    double hung_up;            /* when it was seen to have; 0: it has not */
    bool receiving;            /* its request has not come */
    bool answered;             /* some request has been */
    int refused;               /* the status that peer_refuse() has told it; 0: none */
    struct exchange *exchange; /* NULL: it has sent nothing of a request yet */
};

struct http {
    struct http_options options;
    int listener;
    char address[280];
    bool loopback; /* the address is reached from this machine alone */
    struct MHD_Daemon *daemon;
    pthread_t watcher;
    bool watched;

    pthread_mutex_t lock; /* of what follows, and of peers. Taken before an exchange's, if both are */
    pthread_cond_t changed;
    struct peer *peers;
    size_t body_bytes, running; /* of all exchanges; those that a drain waits for */
    atomic_bool draining;
    bool stopping;
};

struct exchange {
    struct http *http;
    struct peer *peer;
    const struct http_route *route; /* NULL: no such path */
    char *path;
    uint8_t *body;
    size_t size, room;
    struct failure failure; /* to be refused with, once all has come */
    char allow[64];         /* methods that the path has, where that is wrong */
    bool begun, counted;
    double began;
    atomic_int owners;
    void (*lost)(enum exchange_end why, void *user);
    void (*finish)(void *user);
    void *user;

    pthread_mutex_t lock;              /* of what follows */
    struct MHD_Connection *connection; /* NULL: it is over */
    bool suspended, answered, pieces, ended, aborted, late;
    int status;
    const char *type;
    struct http_file file; /* in place of `text`, if it has one */
    char *text;            /* the answer, or those of its pieces that have not been sent */
    size_t text_size, text_room;
};

double clock_seconds(void);

/* ---- origin.c -------------------------------------------------------------------------------------------------------- */

/* A header of the request; "": it has none. */
const char *header_of(struct MHD_Connection *connection, const char *name);
/* Whether a request is one that this server's own page, or no page at all, can have made. If not, its failure says so. */
bool origin_check(struct exchange *exchange, struct MHD_Connection *connection, const char *method);

/* ---- exchange.c ------------------------------------------------------------------------------------------------------ */

struct exchange *exchange_create(struct http *http, struct MHD_Connection *connection, struct peer *peer, const char *path);
/* A reference more; exchange_release() is one less. */
void exchange_retain(struct exchange *exchange);
/* Gives libmicrohttpd the answer, or suspends the connection until there is one. */
enum MHD_Result exchange_respond(struct exchange *exchange);
/* Closes the connection without an answer. */
void exchange_abort(struct exchange *exchange);
/* Tells the exchange's keeper, once. */
void exchange_tell(struct exchange *exchange, enum exchange_end why);

/* ---- peers.c --------------------------------------------------------------------------------------------------------- */

/* Called by libmicrohttpd for each connection that begins or ends. */
void peer_changed(void *http, struct MHD_Connection *connection, void **peer, enum MHD_ConnectionNotificationCode code);
/* Sends a failure at once, although the request has not come, and nothing afterwards. Under the lock. */
void peer_refuse(struct peer *peer, const struct failure *failure);
/* The watcher's thread: ends requests that do not come, or take too long, or whose client has hung up. */
void *peers_watch(void *http);

#endif
