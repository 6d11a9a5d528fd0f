#include "serve/http_parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define TICK_NS   100000000 /* between two looks at the clients */
#define LAST_TIME 1         /* seconds in which what a client sent before it hung up is read */
#define MOST_LOST 64        /* exchanges told in one look; the others in the next */

double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static struct peer *peer_create(struct MHD_Connection *connection)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer)
        *peer = (struct peer){.fd = fd_of(connection), .since = clock_seconds(), .receiving = true};
    return peer;
}

void peer_changed(void *user, struct MHD_Connection *connection, void **socket_context,
                  enum MHD_ConnectionNotificationCode code)
{
    struct http *http = user;
    struct peer *peer = code == MHD_CONNECTION_NOTIFY_STARTED ? peer_create(connection) : *socket_context;
    if (!peer)
        return;
    pthread_mutex_lock(&http->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = peer;
        peer->next = http->peers;
        if (peer->next)
            peer->next->previous = peer;
        http->peers = peer;
    } else {
        if (peer->next)
            peer->next->previous = peer->previous;
        *(peer->previous ? &peer->previous->next : &http->peers) = peer->next;
    }
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->lock);
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        free(peer);
}

void peer_refuse(struct peer *peer, const struct failure *failure)
{
    char head[256];
    char *body = failure_json(failure);
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                        failure->status, MHD_get_reason_phrase_for((unsigned)failure->status), body ? strlen(body) : 0);
    peer->refused = failure->status;
    if (send(peer->fd, head, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) == size && body)
        (void)!send(peer->fd, body, strlen(body), MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(peer->fd, SHUT_WR);
    free(body);
}

/* A client whose time to send its request is over, or who has hung up. */
static void cut(const struct http *http, struct peer *peer)
{
    struct failure failure;
    failure_write(&failure, 408, NULL, "the request did not come within %d seconds", http->options.receive_time);
    if (!peer->refused && peer->hung_up <= 0 && (peer->exchange || !peer->answered))
        peer_refuse(peer, &failure);
    shutdown(peer->fd, SHUT_RDWR);
    peer->receiving = false; /* libmicrohttpd sees it end */
}

static bool has_hung_up(const struct peer *peer)
{
    struct pollfd poller = {.fd = peer->fd, .events = POLLRDHUP};
    return poll(&poller, 1, 0) > 0;
}

/* Whether a client's request will not come any more. libmicrohttpd would wait for one that has hung up within it. */
static bool is_late(const struct http *http, struct peer *peer, double time)
{
    if (!peer->receiving)
        return false;
    if (peer->hung_up <= 0 && has_hung_up(peer))
        peer->hung_up = time;
    return time > peer->since + http->options.receive_time || (peer->hung_up > 0 && time > peer->hung_up + LAST_TIME);
}

/* Whether somebody is working at the exchange's answer who has to be told that this ends. */
static bool is_lost(const struct http *http, struct peer *peer, double time, enum exchange_end *why)
{
    struct exchange *e = peer->exchange;
    bool lost = false;
    if (!e || !e->begun)
        return false;
    pthread_mutex_lock(&e->lock);
    if (http->stopping)
        shutdown(peer->fd, SHUT_RDWR);
    if (!e->aborted && (http->stopping || (e->suspended && has_hung_up(peer)))) {
        *why = EXCHANGE_GONE;
        lost = true;
    } else if (!e->late && !e->ended && e->lost && time > e->began + http->options.request_time) {
        *why = EXCHANGE_LATE;
        lost = e->late = true;
    }
    pthread_mutex_unlock(&e->lock);
    return lost;
}

struct loss {
    struct exchange *exchange;
    enum exchange_end why;
};

/* Looks at all clients once. Returns the exchanges that are lost, retained. */
static int look(struct http *http, struct loss *losses)
{
    double time = clock_seconds();
    int count = 0;
    for (struct peer *peer = http->peers; peer && count < MOST_LOST; peer = peer->next) {
        if (is_late(http, peer, time)) {
            cut(http, peer);
        } else if (is_lost(http, peer, time, &losses[count].why)) {
            losses[count].exchange = peer->exchange;
            exchange_retain(losses[count++].exchange);
        }
    }
    return count;
}

void *peers_watch(void *argument)
{
    struct http *http = argument;
    struct loss losses[MOST_LOST];
    pthread_mutex_lock(&http->lock);
    while (!http->stopping || http->running) {
        int count = look(http, losses);
        pthread_mutex_unlock(&http->lock);
        for (int i = 0; i < count; i++) {
            if (losses[i].why == EXCHANGE_GONE)
                exchange_abort(losses[i].exchange);
            exchange_tell(losses[i].exchange, losses[i].why);
            exchange_release(losses[i].exchange);
        }
        pthread_mutex_lock(&http->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (http->peers || http->stopping)
            pthread_cond_clockwait(&http->changed, &http->lock, CLOCK_MONOTONIC, &until); /* whatever is done to the clock */
        else
            pthread_cond_wait(&http->changed, &http->lock);
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
}
