/* lmvr embed: writes images' features to .npy files and index.jsonl. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "lab/dataset/inputs.h"
#include "lab/dataset/texts.h"
#include "interrupt.h"
#include "progress.h"
#include "record/recorder.h"

#include <stdio.h>

struct embed_run {
    const struct options *options;
    struct inputs inputs;
    struct texts texts; /* in their place, with --text */
    struct engine engine;
    struct recorder *recorder;
    struct progress progress;
    bool strict_stop; /* an input failed with --strict; it is not recorded, so that --resume tries it again */
};

static enum store_mode mode_of(const struct options *o)
{
    return o->resume ? STORE_RESUME : o->force ? STORE_FORCE : STORE_NEW;
}

/* Checks what it can before opening the model, which may take minutes. */
static lmvr_status check_call(const struct options *o, lmvr_error *error)
{
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder, or a file that ends in .npy");
    if (o->texts && o->input_count)
        return error_set(error, LMVR_ERROR_INVALID, "--text and images cannot be given together: a .jsonl can name both");
    if (o->resume && o->force)
        return error_set(error, LMVR_ERROR_INVALID, "--resume keeps what --force removes: only one of them can be given");
    return store_check(o->output, mode_of(o), o->session.feature_count, error);
}

static size_t count_inputs(const struct embed_run *run)
{
    return run->options->texts ? run->texts.count : run->inputs.count;
}

static lmvr_status collect(struct embed_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    return o->texts ? texts_read(o->texts, &run->texts, error) : inputs_collect(o->inputs, o->input_count, &run->inputs, error);
}

static lmvr_status open_recorder(struct embed_run *run, lmvr_error *error)
{
    struct recording recording = {.model = run->engine.model,
                                  .session = run->engine.session,
                                  .output = run->options->output,
                                  .mode = mode_of(run->options),
                                  .any_device = run->options->force_device,
                                  .inputs = run->options->texts ? run->texts.lines : run->inputs.paths,
                                  .images = run->texts.inputs,
                                  .wrong = run->texts.wrong,
                                  .input_count = count_inputs(run)};
    return recorder_open(&recording, &run->recorder, error);
}

static int before_record(const lmvr_result *result, const char *path, void *user)
{
    struct embed_run *run = user;
    (void)path;
    if (result->status == LMVR_OK)
        return 0;
    progress_clear(&run->progress);
    complain("%s", result->error);
    run->strict_stop = run->options->strict;
    return run->strict_stop;
}

static int after_record(size_t done, void *user)
{
    struct embed_run *run = user;
    progress_step(&run->progress, done);
    return interrupt_came();
}

/* ---- ending ------------------------------------------------------------------------------------------------------------- */

static int report_stop(const struct embed_run *run, const char *why)
{
    complain("%s; %zu of %zu inputs are done, --resume continues", why, recorder_done(run->recorder), count_inputs(run));
    return EXIT_STOPPED;
}

static int report(const struct embed_run *run, lmvr_status status, const lmvr_error *error)
{
    size_t done = recorder_done(run->recorder), failed = recorder_failed(run->recorder), total = count_inputs(run);
    if (run->strict_stop) {
        complain("stopped there, with %zu of %zu inputs done, for --strict", done, total);
        return EXIT_SOME_FAILED;
    }
    if (status == LMVR_STOPPED)
        return report_stop(run, "stopped by a signal");
    if (status != LMVR_OK)
        return report_stop(run, error->message);
    if (failed > 0)
        complain("%zu of %zu inputs failed", failed, total);
    return failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* Embeds the inputs that are not yet done. */
static int compute(struct embed_run *run)
{
    lmvr_error error;
    interrupt_install();
    progress_begin(&run->progress, !run->options->quiet, recorder_done(run->recorder), count_inputs(run));
    lmvr_status status = recorder_run(run->recorder, before_record, after_record, run, &error);
    progress_end(&run->progress, recorder_done(run->recorder));
    hint_passed_over(&run->inputs, run->options->quiet);
    int exit_status = report(run, status, &error);
    if (recorder_close(run->recorder, &error) != LMVR_OK) {
        complain("%s; --resume continues", error.message);
        exit_status = EXIT_STOPPED;
    }
    return exit_status;
}

int command_embed(const struct options *options)
{
    lmvr_error error;
    struct embed_run run = {.options = options};
    lmvr_status status = check_call(options, &error);
    if (status == LMVR_OK)
        status = collect(&run, &error);
    if (status == LMVR_OK)
        status = engine_open(options, &run.engine, &error);
    if (status == LMVR_OK)
        status = open_recorder(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    engine_close(&run.engine);
    inputs_finish(&run.inputs);
    texts_finish(&run.texts);
    return exit_status;
}
