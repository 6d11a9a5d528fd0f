#include "serve/http_parts.h"

#include <stdlib.h>
#include <string.h>

struct exchange *exchange_create(struct http *http, struct MHD_Connection *connection, struct peer *peer, const char *path)
{
    struct exchange *e = calloc(1, sizeof *e);
    char *copy = strdup(path);
    if (!e || !copy) {
        free(e);
        free(copy);
        return NULL;
    }
    e->http = http;
    e->connection = connection;
    e->peer = peer;
    e->path = copy;
    e->began = clock_seconds();
    e->owners = 1;
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

void exchange_retain(struct exchange *exchange)
{
    atomic_fetch_add(&exchange->owners, 1);
}

void exchange_release(struct exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->owners, 1) > 1)
        return;
    if (exchange->finish)
        exchange->finish(exchange->user);
    exchange_drop_body(exchange);
    pthread_mutex_destroy(&exchange->lock);
    free(exchange->path);
    free(exchange->text);
    free(exchange);
}

const char *exchange_rest(const struct exchange *exchange)
{
    return exchange->path + strlen(exchange->route->path);
}

const void *exchange_body(const struct exchange *exchange, size_t *size)
{
    *size = exchange->size;
    return exchange->body ? exchange->body : (const void *)"";
}

void exchange_drop_body(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->http->lock);
    exchange->http->body_bytes -= exchange->room;
    pthread_mutex_unlock(&exchange->http->lock);
    free(exchange->body);
    exchange->body = NULL;
    exchange->size = exchange->room = 0;
}

/* The keeper is known before another thread may tell it anything: the lock orders the two. */
void exchange_keep(struct exchange *exchange, void (*lost)(enum exchange_end why, void *user), void (*finish)(void *user),
                   void *user)
{
    exchange_retain(exchange);
    pthread_mutex_lock(&exchange->lock);
    exchange->lost = lost;
    exchange->finish = finish;
    exchange->user = user;
    pthread_mutex_unlock(&exchange->lock);
}

void exchange_tell(struct exchange *exchange, enum exchange_end why)
{
    pthread_mutex_lock(&exchange->lock);
    void (*lost)(enum exchange_end, void *) = exchange->lost;
    if (why == EXCHANGE_GONE)
        exchange->lost = NULL;
    pthread_mutex_unlock(&exchange->lock);
    if (lost)
        lost(why, exchange->user);
}

/* ---- the answer ------------------------------------------------------------------------------------------------------ */

/* Under the exchange's lock. */
static void wake(struct exchange *e)
{
    if (e->suspended && e->connection)
        MHD_resume_connection(e->connection);
    e->suspended = false;
}

void exchange_abort(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    exchange->aborted = true;
    wake(exchange);
    pthread_mutex_unlock(&exchange->lock);
}

void exchange_answer(struct exchange *exchange, int status, const char *type, char *text, size_t size)
{
    pthread_mutex_lock(&exchange->lock);
    if (exchange->answered) {
        free(text);
    } else {
        exchange->answered = exchange->ended = true;
        exchange->status = text ? status : 500;
        exchange->type = type;
        exchange->text = text;
        exchange->text_size = text ? size : 0;
        wake(exchange);
    }
    pthread_mutex_unlock(&exchange->lock);
}

void exchange_answer_file(struct exchange *exchange, const struct http_file *file)
{
    pthread_mutex_lock(&exchange->lock);
    bool known = strstr(header_of(exchange->connection, "If-None-Match"), file->tag) != NULL;
    exchange->answered = exchange->ended = true;
    exchange->status = known ? 304 : 200;
    exchange->type = file->type;
    exchange->file = *file;
    pthread_mutex_unlock(&exchange->lock);
}

void exchange_fail(struct exchange *exchange, const struct failure *failure)
{
    char *text = failure_json(failure);
    exchange_answer(exchange, failure->status, "application/json", text, text ? strlen(text) : 0);
}

bool exchange_answered(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    bool answered = exchange->answered;
    pthread_mutex_unlock(&exchange->lock);
    return answered;
}

/* Makes room for a piece. */
static bool grow(struct exchange *e, size_t size)
{
    if (e->text_size + size <= e->text_room)
        return true;
    size_t room = 2 * (e->text_size + size);
    char *text = realloc(e->text, room);
    if (!text)
        return false;
    e->text = text;
    e->text_room = room;
    return true;
}

void exchange_write(struct exchange *exchange, const char *type, const char *text, size_t size)
{
    struct exchange *e = exchange;
    pthread_mutex_lock(&e->lock);
    if (!e->answered) {
        e->answered = e->pieces = true;
        e->status = 200;
        e->type = type;
    }
    if (e->pieces && !e->ended && !e->aborted) {
        if (grow(e, size)) {
            memcpy(e->text + e->text_size, text, size);
            e->text_size += size;
        } else {
            e->aborted = true; /* an answer with a gap would be wrong */
        }
    }
    wake(e);
    pthread_mutex_unlock(&e->lock);
}

void exchange_end(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    exchange->ended = true;
    wake(exchange);
    pthread_mutex_unlock(&exchange->lock);
}

/* ---- what libmicrohttpd takes ---------------------------------------------------------------------------------------- */

/* Gives it the pieces that there are; without any, the connection waits. */
static ssize_t read_pieces(void *argument, uint64_t position, char *to, size_t most)
{
    struct exchange *e = argument;
    ssize_t result = 0;
    (void)position;
    pthread_mutex_lock(&e->lock);
    if (e->aborted) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (e->text_size) {
        size_t size = e->text_size < most ? e->text_size : most;
        memcpy(to, e->text, size);
        memmove(e->text, e->text + size, e->text_size - size);
        e->text_size -= size;
        result = (ssize_t)size;
    } else if (e->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        e->suspended = true;
        MHD_suspend_connection(e->connection);
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}

static void release(void *exchange)
{
    exchange_release(exchange);
}

/* Under the exchange's lock. */
static struct MHD_Response *make_response(struct exchange *e)
{
    if (e->file.text)
        return MHD_create_response_from_buffer(e->status == 304 ? 0 : e->file.size, (void *)e->file.text,
                                               MHD_RESPMEM_PERSISTENT);
    if (!e->pieces) {
        struct MHD_Response *response = MHD_create_response_from_buffer(
            e->text_size, e->text ? e->text : "", e->text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
        if (response)
            e->text = NULL;
        return response;
    }
    exchange_retain(e);
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_pieces, e, release);
    if (!response)
        exchange_release(e);
    return response;
}

static void add_headers(const struct exchange *e, struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", e->type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Cache-Control", e->file.text || e->pieces ? "no-cache" : "no-store");
    if (e->file.text) {
        MHD_add_response_header(response, "ETag", e->file.tag);
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
        if (e->file.policy)
            MHD_add_response_header(response, "Content-Security-Policy", e->file.policy);
    }
    if (e->status == 429 || e->status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    if (e->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (e->status == 405)
        MHD_add_response_header(response, "Allow", e->allow);
    if (e->http->draining)
        MHD_add_response_header(response, "Connection", "close");
}

enum MHD_Result exchange_respond(struct exchange *exchange)
{
    struct exchange *e = exchange;
    enum MHD_Result result = MHD_NO;
    struct MHD_Response *response = NULL;
    pthread_mutex_lock(&e->lock);
    if (!e->aborted && !e->answered) {
        e->suspended = true;
        MHD_suspend_connection(e->connection);
        result = MHD_YES;
    } else if (!e->aborted && (response = make_response(e))) {
        add_headers(e, response);
    }
    pthread_mutex_unlock(&e->lock);
    if (response) {
        result = MHD_queue_response(e->connection, (unsigned)e->status, response);
        MHD_destroy_response(response);
    }
    return result;
}
