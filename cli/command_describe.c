/* lmvr describe: prints responses to images. */
#include "cli.h"
#include "describe_views.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "lab/dataset/inputs.h"
#include "progress.h"
#include "store/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct describe_run {
    const struct options *options;
    struct inputs inputs;
    struct views views;
    char **responses; /* (inputs, views), for the sheet */
    struct engine engine;
    struct progress progress;
    lmvr_error error;           /* about a line, or the sheet */
    lmvr_status status;         /* its status */
    size_t done, described;     /* images shown: each input counts once per view */
    size_t failed, last_failed; /* inputs; the last one's number, counted from 1 */
    bool output_failed, strict_stop;
};

static int view_of(const struct describe_run *run, const lmvr_result *result)
{
    return (int)(result->index % (size_t)run->views.count);
}

static const char *path_of(const struct describe_run *run, const lmvr_result *result)
{
    return run->inputs.paths[result->index / (size_t)run->views.count];
}

static lmvr_status print_json(const struct describe_run *run, const lmvr_result *result, lmvr_error *error)
{
    char *text;
    int view = view_of(run, result);
    const struct corruption_choice *c = view > 0 ? &run->views.corruptions.items[view - 1] : NULL;
    struct index_line line = {.path = path_of(run, result),
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
static void print_line(const struct describe_run *run, const lmvr_result *result)
{
    char name[64];
    print_column(path_of(run, result), '\t');
    views_name(&run->views, view_of(run, result), name, sizeof name);
    if (run->views.count > 1)
        print_column(name, '\t');
    print_column(result->response ? result->response : "", '\n');
}

/* An input that cannot be read fails in all its views, but is reported once. */
static void note_failure(struct describe_run *run, const lmvr_result *result)
{
    size_t input = result->index / (size_t)run->views.count + 1;
    if (input == run->last_failed)
        return;
    run->failed++;
    run->last_failed = input;
    progress_clear(&run->progress);
    complain("%s", result->error);
}

static int on_result(const lmvr_result *result, void *user)
{
    struct describe_run *run = user;
    bool good = result->status == LMVR_OK;
    if (!good)
        note_failure(run, result);
    if (run->options->json)
        run->status = print_json(run, result, &run->error);
    else if (good)
        print_line(run, result);
    if (good && run->responses && !(run->responses[result->index] = strdup(result->response ? result->response : "")))
        run->status = error_no_memory(&run->error, "a response");
    run->output_failed = run->status == LMVR_OK && !flush_stdout();
    if (run->status != LMVR_OK || run->output_failed)
        return 1;
    run->done++;
    run->described += good;
    run->strict_stop = !good && run->options->strict;
    progress_step(&run->progress, run->done);
    return run->strict_stop;
}

static int report(const struct describe_run *run, lmvr_status status, const lmvr_error *error)
{
    size_t total = run->inputs.count, failed = run->failed, views = (size_t)run->views.count;
    if (run->output_failed)
        return EXIT_STOPPED;
    if (run->status != LMVR_OK || (status != LMVR_OK && status != LMVR_STOPPED)) {
        complain("%s; %zu of %zu inputs are done", run->status != LMVR_OK ? run->error.message : error->message,
                 run->done / views, total);
        return EXIT_STOPPED;
    }
    if (run->strict_stop)
        complain("stopped there, with %zu of %zu inputs described, for --strict", run->described / views, total);
    else if (failed > 0)
        complain("%zu of %zu inputs failed", failed, total);
    return failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* Lists each input once per view. */
static lmvr_image *list_images(const struct describe_run *run)
{
    size_t views = (size_t)run->views.count;
    lmvr_image *images = calloc(run->inputs.count * views + 1, sizeof *images);
    for (size_t i = 0; images && i < run->inputs.count * views; i++)
        images[i].path = run->inputs.paths[i / views];
    return images;
}

static int compute(struct describe_run *run)
{
    lmvr_error error;
    size_t count = run->inputs.count * (size_t)run->views.count;
    lmvr_image *images = list_images(run);
    bool room = !isatty(STDOUT_FILENO); /* otherwise the lines themselves show the progress */
    progress_begin(&run->progress, !run->options->quiet && room, 0, count);
    lmvr_status status = images ? lmvr_embed(run->engine.session, images, count, on_result, run, &error)
                                : error_no_memory(&error, "the list of images");
    free(images);
    progress_end(&run->progress, run->done);
    if (status == LMVR_OK && run->responses && run->described > 0)
        run->status = views_write_sheet(&run->views, run->options->sheet, run->inputs.paths, run->inputs.count, run->responses,
                                        &run->error);
    hint_passed_over(&run->inputs.passed_over, run->options->quiet);
    return report(run, status, &error);
}

static lmvr_status prepare(struct describe_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    struct options asked = *o;
    TRY(views_init(&run->views, o, error));
    TRY(inputs_collect(o->inputs, o->input_count, &run->inputs, error));
    TRY(views_check_sheet(&run->views, o, run->inputs.count, error));
    if (o->sheet) {
        run->responses = calloc(run->inputs.count * (size_t)run->views.count + 1, sizeof *run->responses);
        if (!run->responses)
            return error_no_memory(error, "the list of responses");
    }
    asked.session.describe = true;
    asked.session.filter = run->views.count > 1 ? views_filter : NULL;
    asked.session.filter_user = &run->views;
    return engine_open(&asked, &run->engine, error);
}

static void finish(struct describe_run *run)
{
    for (size_t i = 0; run->responses && i < run->inputs.count * (size_t)run->views.count; i++)
        free(run->responses[i]);
    free(run->responses);
    engine_close(&run->engine);
    inputs_finish(&run->inputs);
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
