/* lmvr search: finds the nearest neighbors of images, texts and rows among the rows that lmvr embed has written. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "made_as.h"
#include "search/answer.h"
#include "search/neighbors.h"
#include "search_page.h"
#include "search_queries.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TOP   10
#define MOST_TOGETHER 1024    /* queries that are searched for in one pass over the rows */
#define MOST_FOUND    1000000 /* neighbors in such a pass */

struct search_run {
    const struct options *options;
    struct stored stored;
    struct neighbors *neighbors;
    struct search_queries queries;
    struct engine engine;
    size_t top, together;
    float *vectors;         /* (together, dim) */
    struct neighbor *found; /* (together, top) */
    size_t *counts;         /* (together) */
    struct report *page;    /* NULL: none */
    size_t failed, done;
    bool output_failed;
};

/* ---- preparing ---- */

static lmvr_status check_call(const struct options *o, lmvr_error *error)
{
    if (!o->index && o->input_count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "no folder: the first argument has to name one that lmvr embed has filled");
    if (o->session.feature_count > 1)
        return error_set(error, LMVR_ERROR_INVALID, "one feature is compared, not %zu", o->session.feature_count);
    return search_page_check(o, error);
}

/* Opens the model and a session as the rows were made. */
static lmvr_status open_engine(struct search_run *run, lmvr_error *error)
{
    struct options as;
    char *path;
    TRY(made_as(&run->stored, run->options, &as, &path, error));
    lmvr_status status = engine_load(path, &as, &run->engine.model, error);
    free(path);
    TRY(status);
    made_as_hint(&run->stored, run->engine.model, run->options->quiet);
    TRY(lmvr_session_create(run->engine.model, &as.session, &run->engine.session, error));
    lmvr_feature_info info;
    lmvr_session_get_feature(run->engine.session, 0, &info);
    if (info.multi_vector || info.dim != neighbors_dim(run->neighbors))
        return error_set(error, LMVR_ERROR_INVALID, "%s: its rows have %zu values, but %s of this model has %zu",
                         run->stored.place.output, neighbors_dim(run->neighbors), info.spec, info.dim);
    return LMVR_OK;
}

static lmvr_status make_room(struct search_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    run->top = o->top ? (size_t)o->top : DEFAULT_TOP;
    run->together = MOST_FOUND / run->top < MOST_TOGETHER ? MOST_FOUND / run->top : MOST_TOGETHER;
    if (run->together > run->queries.count)
        run->together = run->queries.count;
    run->vectors = calloc(run->together, neighbors_dim(run->neighbors) * sizeof *run->vectors);
    run->found = calloc(run->together * run->top, sizeof *run->found);
    run->counts = calloc(run->together, sizeof *run->counts);
    run->page = o->page ? search_page_begin(&run->stored, o->metric == 2) : NULL;
    bool good = run->vectors && run->found && run->counts && (run->page || !o->page);
    return good ? LMVR_OK : error_no_memory(error, "the queries");
}

static lmvr_status prepare(struct search_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    size_t given = o->index ? 0 : 1;
    TRY(check_call(o, error));
    TRY(stored_open(o->index ? o->index : o->inputs[0], o->session.feature_count ? o->session.features[0] : NULL, &run->stored,
                    error));
    hint_missing_parts(run->stored.place.output, run->stored.files.count, run->stored.part_count, "searched", o->quiet);
    TRY(neighbors_open(&run->stored.files, &run->neighbors, error));
    TRY(search_queries_collect(o, o->inputs + given, o->input_count - given, &run->stored, &run->queries, error));
    TRY(make_room(run, error));
    return run->queries.need_model ? open_engine(run, error) : LMVR_OK;
}

/* ---- showing ---- */

static lmvr_status print_json(const struct search_query *query, json_t *answer, lmvr_error *error)
{
    json_t *line = answer ? json_pack("{s:s, s:O}", "query", query->value, "results", answer)
                          : json_pack("{s:s, s:s}", "query", query->value, "error", query->failure);
    char *text = line ? json_dumps(line, JSON_REAL_PRECISION(9)) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(line);
    return text ? LMVR_OK : error_no_memory(error, "an answer");
}

static void print_lines(const struct search_query *query, const json_t *answer)
{
    size_t i;
    json_t *one;
    json_array_foreach(answer, i, one)
    {
        const char *path = json_string_value(json_object_get(one, "path")),
                   *response = json_string_value(json_object_get(one, "response"));
        print_column(query->value, '\t');
        printf("%zu\t%.6f\t%lld\t", i + 1, json_real_value(json_object_get(one, "score")),
               (long long)json_integer_value(json_object_get(one, "row")));
        print_column(path ? path : json_string_value(json_object_get(one, "text")), response ? '\t' : '\n');
        if (response)
            print_column(response, '\n');
    }
}

static lmvr_status show(struct search_run *run, const struct search_query *query, const struct neighbor *found, size_t count,
                        lmvr_error *error)
{
    json_t *answer = NULL;
    lmvr_status status = LMVR_OK;
    if (query->failure) {
        complain("%s", query->failure);
        run->failed++;
    } else {
        status = answer_make(&run->stored, found, count, &answer, error);
    }
    if (status == LMVR_OK && run->options->json)
        status = print_json(query, answer, error);
    else if (status == LMVR_OK)
        print_lines(query, answer);
    if (status == LMVR_OK && run->page && answer)
        status = search_page_add(run->page, query, answer, error);
    json_decref(answer);
    run->output_failed = status == LMVR_OK && !flush_stdout();
    return run->output_failed ? LMVR_ERROR_RESOURCE : status;
}

/* ---- searching ---- */

/* Moves the vectors of the queries that have one to the front, and returns how many these are. */
static size_t gather_vectors(const struct search_run *run, const struct search_query *items, size_t count)
{
    size_t good = 0, dim = neighbors_dim(run->neighbors);
    for (size_t i = 0; i < count; i++)
        if (!items[i].failure)
            memmove(run->vectors + good++ * dim, run->vectors + i * dim, dim * sizeof *run->vectors);
    return good;
}

static lmvr_status search_together(struct search_run *run, struct search_query *items, size_t count, lmvr_error *error)
{
    TRY(search_queries_embed(items, count, run->engine.session, run->neighbors, run->vectors, error));
    struct neighbors_search search = {.queries = run->vectors,
                                      .count = gather_vectors(run, items, count),
                                      .top = run->top,
                                      .metric = run->options->metric == 2 ? NEIGHBORS_DOT : NEIGHBORS_COSINE};
    TRY(neighbors_find(run->neighbors, &search, run->found, run->counts, error));
    for (size_t i = 0, good = 0; i < count; i++) {
        TRY(show(run, &items[i], run->found + good * run->top, run->counts[good], error));
        good += !items[i].failure;
        run->done++;
    }
    return LMVR_OK;
}

static int search_all(struct search_run *run)
{
    lmvr_error error;
    lmvr_status status = LMVR_OK;
    for (size_t first = 0, count; first < run->queries.count && status == LMVR_OK; first += count) {
        count = run->queries.count - first < run->together ? run->queries.count - first : run->together;
        status = search_together(run, run->queries.items + first, count, &error);
    }
    if (status == LMVR_OK && run->page)
        status = report_write_page(run->page, run->options->page, &error);
    if (run->output_failed)
        return EXIT_STOPPED;
    if (status != LMVR_OK) {
        complain("%s; %zu of %zu queries are done", error.message, run->done, run->queries.count);
        return EXIT_STOPPED;
    }
    hint_passed_over(&run->queries.inputs.passed_over, run->options->quiet);
    if (run->failed > 0)
        complain("%zu of %zu queries failed", run->failed, run->queries.count);
    return run->failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

int command_search(const struct options *options)
{
    lmvr_error error;
    struct search_run run = {.options = options};
    if (options->session.threads > 0)
        omp_set_num_threads(options->session.threads);
    lmvr_status status = prepare(&run, &error);
    int exit_status = status == LMVR_OK ? search_all(&run) : cannot(status, &error);
    report_free(run.page);
    free(run.vectors);
    free(run.found);
    free(run.counts);
    engine_close(&run.engine);
    search_queries_finish(&run.queries);
    neighbors_close(run.neighbors);
    stored_close(&run.stored);
    return exit_status;
}
