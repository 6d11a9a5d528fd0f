/* lmvr describe: prints responses to images. */
#include "cli.h"
#include "describe_views.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "progress.h"
#include "shown_inputs.h"
#include "store/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct describe_run {
    const struct options *options;
    struct shown_inputs inputs;
    struct views views;
    char **paths, **responses; /* (inputs) and (inputs, views), for the sheet; NULL: there is none */
    struct engine engine;
    struct progress progress;
    lmvr_error error;           /* about a line, or the sheet */
    lmvr_status status;         /* its status */
    size_t done, described;     /* images shown: each input counts once per view */
    size_t failed, last_failed; /* inputs; the last one's number, counted from 1 */
    size_t cut;                 /* tars that were not read to the end */
    bool output_failed, strict_stop;
};

static int view_of(const struct describe_run *run, const lmvr_result *result)
{
    return (int)(result->index % (size_t)run->views.count);
}

/* 0: nobody knows. */
static size_t count_inputs(const struct describe_run *run)
{
    const struct source *source = &run->inputs.source.source;
    return source->counted ? source->count : 0;
}

static lmvr_status print_json(const struct describe_run *run, const lmvr_result *result, const struct source_item *item,
                              lmvr_error *error)
{
    char *text;
    int view = view_of(run, result);
    const struct corruption_choice *c = view > 0 ? &run->views.corruptions.items[view - 1] : NULL;
    struct index_line line = {.path = item->path,
                              .companions = item->companions,
                              .corruption = c ? corruption_names[c->type] : NULL,
                              .severity = c ? c->severity : 0,
                              .error = result->error,
                              .row = run->described,
                              .response = result->response,
                              .tokens = result->tokens,
                              .token_count = result->token_count,
                              .finished = result->finished};
    lmvr_status status = index_line_format(&line, &text, error);
    if (status == LMVR_OK)
        fputs(text, stdout);
    free(text);
    return status;
}

/* Prints the path, the view if there are several, and the response. */
static void print_line(const struct describe_run *run, const lmvr_result *result, const char *path)
{
    char name[64];
    print_column(path, '\t');
    views_name(&run->views, view_of(run, result), name, sizeof name);
    if (run->views.count > 1)
        print_column(name, '\t');
    print_column(result->response ? result->response : "", '\n');
}

/* An input that cannot be read fails in all its views, but is reported once. */
static void note_failure(struct describe_run *run, const lmvr_result *result, bool cut)
{
    size_t input = result->index / (size_t)run->views.count + 1;
    if (input == run->last_failed)
        return;
    run->cut += cut;
    run->failed += !cut;
    run->last_failed = input;
    progress_clear(&run->progress);
    complain("%s", result->error);
}

static lmvr_status keep_for_sheet(struct describe_run *run, const lmvr_result *result, const char *path)
{
    char **response = &run->responses[result->index], **kept = &run->paths[result->index / (size_t)run->views.count];
    *response = strdup(result->response ? result->response : "");
    if (!*kept)
        *kept = strdup(path);
    return *response && *kept ? LMVR_OK : error_no_memory(&run->error, "a response");
}

static lmvr_status show(struct describe_run *run, const lmvr_result *result, const struct source_item *item)
{
    bool good = result->status == LMVR_OK;
    if (run->options->json)
        TRY(print_json(run, result, item, &run->error));
    else if (good)
        print_line(run, result, item->path);
    return good && run->responses ? keep_for_sheet(run, result, item->path) : LMVR_OK;
}

static int on_result(const lmvr_result *given, void *user)
{
    struct describe_run *run = user;
    const struct source_item *item = shown_inputs_item(&run->inputs, given->index);
    lmvr_result result = *given;
    bool good = result.status == LMVR_OK, cut = item->cut;
    if (item->wrong)
        result.error = item->wrong;
    if (!good)
        note_failure(run, &result, cut);
    run->status = cut ? LMVR_OK : show(run, &result, item);
    shown_inputs_release(&run->inputs, result.index);
    run->output_failed = run->status == LMVR_OK && !flush_stdout();
    if (run->status != LMVR_OK || run->output_failed)
        return 1;
    run->done += !cut;
    run->described += good;
    run->strict_stop = !good && run->options->strict;
    progress_step(&run->progress, run->done);
    return run->strict_stop;
}

static lmvr_status next_image(lmvr_image *image, void *user, lmvr_error *error)
{
    struct describe_run *run = user;
    return shown_inputs_next(&run->inputs, image, error);
}

static int report(const struct describe_run *run, lmvr_status status, const lmvr_error *error)
{
    char of[32] = "";
    size_t total = count_inputs(run), views = (size_t)run->views.count;
    if (total > 0)
        snprintf(of, sizeof of, " of %zu", total);
    if (run->output_failed)
        return EXIT_STOPPED;
    if (run->status != LMVR_OK || (status != LMVR_OK && status != LMVR_STOPPED)) {
        complain("%s; %zu%s inputs are done", run->status != LMVR_OK ? run->error.message : error->message, run->done / views,
                 of);
        return EXIT_STOPPED;
    }
    if (run->strict_stop)
        complain("stopped there, with %zu%s inputs described, for --strict", run->described / views, of);
    else if (run->failed > 0)
        complain("%zu of %zu inputs failed", run->failed, run->done / views);
    if (run->cut > 0 && !run->strict_stop)
        complain("%zu %s not read to the end", run->cut, run->cut == 1 ? "tar was" : "tars were");
    return run->failed > 0 || run->cut > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

static int compute(struct describe_run *run)
{
    lmvr_error error;
    const struct input_source *source = &run->inputs.source;
    size_t views = (size_t)run->views.count, count = count_inputs(run);
    bool quiet = run->options->quiet, room = !isatty(STDOUT_FILENO); /* otherwise the lines themselves show the progress */
    progress_begin(&run->progress, !quiet && room, 0, count * views);
    lmvr_status status = lmvr_embed_stream(run->engine.session, next_image, on_result, run, &error);
    progress_end(&run->progress, run->done);
    if (status == LMVR_OK && run->responses && run->described > 0)
        run->status = views_write_sheet(&run->views, run->options->sheet, run->paths, count, run->responses, &run->error);
    hint_passed_over(&source->list.passed_over, quiet);
    hint_empty_tars(source->empty_tars, source->empty_tar, quiet);
    return report(run, status, &error);
}

/* Its images are read again. */
static lmvr_status prepare_sheet(struct describe_run *run, lmvr_error *error)
{
    size_t count = count_inputs(run);
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "--sheet shows images that are files, and none of a tar");
    TRY(views_check_sheet(&run->views, run->options, count, error));
    run->paths = calloc(count, sizeof *run->paths);
    run->responses = calloc(count * (size_t)run->views.count, sizeof *run->responses);
    return run->paths && run->responses ? LMVR_OK : error_no_memory(error, "the list of responses");
}

static lmvr_status prepare(struct describe_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    struct options asked = *o;
    TRY(views_init(&run->views, o, error));
    TRY(shown_inputs_open(o->inputs, o->input_count, &run->inputs, error));
    if (o->sheet)
        TRY(prepare_sheet(run, error));
    asked.session.describe = true;
    asked.session.filter = run->views.count > 1 ? views_filter : NULL;
    asked.session.filter_user = &run->views;
    TRY(engine_open(&asked, &run->engine, error));
    return shown_inputs_begin(&run->inputs, run->engine.session, (size_t)run->views.count, error);
}

static void finish(struct describe_run *run)
{
    size_t count = count_inputs(run);
    for (size_t i = 0; run->responses && i < count * (size_t)run->views.count; i++)
        free(run->responses[i]);
    for (size_t i = 0; run->paths && i < count; i++)
        free(run->paths[i]);
    free(run->responses);
    free(run->paths);
    engine_close(&run->engine);
    shown_inputs_close(&run->inputs);
    views_finish(&run->views);
}

int command_describe(const struct options *options)
{
    lmvr_error error;
    struct describe_run run = {.options = options};
    lmvr_status status = prepare(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    finish(&run);
    return exit_status;
}
