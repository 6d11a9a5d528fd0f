#include "serve/http.h"

#include "serve/http_parts.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS      4           /* that read requests and send answers */
#define HEADER_BYTES (64 * 1024) /* of a request, with what is read of its body at once */
#define BODIES       8           /* of the longest that may be in memory */
#define BACKLOG      256
#define CLIENT_GONE  499 /* the status of exchanges without an answer, as nginx counts them */

/* ---- listening ------------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* Tells the address that the listener has. */
static void read_address(struct http *http)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(http->listener, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    http->loopback = is_loopback(&address);
    snprintf(http->address, sizeof http->address, strchr(host, ':') ? "http://[%.200s]:%s" : "http://%.200s:%s", host, port);
}

static int bind_one(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol), yes = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

static lmvr_status listen_at(struct http *http, lmvr_error *error)
{
    const struct http_options *o = &http->options;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_ADDRCONFIG}, *found = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", o->port);
    int why = getaddrinfo(o->host, port, &hints, &found);
    if (why != 0)
        return error_set(error, LMVR_ERROR_INVALID, "cannot listen at %s: %s", o->host, gai_strerror(why));
    for (const struct addrinfo *at = found; at && http->listener < 0; at = at->ai_next)
        http->listener = bind_one(at);
    why = errno;
    freeaddrinfo(found);
    if (http->listener < 0)
        return error_set(error, LMVR_ERROR_INVALID, "cannot listen at %s, port %d: %s", o->host, o->port, strerror(why));
    read_address(http);
    return LMVR_OK;
}

/* ---- what is refused before a body has come -------------------------------------------------------------------------- */

/* In a time that tells nothing of the key but its length. */
static bool has_key(const char *key, struct MHD_Connection *connection)
{
    static const char scheme[] = "Bearer ";
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (!given || strncasecmp(given, scheme, sizeof scheme - 1) != 0)
        return false;
    given += sizeof scheme - 1;
    size_t size = strlen(given);
    unsigned different = size != strlen(key);
    if (different)
        return false;
    for (size_t i = 0; i < size; i++)
        different |= (unsigned char)given[i] ^ (unsigned char)key[i];
    return different == 0;
}

static bool is_route(const struct http_route *route, const char *path)
{
    size_t size = strlen(route->path);
    bool folder = size > 1 && route->path[size - 1] == '/';
    return folder ? strncmp(path, route->path, size) == 0 && path[size] : strcmp(path, route->path) == 0;
}

static bool is_method(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* Finds the route. Its failure says if there is none. */
static bool find_route(struct exchange *e, const char *method)
{
    const struct http_options *o = &e->http->options;
    for (size_t i = 0; i < o->route_count; i++) {
        const struct http_route *route = &o->routes[i];
        if (!is_route(route, e->path))
            continue;
        e->route = route;
        if (is_method(route, method))
            return true;
        snprintf(e->allow, sizeof e->allow, strcmp(route->method, "GET") == 0 ? "GET, HEAD" : "%s", route->method);
    }
    if (!e->route)
        return failure_set(&e->failure, 404, NULL, "there is nothing at %.200s; /openapi.json says what there is", e->path);
    return failure_set(&e->failure, 405, NULL, "%.200s takes %s, not %.20s", e->path, e->allow, method);
}

static bool check_body(struct exchange *e, struct MHD_Connection *connection)
{
    static const char json[] = "application/json";
    const char *type = header_of(connection, "Content-Type"), *encoding = header_of(connection, "Content-Encoding");
    if (strncasecmp(type, json, sizeof json - 1) != 0 || !strchr(" ;", type[sizeof json - 1])) /* or it ends there */
        return failure_set(&e->failure, 415, NULL, "the request's Content-Type has to be application/json, not \"%.100s\"",
                           type);
    if (*encoding && strcasecmp(encoding, "identity") != 0)
        return failure_set(&e->failure, 415, NULL, "the request is encoded as \"%.100s\", and has to come as it is", encoding);
    return true;
}

static bool refuse_size(struct exchange *e)
{
    return failure_set(&e->failure, 413, NULL, "the request is longer than the %zu bytes that this server takes",
                       e->http->options.max_body);
}

/* Sees from the headers whether the request can be answered. */
static bool check_headers(struct exchange *e, struct MHD_Connection *connection, const char *method)
{
    const struct http_options *o = &e->http->options;
    if (!origin_check(e, connection, method) || !find_route(e, method))
        return false;
    if (o->key && !e->route->open && !has_key(o->key, connection))
        return failure_set(&e->failure, 401, NULL,
                           "the request has no key, or a wrong one; it is sent as Authorization: Bearer KEY");
    if (strcmp(e->route->method, "POST") == 0 && !check_body(e, connection))
        return false;
    unsigned long long length = strtoull(header_of(connection, "Content-Length"), NULL, 10);
    return length <= o->max_body || refuse_size(e);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------------- */

/* Room for `size` bytes, counted among those of all requests. */
static bool make_room(struct exchange *e, size_t size)
{
    struct http *http = e->http;
    size_t most = http->options.max_body, room = 2 * size < most ? 2 * size : most;
    if (size <= e->room)
        return true;
    pthread_mutex_lock(&http->lock);
    bool free_room = http->body_bytes + (room - e->room) <= BODIES * most;
    if (free_room)
        http->body_bytes += room - e->room;
    pthread_mutex_unlock(&http->lock);
    if (!free_room)
        return failure_set(&e->failure, 429, NULL, "the server holds as many bytes of requests as it can; try again later");
    uint8_t *body = realloc(e->body, room);
    if (body) {
        e->body = body;
        e->room = room;
        return true;
    }
    pthread_mutex_lock(&http->lock);
    http->body_bytes -= room - e->room;
    pthread_mutex_unlock(&http->lock);
    return failure_set(&e->failure, 503, NULL, "out of memory for the request");
}

/* Keeps what has come of the body, unless the request is refused anyway. */
static void take(struct exchange *e, const char *data, size_t size)
{
    if (!e->failure.status && e->size + size > e->http->options.max_body)
        refuse_size(e);
    if (!e->failure.status && make_room(e, e->size + size)) {
        memcpy(e->body + e->size, data, size);
        e->size += size;
    }
}

/* A client with a body that is too long is told at once; one that goes on sending is not listened to. */
static void refuse_early(struct exchange *e)
{
    pthread_mutex_lock(&e->http->lock);
    if (e->failure.status == 413 && !e->peer->refused)
        peer_refuse(e->peer, &e->failure);
    pthread_mutex_unlock(&e->http->lock);
}

/* ---- requests -------------------------------------------------------------------------------------------------------- */

static void end_exchange(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    struct http *http = user;
    struct exchange *e = *state;
    (void)connection, (void)code;
    if (!e)
        return;
    *state = NULL;
    double time = clock_seconds();
    pthread_mutex_lock(&http->lock);
    e->peer->exchange = NULL;
    e->peer->receiving = e->peer->answered = true;
    e->peer->since = time;
    int refused = e->peer->refused;
    pthread_mutex_unlock(&http->lock);
    pthread_mutex_lock(&e->lock);
    e->connection = NULL;
    bool unanswered = !e->ended;
    int status = e->answered ? e->status : refused ? refused : CLIENT_GONE;
    pthread_mutex_unlock(&e->lock);
    if (unanswered)
        exchange_tell(e, EXCHANGE_GONE);
    if (http->options.done)
        http->options.done(e->route ? e->route->path : "other", status, time - e->began, http->options.user);
    bool counted = e->counted;
    exchange_release(e);
    pthread_mutex_lock(&http->lock);
    http->running -= counted;
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->lock);
}

/* All of the request has come. False: the client has been refused already. */
static bool begin(struct exchange *e)
{
    struct http *http = e->http;
    pthread_mutex_lock(&http->lock);
    bool refused = e->peer->refused;
    e->peer->receiving = false;
    e->peer->since = e->began = clock_seconds();
    e->begun = true;
    if (http->draining && !e->failure.status && !e->route->open)
        failure_write(&e->failure, 503, NULL, "the server is stopping");
    e->counted = !refused && !e->failure.status && !e->route->open;
    http->running += e->counted;
    pthread_mutex_unlock(&http->lock);
    if (refused)
        return false;
    if (e->failure.status)
        exchange_fail(e, &e->failure);
    else
        e->route->run(e, http->options.user);
    return true;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    struct http *http = user;
    struct exchange *e = *state;
    (void)version;
    if (!e) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct peer *peer = info ? info->socket_context : NULL;
        e = *state = peer ? exchange_create(http, connection, peer, path) : NULL;
        if (!e)
            return MHD_NO;
        pthread_mutex_lock(&http->lock);
        peer->exchange = e;
        pthread_mutex_unlock(&http->lock);
        check_headers(e, connection, method);
        refuse_early(e);
        return MHD_YES;
    }
    if (*size) {
        take(e, data, *size);
        refuse_early(e);
        *size = 0;
        return MHD_YES;
    }
    return e->begun || begin(e) ? exchange_respond(e) : MHD_NO;
}

static void say_nothing(void *user, const char *format, va_list arguments)
{
    (void)user, (void)format, (void)arguments;
}

/* ---- beginning and end ----------------------------------------------------------------------------------------------- */

static lmvr_status start(struct http *http, lmvr_error *error)
{
    const struct http_options *o = &http->options;
    int threads = o->connections < THREADS ? o->connections : THREADS;
    TRY(listen_at(http, error));
    if (pthread_create(&http->watcher, NULL, peers_watch, http) != 0)
        return error_no_memory(error, "the server's threads");
    http->watched = true;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    /* The watcher's time limits are ours; libmicrohttpd's are for clients that do not read their answers. */
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
        http->listener, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)o->address_connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)o->receive_time + 5, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        peer_changed, http, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, http, MHD_OPTION_END);
    return http->daemon ? LMVR_OK : error_set(error, LMVR_ERROR_RESOURCE, "the server's threads cannot be started");
}

lmvr_status http_start(const struct http_options *options, struct http **http, lmvr_error *error)
{
    struct http *h = *http = calloc(1, sizeof *h);
    if (!h)
        return error_no_memory(error, "the server");
    h->options = *options;
    h->listener = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    lmvr_status status = start(h, error);
    if (status != LMVR_OK) {
        http_stop(h);
        http_free(h);
        *http = NULL;
    }
    return status;
}

const char *http_address(const struct http *http)
{
    return http->address;
}

void http_drain(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    http->draining = true;
    while (http->running)
        pthread_cond_wait(&http->changed, &http->lock);
    pthread_mutex_unlock(&http->lock);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    pthread_mutex_lock(&http->lock);
    http->draining = http->stopping = true;
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->lock);
    if (http->watched)
        pthread_join(http->watcher, NULL);
    if (http->daemon)
        MHD_stop_daemon(http->daemon); /* closes the listener */
    else if (http->listener >= 0)
        close(http->listener);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    pthread_mutex_destroy(&http->lock);
    pthread_cond_destroy(&http->changed);
    free(http);
}
