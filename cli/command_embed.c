/* lmvr embed: writes images' features to .npy files and index.jsonl. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "lab/dataset/input_source.h"
#include "lab/dataset/parquet.h"
#include "lab/dataset/texts.h"
#include "interrupt.h"
#include "progress.h"
#include "record/recorder.h"

#include <stdio.h>
#include <stdlib.h>

struct embed_run {
    const struct options *options;
    struct input_source images;
    struct texts texts; /* in their place, with --text */
    struct list_source lines;
    struct source *source; /* one of these */
    struct engine engine;
    struct recorder *recorder;
    struct parquet parquet; /* where something is written in it */
    struct progress progress;
    size_t share, shares; /* counted from 0 */
    bool strict_stop;     /* an input failed with --strict; it is not recorded, so that --resume tries it again */
};

static enum store_mode mode_of(const struct options *o)
{
    return o->resume ? STORE_RESUME : o->force ? STORE_FORCE : STORE_NEW;
}

#define MOST_SHARES 1000000

/* A number from 1 on, behind which *text then is; 0: there is none. */
static size_t take_number(const char **text)
{
    char *end = (char *)*text;
    unsigned long number = **text >= '1' && **text <= '9' ? strtoul(*text, &end, 10) : 0;
    *text = end;
    return number <= MOST_SHARES ? number : 0;
}

/* "I/N", from 1/1 on. */
static lmvr_status parse_share(const char *text, struct embed_run *run, lmvr_error *error)
{
    const char *at = text ? text : "1/1";
    size_t share = take_number(&at);
    size_t shares = *at == '/' ? (at++, take_number(&at)) : 0;
    if (*at || share < 1 || share > shares)
        return error_set(error, LMVR_ERROR_INVALID, "--shard takes I/N, from 1/N to N/N, not \"%s\"", text);
    run->share = share - 1;
    run->shares = shares;
    return LMVR_OK;
}

static bool in_parquet(const struct options *o)
{
    return o->index_form == 2; /* of "jsonl|parquet" */
}

/* Checks what it can before opening the model, which may take minutes. */
static lmvr_status check_call(struct embed_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder, or a file that ends in .npy");
    if (o->texts && o->input_count)
        return error_set(error, LMVR_ERROR_INVALID, "--text and images cannot be given together: a .jsonl can name both");
    if (o->resume && o->force)
        return error_set(error, LMVR_ERROR_INVALID, "--resume keeps what --force removes: only one of them can be given");
    if (run->shares > 1 && o->force)
        return error_set(error, LMVR_ERROR_INVALID, "--force removes what other shares have done: remove %s instead",
                         o->output);
    if (o->layout && o->session.feature_count > 1)
        return error_set(error, LMVR_ERROR_INVALID, "clip-retrieval's layout holds one feature, not %zu",
                         o->session.feature_count);
    if (in_parquet(o) || o->layout)
        TRY(parquet_open(o->layout ? "--layout clip-retrieval" : "--index parquet", &run->parquet, error));
    return store_check(o->output, mode_of(o), o->session.feature_count, run->shares, error);
}

static lmvr_status collect(struct embed_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    if (o->texts) {
        TRY(texts_read(o->texts, &run->texts, error));
        size_t in_part = o->layout && !o->rows_per_part ? run->texts.count : (size_t)o->rows_per_part;
        list_source_init(&run->lines, run->texts.lines, run->texts.inputs, run->texts.wrong, run->texts.count, in_part);
        run->source = &run->lines.source;
        return LMVR_OK;
    }
    run->source = &run->images.source;
    TRY(input_source_open(o->inputs, o->input_count, (size_t)o->rows_per_part, &run->images, error));
    if (o->layout && run->source->parts == 0)
        run->source->parts = 1; /* of all inputs */
    return LMVR_OK;
}

static lmvr_status check_shares(const struct embed_run *run, lmvr_error *error)
{
    if (run->shares == 1 || run->source->parts > 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "--shard divides parts, and there are none: --rows-per-part has to say how large they are");
}

static enum npy_type dtype_out_of(const struct options *o)
{
    static const enum npy_type types[] = {NPY_F32, NPY_F32, NPY_F16, NPY_INT8}; /* not given, then the choices */
    return types[o->dtype_out];
}

static lmvr_status open_recorder(struct embed_run *run, lmvr_error *error)
{
    struct recording recording = {.model = run->engine.model,
                                  .session = run->engine.session,
                                  .output = run->options->output,
                                  .mode = mode_of(run->options),
                                  .any_device = run->options->force_device,
                                  .source = run->source,
                                  .share = run->share,
                                  .shares = run->shares,
                                  .dtype_out = dtype_out_of(run->options)};
    recording.copies.user = &run->parquet;
    if (in_parquet(run->options))
        recording.copies.index = parquet_copy_index;
    if (run->options->layout) {
        recording.clip_folder = run->options->texts ? "text_emb" : "img_emb";
        recording.copies.metadata = parquet_copy_metadata;
    }
    return recorder_open(&recording, &run->recorder, error);
}

static int before_record(const lmvr_result *result, void *user)
{
    struct embed_run *run = user;
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

/* "12 of 47", or "12" where nobody knows how many there are. */
static void format_done(const struct embed_run *run, size_t done, char *text, size_t size)
{
    int length = snprintf(text, size, "%zu", done);
    size_t total = recorder_total(run->recorder);
    if (total > 0)
        snprintf(text + length, size - (size_t)length, " of %zu", total);
}

static int report_stop(const struct embed_run *run, const char *why)
{
    char done[64];
    format_done(run, recorder_done(run->recorder), done, sizeof done);
    complain("%s; %s inputs are done, --resume continues", why, done);
    return EXIT_STOPPED;
}

static int report(const struct embed_run *run, lmvr_status status, const lmvr_error *error)
{
    char text[64];
    size_t done = recorder_done(run->recorder), failed = recorder_failed(run->recorder), cut = recorder_cut(run->recorder);
    if (run->strict_stop) {
        format_done(run, done, text, sizeof text);
        complain("stopped there, with %s inputs done, for --strict", text);
        return EXIT_SOME_FAILED;
    }
    if (status == LMVR_STOPPED)
        return report_stop(run, "stopped by a signal");
    if (status != LMVR_OK)
        return report_stop(run, error->message);
    if (failed > 0)
        complain("%zu of %zu inputs failed", failed, done);
    if (cut > 0)
        complain("%zu %s not read to the end; --resume takes what is missing", cut, cut == 1 ? "tar was" : "tars were");
    return failed > 0 || cut > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

static void report_clipped(const struct embed_run *run)
{
    uint64_t clipped = recorder_clipped(run->recorder);
    if (clipped > 0)
        complain("%llu value%s too large for --dtype-out f16, and became 65504 or -65504; f32 and int8 hold %s",
                 (unsigned long long)clipped, clipped == 1 ? " was" : "s were", clipped == 1 ? "it" : "them");
}

/* Embeds the inputs that are not yet done. */
static int compute(struct embed_run *run)
{
    lmvr_error error;
    interrupt_install();
    progress_begin(&run->progress, !run->options->quiet, recorder_done(run->recorder), recorder_total(run->recorder));
    lmvr_status status = recorder_run(run->recorder, before_record, after_record, run, &error);
    progress_end(&run->progress, recorder_done(run->recorder));
    hint_passed_over(&run->images.list.passed_over, run->options->quiet);
    hint_empty_tars(run->images.empty_tars, run->images.empty_tar, run->options->quiet);
    report_clipped(run);
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
    lmvr_status status = parse_share(options->share, &run, &error);
    if (status == LMVR_OK)
        status = check_call(&run, &error);
    if (status == LMVR_OK)
        status = collect(&run, &error);
    if (status == LMVR_OK)
        status = check_shares(&run, &error);
    if (status == LMVR_OK)
        status = engine_open(options, &run.engine, &error);
    if (status == LMVR_OK)
        status = open_recorder(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    engine_close(&run.engine);
    input_source_close(&run.images);
    texts_finish(&run.texts);
    parquet_close(&run.parquet);
    return exit_status;
}
