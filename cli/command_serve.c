/* lmvr serve: answers requests by HTTP. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "made_as.h"
#include "serve/server.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The model is loaded by a thread of its own, so that a signal ends the program meanwhile, too. */
struct serve_run {
    const struct options *options;
    struct options as; /* those, or the index's */
    char *path;        /* of the model */
    struct server *server;
    struct stored stored; /* of --index */
    struct neighbors *neighbors;
    lmvr_model *model;
    pthread_t loader, main;
    bool loaded; /* by the loader, for main: the outcome is there */
    bool lost;   /* by a thread of the server, for main: the model's GPUs have failed, as `error` says */
    lmvr_status status;
    lmvr_error error;
};

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void read_signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaddset(set, signals[i]);
    }
}

/* The last part of the model's path is its name for clients. */
static void name_model(const char *path, char *name, size_t size)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t first = length;
    while (first > 0 && path[first - 1] != '/')
        first--;
    snprintf(name, size, "%.*s", (int)(length - first), path + first);
}

/* Whether nothing is asked for of what rows depend on. */
static bool is_plain(const struct options *o)
{
    const lmvr_session_options *s = &o->session;
    lmvr_session_options plain;
    lmvr_session_options_default(&plain);
    return !o->dtype && !o->cache_dtype && !o->device && !o->fast && !s->before_generation && !s->prompt && !s->system &&
           !s->template_name && s->max_new_tokens == plain.max_new_tokens && s->temperature == plain.temperature &&
           s->top_p == plain.top_p && s->seed == plain.seed && s->aspect == plain.aspect && !s->min_pixels && !s->max_pixels &&
           !s->normalize && !s->dims;
}

/* Opens the folder, and takes its options. */
static lmvr_status find_index(struct serve_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    if (!is_plain(o))
        return error_set(error, LMVR_ERROR_INVALID,
                         "with --index, what vectors depend on is as in %s: prompt, types, device and the like cannot be given",
                         o->index);
    TRY(stored_open(o->index, o->index_feature, &run->stored, error));
    hint_missing_parts(run->stored.place.output, run->stored.files.count, run->stored.part_count, "searched", o->quiet);
    TRY(made_as(&run->stored, o, &run->as, &run->path, error));
    if (o->session.feature_count) {
        run->as.session.features = o->session.features;
        run->as.session.feature_count = o->session.feature_count;
    }
    return LMVR_OK;
}

/* Finds the model and the index, before anybody is listened to. */
static lmvr_status find(struct serve_run *run, lmvr_error *error)
{
    TRY(run->options->index ? find_index(run, error) : engine_model_path(run->options, &run->path, error));
    return access(run->path, F_OK) == 0 ? LMVR_OK : file_error(error, run->path, "open");
}

static lmvr_status load_index(struct serve_run *run, lmvr_error *error)
{
    if (run->as.session.threads > 0)
        omp_set_num_threads(run->as.session.threads);
    TRY(neighbors_open(&run->stored.files, &run->neighbors, error));
    return neighbors_load(run->neighbors, error);
}

static lmvr_status load(struct serve_run *run, lmvr_error *error)
{
    const struct options *as = &run->as;
    struct server_index index = {0};
    char name[256];
    if (as->index)
        TRY(load_index(run, error));
    if (!as->model)
        hint_shipped_model(as->quiet);
    TRY(engine_load(run->path, as, &run->model, error));
    name_model(as->model ? as->model : run->path, name, sizeof name);
    if (as->index) {
        index = (struct server_index){&run->stored, run->neighbors};
        made_as_hint(&run->stored, run->model, as->quiet);
    }
    return server_open(run->server, run->model, &as->session, name, &index, error);
}

static void *run_loader(void *argument)
{
    struct serve_run *run = argument;
    run->status = load(run, &run->error);
    __atomic_store_n(&run->loaded, true, __ATOMIC_RELEASE);
    pthread_kill(run->main, SIGUSR1);
    return NULL;
}

/* A supervisor starts the program again, whose new process may be able to use them. */
static void note_lost(const char *sentence, void *user)
{
    struct serve_run *run = user;
    error_write(&run->error, "%s", sentence);
    __atomic_store_n(&run->lost, true, __ATOMIC_RELEASE);
    pthread_kill(run->main, SIGUSR1);
}

/* Waits for the model, then for a signal, or until the model's GPUs have failed. False: there is no model. */
static bool wait_for_end(struct serve_run *run, const sigset_t *set)
{
    int number = 0;
    bool joined = false;
    while (!__atomic_load_n(&run->lost, __ATOMIC_ACQUIRE) && sigwait(set, &number) == 0 && number == SIGUSR1) {
        if (joined || !__atomic_load_n(&run->loaded, __ATOMIC_ACQUIRE))
            continue;
        pthread_join(run->loader, NULL);
        joined = true;
        if (run->status != LMVR_OK)
            return false;
        if (!run->options->quiet)
            fprintf(stderr, "lmvr serve: the model is ready\n");
    }
    if (!joined)
        _exit(__atomic_load_n(&run->lost, __ATOMIC_ACQUIRE) ? EXIT_STOPPED : EXIT_DONE); /* nobody has been answered yet */
    return true;
}

static int serve(struct serve_run *run, const sigset_t *set)
{
    if (pthread_create(&run->loader, NULL, run_loader, run) != 0) {
        complain("out of memory for a thread");
        return EXIT_CANNOT;
    }
    bool good = wait_for_end(run, set);
    if (!good)
        return cannot(run->status, &run->error);
    sigset_t both = *set;
    sigdelset(&both, SIGUSR1);                 /* which our own threads send */
    pthread_sigmask(SIG_UNBLOCK, &both, NULL); /* the next one ends the program */
    bool lost = __atomic_load_n(&run->lost, __ATOMIC_ACQUIRE);
    if (lost)
        complain("%s; the server ends", run->error.message);
    else if (!run->options->quiet)
        fprintf(stderr, "lmvr serve: stopping when running requests are answered\n");
    server_drain(run->server);
    if (lost || !__atomic_load_n(&run->lost, __ATOMIC_ACQUIRE))
        return lost ? EXIT_STOPPED : EXIT_DONE;
    complain("%s", run->error.message); /* while requests were answered */
    return EXIT_STOPPED;
}

int command_serve(const struct options *options)
{
    struct serve_run run = {.options = options, .as = *options, .main = pthread_self()};
    struct server_options server = options->server;
    server.lost = note_lost;
    server.lost_user = &run;
    lmvr_error error;
    sigset_t set;
    if (options->input_count) {
        complain("takes no inputs, so not \"%s\"", options->inputs[0]);
        return EXIT_CANNOT;
    }
    if (server.key && !*server.key) {
        complain("--api-key is empty");
        return EXIT_CANNOT;
    }
    if (!server.key)
        server.key = getenv("LMVR_API_KEY");
    if (server.key && !*server.key)
        server.key = NULL;
    read_signals(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    lmvr_status status = find(&run, &error);
    if (status == LMVR_OK)
        status = server_start(&server, &run.server, &error);
    if (status == LMVR_OK)
        fprintf(stderr, "listening on %s\n", server_address(run.server));
    int exit_status = status == LMVR_OK ? serve(&run, &set) : cannot(status, &error);
    server_free(run.server);
    lmvr_model_free(run.model);
    neighbors_close(run.neighbors);
    stored_close(&run.stored);
    free(run.path);
    return exit_status;
}
