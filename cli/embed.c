/* lmvr embed: images to rows of .npy files and lines of index.jsonl. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "inputs.h"
#include "interrupt.h"
#include "progress.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
    const struct options *options;
    struct inputs inputs;
    struct engine engine;
    struct store *store;
    struct progress progress;
    lmvr_error error;   /* of the store */
    lmvr_status status; /* of the store */
    bool strict_stop;   /* an input failed, and --strict is given; it is not recorded, so that --resume tries it again */
};

/* ---- run.json ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* Everything that the rows depend on beside features and inputs, with the model's defaults in place of what was left out. The
 * batch and the threads are not among it. */
static json_t *describe_run(const struct engine *engine)
{
    static const char *const aspects[] = {"default", "crop", "pad", "stretch"}, *const dtypes[] = {"default", "f32", "bf16"};
    lmvr_session_options o;
    lmvr_model_info info;
    char fingerprint[17];
    lmvr_session_get_options(engine->session, &o);
    lmvr_model_get_info(engine->model, &info);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info.fingerprint);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:i, s:f, s:f, s:I, s:s}", "architecture", info.architecture, "model",
                     fingerprint, "dtype", dtypes[info.dtype], "prompt", text_or_null(o.prompt), "template",
                     text_or_null(o.template_name), "before_generation", o.before_generation, "max_new_tokens",
                     o.max_new_tokens, "temperature", (double)o.temperature, "top_p", (double)o.top_p, "seed",
                     (json_int_t)o.seed, "aspect", aspects[o.aspect]);
}

/* ---- the run's steps ---- */

static enum store_mode mode_of(const struct options *o)
{
    return o->resume ? STORE_RESUME : o->force ? STORE_FORCE : STORE_NEW;
}

/* What can be checked before the model is opened, which can take minutes. */
static lmvr_status check_call(const struct options *o, lmvr_error *error)
{
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder, or a file that ends in .npy");
    if (o->resume && o->force)
        return error_set(error, LMVR_ERROR_INVALID, "--resume keeps what --force removes: only one of them can be given");
    return store_check(o->output, mode_of(o), o->session.feature_count, error);
}

static lmvr_status open_store(struct run *run, lmvr_error *error)
{
    size_t count = lmvr_session_feature_count(run->engine.session);
    struct store_feature *features = calloc(count + 1, sizeof *features);
    json_t *description = describe_run(&run->engine);
    lmvr_status status = features && description ? LMVR_OK : error_no_memory(error, "the output");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(run->engine.session, i, &info);
        features[i] = (struct store_feature){info.name, info.spec, info.dim};
    }
    struct store_plan plan = {.output = run->options->output,
                              .mode = mode_of(run->options),
                              .features = features,
                              .feature_count = count,
                              .options = description,
                              .inputs = (const char *const *)run->inputs.paths,
                              .input_count = run->inputs.count};
    if (status == LMVR_OK)
        status = store_open(&plan, &run->store, error);
    json_decref(description);
    free(features);
    return status;
}

static int on_result(const lmvr_result *result, void *user)
{
    struct run *run = user;
    struct index_line line = {.path = run->inputs.paths[store_done(run->store)]};
    if (result->status == LMVR_OK) {
        line.response = result->response;
        line.tokens = result->tokens;
        line.token_count = result->token_count;
        line.finished = result->finished;
    } else {
        line.error = result->error;
        progress_clear(&run->progress);
        complain("%s", result->error);
        run->strict_stop = run->options->strict;
        if (run->strict_stop)
            return 1;
    }
    run->status = store_add(run->store, result->features, &line, &run->error);
    if (run->status != LMVR_OK)
        return 1;
    progress_step(&run->progress, store_done(run->store));
    return interrupt_came();
}

/* ---- how it ended ---- */

static int report_stop(const struct run *run, const char *why)
{
    complain("%s; %zu of %zu inputs are done, --resume continues", why, store_done(run->store), run->inputs.count);
    return EXIT_STOPPED;
}

static int report(struct run *run, lmvr_status status, const lmvr_error *error)
{
    size_t done = store_done(run->store), failed = store_failed(run->store), total = run->inputs.count;
    if (run->strict_stop) {
        complain("stopped there, with %zu of %zu inputs done, for --strict", done, total);
        return EXIT_SOME_FAILED;
    }
    if (run->status != LMVR_OK)
        return report_stop(run, run->error.message);
    if (status == LMVR_STOPPED && done < total)
        return report_stop(run, "stopped by a signal");
    if (status != LMVR_OK && status != LMVR_STOPPED)
        return report_stop(run, error->message);
    if (failed > 0)
        complain("%zu of %zu inputs failed", failed, total);
    return failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* Embeds the inputs that are not done yet. */
static int compute(struct run *run)
{
    lmvr_error error;
    lmvr_status status = LMVR_OK;
    size_t done = store_done(run->store), left = run->inputs.count - done;
    lmvr_image *images = engine_images(run->inputs.paths + done, left);
    interrupt_install();
    progress_begin(&run->progress, !run->options->quiet, done, run->inputs.count);
    if (!images)
        status = error_no_memory(&error, "the list of images");
    else if (left > 0)
        status = lmvr_embed(run->engine.session, images, left, on_result, run, &error);
    free(images);
    progress_end(&run->progress, store_done(run->store));
    int exit_status = report(run, status, &error);
    if (store_close(run->store, &error) != LMVR_OK) {
        complain("%s; --resume continues", error.message);
        exit_status = EXIT_STOPPED;
    }
    return exit_status;
}

int command_embed(const struct options *options)
{
    lmvr_error error;
    struct run run = {.options = options};
    lmvr_status status = check_call(options, &error);
    if (status == LMVR_OK)
        status = inputs_collect(options->inputs, options->input_count, &run.inputs, &error);
    if (status == LMVR_OK)
        status = engine_open(options, &run.engine, &error);
    if (status == LMVR_OK)
        status = open_store(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    engine_close(&run.engine);
    inputs_finish(&run.inputs);
    return exit_status;
}
