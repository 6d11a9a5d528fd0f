/*
 * HTTP/1.1 for a few threads and many connections, by libmicrohttpd: bodies, time limits, keys, and answers that come later or
 * piece by piece. It knows nothing of models.
 *
 * Pages of other sites can neither read answers nor have anything computed: a browser's requests for them are refused (no
 * answer allows them), and so is, at a loopback address without a key, a name that is not this machine's, as of a site that
 * gives its own name this machine's address.
 *
 * A request is an exchange. When all of it has come, its route's function is called, which answers at once, or calls
 * exchange_keep() and has another thread answer. While an exchange waits for its answer, no thread does.
 */
#ifndef LMVR_SERVE_HTTP_H
#define LMVR_SERVE_HTTP_H

#include "serve/failure.h"

struct http;
struct exchange;

struct http_route {
    const char *method; /* "GET", which HEAD is too, or "POST", whose body is JSON */
    const char *path;   /* if it ends in '/', all that begins so */
    bool open;          /* to clients without a key, and while the server drains */
    void (*run)(struct exchange *exchange, void *user);
};

struct http_options {
    const char *host;        /* a name or an address, IPv4 or IPv6 */
    int port;                /* 0: a free one */
    const char *key;         /* that clients have to give as a bearer's; NULL: none */
    size_t max_body;         /* bytes; eight times as many may be in memory, of all requests together */
    int connections;         /* at most */
    int address_connections; /* of one address, at most; 0: all */
    int receive_time;        /* seconds that a client has for its request, or to begin the next */
    int request_time;        /* seconds that an answer may take */
    const struct http_route *routes;
    size_t route_count;
    void *user; /* of the routes' functions, and of the next */
    /* Called when an exchange is over, with its route's path, or "other", and the seconds since the request had come. */
    void (*done)(const char *path, int status, double seconds, void *user);
};

/* Listens from now on, at an address that http_address() tells. What `options` points to has to stay. */
lmvr_status http_start(const struct http_options *options, struct http **http, lmvr_error *error);
/* "http://127.0.0.1:8080" */
const char *http_address(const struct http *http);
/* Answers new requests 503, and waits until those that came before are answered. */
void http_drain(struct http *http);
/* Closes all connections. NULL is allowed, as in the next. */
void http_stop(struct http *http);
/* Frees, once all exchanges have been released. */
void http_free(struct http *http);

/* ---- in a route's function ------------------------------------------------------------------------------------------- */

/* What follows the route's path. */
const char *exchange_rest(const struct exchange *exchange);
const void *exchange_body(const struct exchange *exchange, size_t *size);
/* Frees the body. */
void exchange_drop_body(struct exchange *exchange);

/* Why an answer is not wanted any more. */
enum exchange_end {
    EXCHANGE_GONE, /* the client hung up, or the server stops: it cannot be answered */
    EXCHANGE_LATE  /* the time is over: it is to be answered so */
};

/* For answers that come later. `lost` may be called from another thread, at most once for each reason, until `finish` is
 * called, when nobody needs the exchange any more. `user` is passed to both. exchange_release() says that it has been answered.
 */
void exchange_keep(struct exchange *exchange, void (*lost)(enum exchange_end why, void *user), void (*finish)(void *user),
                   void *user);
void exchange_release(struct exchange *exchange);

/* ---- from any thread ------------------------------------------------------------------------------------------------- */

/* Answers with `text`, which is taken over; NULL: out of memory. Only the first answer counts. */
void exchange_answer(struct exchange *exchange, int status, const char *type, char *text, size_t size);
/* The same with a failure's JSON. */
void exchange_fail(struct exchange *exchange, const struct failure *failure);

/* An answer that comes in pieces: the first piece begins it, with status 200, and the last is told by exchange_end(). */
void exchange_write(struct exchange *exchange, const char *type, const char *text, size_t size);
void exchange_end(struct exchange *exchange);

/* What never changes. Another's browser may keep it, and asks whether it is still so. */
struct http_file {
    const char *type;
    const char *text; /* (size) */
    size_t size;
    char tag[24];       /* of the text, in quotes */
    const char *policy; /* what a page may load, as Content-Security-Policy; NULL: nothing is said */
};

/* Answers with a file, whose strings have to stay as long as the server, in a route's function. */
void exchange_answer_file(struct exchange *exchange, const struct http_file *file);
/* Whether an answer, or its first piece, has been given. */
bool exchange_answered(struct exchange *exchange);

#endif
