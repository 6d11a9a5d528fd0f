#include "serve/server.h"

#include "serve/errands.h"
#include "serve/index.h"
#include "serve/offer.h"
#include "serve/page.h"
#include "serve/reply.h"
#include "serve/search.h"
#include "image/image.h"
#include "serve/server_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const char serve_openapi[]; /* openapi.json */

/* ---- what needs no model's work -------------------------------------------------------------------------------------- */

static void answer_json(struct exchange *exchange, int status, char *text)
{
    exchange_answer(exchange, status, "application/json", text, text ? strlen(text) : 0);
}

static void run_health(struct exchange *exchange, void *user)
{
    struct server *server = user;
    if (atomic_load(&server->lost))
        answer_json(exchange, 503, strdup("{\"status\":\"lost its GPUs\"}"));
    else if (atomic_load(&server->open))
        answer_json(exchange, 200, strdup("{\"status\":\"ok\"}"));
    else
        answer_json(exchange, 503, strdup("{\"status\":\"loading model\"}"));
}

static void run_openapi(struct exchange *exchange, void *user)
{
    (void)user;
    answer_json(exchange, 200, strdup(serve_openapi));
}

/* Whether there is a model; if not, that is the answer. */
static bool is_open(struct server *server, struct exchange *exchange)
{
    struct failure failure;
    if (atomic_load(&server->open))
        return true;
    failure_write(&failure, 503, NULL, "the model is being loaded");
    exchange_fail(exchange, &failure);
    return false;
}

static void run_page(struct exchange *exchange, void *user)
{
    struct server *server = user;
    struct failure failure;
    if (!server->options.no_page) {
        page_answer(exchange, exchange_rest(exchange));
        return;
    }
    failure_write(&failure, 404, NULL, "this server has no page: it was started with --no-page");
    exchange_fail(exchange, &failure);
}

static void run_models(struct exchange *exchange, void *user)
{
    struct server *server = user;
    if (is_open(server, exchange))
        answer_json(exchange, 200, reply_models(server->offer));
}

static void run_model(struct exchange *exchange, void *user)
{
    struct server *server = user;
    struct failure failure;
    if (!is_open(server, exchange))
        return;
    if (strcmp(exchange_rest(exchange), server->model_name) == 0) {
        answer_json(exchange, 200, strdup(server->offer));
        return;
    }
    failure_write(&failure, 404, "model", "there is no model \"%.200s\" here; the model is \"%.200s\"", exchange_rest(exchange),
                  server->model_name);
    exchange_fail(exchange, &failure);
}

static void run_metrics(struct exchange *exchange, void *user)
{
    struct server *server = user;
    struct sessions_state state = {0};
    if (atomic_load(&server->open))
        sessions_get_state(server->sessions, &state);
    char *text = metrics_text(server->metrics, &state);
    exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text, text ? strlen(text) : 0);
}

/* ---- what the model does --------------------------------------------------------------------------------------------- */

static void run_embeddings(struct exchange *exchange, void *user)
{
    call_run(exchange, user, &call_embeddings);
}

static void run_chat(struct exchange *exchange, void *user)
{
    call_run(exchange, user, &call_chat);
}

static void run_attention(struct exchange *exchange, void *user)
{
    call_run(exchange, user, &call_attention);
}

/* Whether there is a model and an index; if not, that is the answer. */
static bool has_index(struct server *server, struct exchange *exchange)
{
    struct failure failure;
    if (!is_open(server, exchange))
        return false;
    if (server->searcher)
        return true;
    failure_write(&failure, 404, NULL, "there is no folder of results to search here");
    exchange_fail(exchange, &failure);
    return false;
}

static void run_search(struct exchange *exchange, void *user)
{
    if (has_index(user, exchange))
        call_run(exchange, user, &call_search);
}

static void run_index(struct exchange *exchange, void *user)
{
    if (has_index(user, exchange))
        index_answer(user, exchange, exchange_rest(exchange));
}

static const struct http_route routes[] = {
    {"GET", "/", true, run_page},
    {"GET", PAGE_FILES, true, run_page},
    {"GET", "/health", true, run_health},
    {"GET", "/openapi.json", false, run_openapi},
    {"GET", "/metrics", false, run_metrics},
    {"GET", "/v1/models", false, run_models},
    {"GET", "/v1/models/", false, run_model},
    {"POST", "/v1/embeddings", false, run_embeddings},
    {"POST", "/v1/chat/completions", false, run_chat},
    {"POST", "/v1/attention", false, run_attention},
    {"POST", "/v1/search", false, run_search},
    {"GET", "/v1/index/", false, run_index},
};

/* ---- beginning and end ----------------------------------------------------------------------------------------------- */

void server_options_default(struct server_options *options)
{
    *options = (struct server_options){.host = "127.0.0.1",
                                       .port = 8080,
                                       .max_body = 64,
                                       .connections = 256,
                                       .receive_time = 60,
                                       .request_time = 600,
                                       .queue = 1024,
                                       .sessions = 4};
}

static void count_request(const char *path, int status, double seconds, void *user)
{
    struct server *server = user;
    metrics_count_request(server->metrics, path, status, seconds);
}

static lmvr_status find_media(const char *path, char **media_path, lmvr_error *error)
{
    struct stat st;
    if (!path)
        return LMVR_OK;
    *media_path = realpath(path, NULL);
    if (!*media_path)
        return file_error(error, path, "open");
    if (stat(*media_path, &st) != 0 || !S_ISDIR(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: the media path has to be a folder", path);
    return LMVR_OK;
}

static lmvr_status start(struct server *s, lmvr_error *error)
{
    const struct server_options *o = &s->options;
    s->created = time(NULL);
    s->metrics = metrics_create();
    if (!s->metrics)
        return error_no_memory(error, "the server");
    TRY(find_media(o->media_path, &s->media_path, error));
    struct http_options http = {.host = o->host,
                                .port = o->port,
                                .key = o->key,
                                .max_body = (size_t)o->max_body << 20,
                                .connections = o->connections,
                                .address_connections = o->address_connections,
                                .receive_time = o->receive_time,
                                .request_time = o->request_time,
                                .routes = routes,
                                .route_count = sizeof routes / sizeof *routes,
                                .user = s,
                                .done = count_request};
    return http_start(&http, &s->http, error);
}

lmvr_status server_start(const struct server_options *options, struct server **server, lmvr_error *error)
{
    struct server *s = *server = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(error, "the server");
    s->options = *options;
    pthread_mutex_init(&s->map_lock, NULL);
    lmvr_status status = start(s, error);
    if (status != LMVR_OK) {
        server_free(s);
        *server = NULL;
    }
    return status;
}

const char *server_address(const struct server *server)
{
    return http_address(server->http);
}

lmvr_status server_open(struct server *server, const lmvr_model *model, const lmvr_session_options *session, const char *name,
                        const struct server_index *index, lmvr_error *error)
{
    struct sessions_options options = {
        .model = model, .session = *session, .most = server->options.sessions, .queue = (size_t)server->options.queue};
    options.session.normalize = false; /* each request has its own form of vectors */
    options.session.dims = 0;
    server->model = model;
    server->model_name = strdup(name);
    if (!server->model_name)
        return error_no_memory(error, "the model's name");
    server->index = *index;
    server->most_pixels = session->max_file_pixels ? session->max_file_pixels : IMAGE_MAX_PIXELS;
    if (index->stored) {
        TRY(errands_create(&server->errands, error));
        TRY(searcher_create(index, session->threads, &server->searcher, error));
    }
    TRY(sessions_create(&options, &server->sessions, error));
    server->rules = (struct request_rules){
        .media_path = server->media_path,
        .most_inputs = (size_t)server->options.queue,
        .most_tokens = sessions_defaults(server->sessions)->max_new_tokens,
        .before_generation = session->before_generation,
        .dimensions = session->dims,
        .normalized = session->normalize,
        .sampling = {.temperature = session->temperature, .top_p = session->top_p, .seed = session->seed},
    };
    server->offer = offer_make(server, model);
    if (!server->offer)
        return error_no_memory(error, "the model's description");
    atomic_store(&server->open, true);
    return LMVR_OK;
}

bool server_lost(struct server *server, lmvr_status status, const char *message)
{
    lmvr_model_info info;
    if (status != LMVR_ERROR_RESOURCE)
        return false;
    lmvr_model_get_info(server->model, &info);
    if (info.lost && !atomic_exchange(&server->lost, true) && server->options.lost)
        server->options.lost(message, server->options.lost_user);
    return info.lost;
}

void server_drain(struct server *server)
{
    http_drain(server->http);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    http_stop(server->http);
    sessions_free(server->sessions);
    searcher_free(server->searcher);
    errands_free(server->errands);
    http_free(server->http);
    metrics_free(server->metrics);
    free(server->media_path);
    free(server->model_name);
    free(server->offer);
    free(server->map);
    pthread_mutex_destroy(&server->map_lock);
    free(server);
}
