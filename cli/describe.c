/* lmvr describe: images to responses on standard output. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "inputs.h"
#include "progress.h"
#include "store/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct run {
    const struct options *options;
    struct inputs inputs;
    struct engine engine;
    struct progress progress;
    lmvr_error error;   /* of a line */
    lmvr_status status; /* of a line */
    size_t done, described;
    bool output_failed, strict_stop;
};

/* Control characters become spaces, so that an image is always a line of two columns, and a terminal is left in peace. */
static void print_column(const char *text, char end)
{
    for (const char *c = text; *c; c++)
        putchar((unsigned char)*c < ' ' || *c == 127 ? ' ' : *c);
    putchar(end);
}

static lmvr_status print_json(const struct run *run, const lmvr_result *result, lmvr_error *error)
{
    char *text;
    struct index_line line = {.path = run->inputs.paths[result->index],
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

static int on_result(const lmvr_result *result, void *user)
{
    struct run *run = user;
    bool good = result->status == LMVR_OK;
    if (!good) {
        progress_clear(&run->progress);
        complain("%s", result->error);
    }
    if (run->options->json) {
        run->status = print_json(run, result, &run->error);
    } else if (good) {
        print_column(run->inputs.paths[result->index], '\t');
        print_column(result->response ? result->response : "", '\n');
    }
    run->output_failed = run->status == LMVR_OK && !flush_stdout();
    if (run->status != LMVR_OK || run->output_failed)
        return 1;
    run->done++;
    run->described += good;
    run->strict_stop = !good && run->options->strict;
    progress_step(&run->progress, run->done);
    return run->strict_stop;
}

static int report(const struct run *run, lmvr_status status, const lmvr_error *error)
{
    size_t total = run->inputs.count, failed = run->done - run->described;
    if (run->output_failed)
        return EXIT_STOPPED;
    if (run->status != LMVR_OK || (status != LMVR_OK && status != LMVR_STOPPED)) {
        complain("%s; %zu of %zu inputs are done", run->status != LMVR_OK ? run->error.message : error->message, run->done,
                 total);
        return EXIT_STOPPED;
    }
    if (run->strict_stop)
        complain("stopped there, with %zu of %zu inputs described, for --strict", run->described, total);
    else if (failed > 0)
        complain("%zu of %zu inputs failed", failed, total);
    return failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

static int compute(struct run *run)
{
    lmvr_error error;
    lmvr_image *images = engine_images(run->inputs.paths, run->inputs.count);
    bool room = !isatty(STDOUT_FILENO); /* else the lines themselves show how far it is */
    progress_begin(&run->progress, !run->options->quiet && room, 0, run->inputs.count);
    lmvr_status status = images ? lmvr_embed(run->engine.session, images, run->inputs.count, on_result, run, &error)
                                : error_no_memory(&error, "the list of images");
    free(images);
    progress_end(&run->progress, run->done);
    return report(run, status, &error);
}

int command_describe(const struct options *options)
{
    lmvr_error error;
    struct options asked = *options;
    struct run run = {.options = options};
    asked.session.describe = true;
    lmvr_status status = inputs_collect(options->inputs, options->input_count, &run.inputs, &error);
    if (status == LMVR_OK)
        status = engine_open(&asked, &run.engine, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    engine_close(&run.engine);
    inputs_finish(&run.inputs);
    return exit_status;
}
