#include "train/run/run.h"

#include "train/run/pace.h"
#include "train/run/run_checkpoint.h"
#include "train/run/run_curve.h"
#include "train/run/run_folder.h"
#include "train/run/run_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct training {
    const struct objective *objective;
    const struct corpus *validation; /* NULL: none */
    const struct feed_options *feed_options;
    const struct run_options *options;
    struct run_folder folder;
    struct run_log log;
    struct optimizer optimizer;
    struct tape *tape;
    struct feed *feed;
    struct pace pace;
    int64_t saved;      /* step of the last checkpoint; 0: none */
    double saved_at;    /* when it was written, or the run began */
    lmvr_error damaged; /* what was wrong with a newer checkpoint; "": nothing */
};

/* ---- a step ---- */

/* The forward pass of a batch; *loss is the loss's value. */
static lmvr_status pass(const struct training *run, const struct batch *batch, bool recording, struct value **value,
                        double *loss, lmvr_error *error)
{
    tape_begin(run->tape, recording);
    *value = run->objective->loss(run->objective->self, run->tape, batch);
    TRY(tape_status(run->tape, error));
    if (!*value)
        return error_set(error, LMVR_ERROR_INVALID, "a batch has no targets");
    return tape_read(run->tape, *value, loss, error);
}

static lmvr_status refuse_number(const struct training *run, const char *what, double number, lmvr_error *error)
{
    char *path = run->saved > 0 ? run_checkpoint_path(run->folder.checkpoints, run->saved) : NULL;
    error_write(error, "%s: the %s is %s at step %" PRId64 "; %s%s", run->folder.place.output, what,
                isnan(number) ? "not a number" : "infinite", run->optimizer.steps + 1,
                path ? "the last good checkpoint is " : "there is no checkpoint yet", path ? path : "");
    free(path);
    return LMVR_ERROR_RESOURCE;
}

/* Accumulates the gradients of the step's batches, and their mean loss. */
static lmvr_status accumulate(struct training *run, struct run_report *report, lmvr_error *error)
{
    int batches = run->options->accumulation;
    int64_t tokens = 0, images = 0;
    report->loss = 0;
    parameters_clear(run->objective->parameters);
    for (int i = 0; i < batches; i++) {
        const struct batch *batch;
        struct value *value;
        double loss;
        TRY(feed_next(run->feed, &batch, error));
        TRY(pass(run, batch, true, &value, &loss, error));
        if (!isfinite(loss))
            return refuse_number(run, "loss", loss, error);
        TRY(tape_backward(run->tape, value, 1.0f / (float)batches, error));
        report->loss += loss / batches;
        tokens += batch->tokens;
        images += batch->image_count;
    }
    pace_step_ends(&run->pace, tokens, images);
    return LMVR_OK;
}

static lmvr_status step(struct training *run, struct run_report *report, lmvr_error *error)
{
    struct adamw adamw = run->options->adamw;
    pace_step_begins(&run->pace);
    TRY(accumulate(run, report, error));
    TRY(optimizer_clip(&run->optimizer, run->options->clip, &report->gradient_norm, error));
    if (!isfinite(report->gradient_norm))
        return refuse_number(run, "gradient", report->gradient_norm, error);
    report->learning_rate = adamw.learning_rate = run_learning_rate(run->options, run->optimizer.steps);
    optimizer_step(&run->optimizer, &adamw);
    if (run->objective->after_step)
        run->objective->after_step(run->objective->self);
    report->step = run->optimizer.steps;
    return LMVR_OK;
}

/* ---- between steps ---- */

static bool is_due(const struct training *run, int64_t every)
{
    return every > 0 && (run->optimizer.steps % every == 0 || run->optimizer.steps == run->options->steps);
}

/* Time also bounds what an interruption can lose: a step of a large model takes minutes. */
static bool checkpoint_is_due(const struct training *run)
{
    const struct run_options *o = run->options;
    bool by_time = o->checkpoint_seconds > 0 && pace_now() - run->saved_at >= o->checkpoint_seconds;
    return by_time || run->optimizer.steps == o->steps || is_due(run, o->checkpoint_every);
}

/* The mean loss over the first batches of the validation corpus. */
static lmvr_status validate(const struct training *run, double *mean, lmvr_error *error)
{
    int batches = run->options->validation_batches;
    struct feed_options options = *run->feed_options;
    struct feed *feed;
    lmvr_status status = LMVR_OK;
    options.in_order = true;
    *mean = 0;
    TRY(feed_create(run->validation, &options, 0, &feed, error));
    for (int i = 0; i < batches && status == LMVR_OK; i++) {
        const struct batch *batch;
        struct value *value;
        double loss = 0;
        status = feed_next(feed, &batch, error);
        if (status == LMVR_OK)
            status = pass(run, batch, false, &value, &loss, error);
        *mean += loss / batches;
    }
    feed_free(feed);
    return status;
}

/* First flushes the log lines that the checkpoint relies on, and draws the curve, as the run may die before the next
 * checkpoint. */
static lmvr_status save_checkpoint(struct training *run, lmvr_error *error)
{
    struct run_folder *folder = &run->folder;
    if (run->saved == run->optimizer.steps)
        return LMVR_OK;
    TRY(run_log_sync(&run->log, error));
    TRY(run_curve_write(folder->curve_path, folder->log_path, run->objective->name, run->optimizer.steps, error));
    TRY(run_checkpoint_write(folder->checkpoints, &run->optimizer, folder->settings, error));
    run->saved = run->optimizer.steps;
    run->saved_at = pace_now();
    return run_checkpoint_prune(folder->checkpoints, (size_t)run->options->keep, error);
}

static lmvr_status tell(struct training *run, struct run_report *report, lmvr_error *error)
{
    const struct run_options *options = run->options;
    report->steps = options->steps;
    report->tokens_per_second = pace_tokens_per_second(&run->pace);
    report->images_per_second = pace_items_per_second(&run->pace);
    report->seconds_left = pace_seconds_left(&run->pace, options->steps - report->step);
    report->skipped = feed_skipped(run->feed, &report->skipped_why);
    report->warning = *run->damaged.message ? run->damaged.message : NULL;
    int stop = options->report ? options->report(report, options->user) : 0;
    run->damaged.message[0] = '\0';
    if (!stop)
        return LMVR_OK;
    TRY(save_checkpoint(run, error));
    return error_set(error, LMVR_STOPPED, "%s: stopped after step %" PRId64, run->folder.place.output, report->step);
}

static lmvr_status step_and_tell(struct training *run, lmvr_error *error)
{
    struct run_report report = {.validation = NAN};
    TRY(step(run, &report, error));
    if (run->validation && run->options->validation_batches > 0 && is_due(run, run->options->validate_every))
        TRY(validate(run, &report.validation, error));
    const struct run_row row = {report.step, report.loss, report.learning_rate, report.gradient_norm, report.validation};
    TRY(run_log_add(&run->log, &row, error));
    if (checkpoint_is_due(run))
        TRY(save_checkpoint(run, error));
    return tell(run, &report, error);
}

/* ---- the run ---- */

/* Continues from the folder's last checkpoint, or from the beginning if there is none. */
static lmvr_status go_on(struct training *run, const struct corpus *corpus, lmvr_error *error)
{
    struct feed_options options = *run->feed_options;
    options.seed = run->options->seed;
    options.in_order = false;
    TRY(run_checkpoint_read(run->folder.checkpoints, &run->optimizer, run->folder.settings, &run->damaged, error));
    TRY(run_checkpoint_prune(run->folder.checkpoints, (size_t)run->options->keep,
                             error)); /* an interruption may have prevented it */
    run->saved = run->optimizer.steps;
    TRY(run_log_open(&run->log, run->folder.log_path, run->saved, error));
    if (run->saved == run->options->steps)
        return LMVR_OK;
    return feed_create(corpus, &options, run->saved * run->options->accumulation, &run->feed, error);
}

static lmvr_status train(struct training *run, lmvr_error *error)
{
    int64_t begun = run->optimizer.steps;
    lmvr_status status = LMVR_OK;
    pace_begin(&run->pace);
    run->saved_at = pace_now();
    while (status == LMVR_OK && run->optimizer.steps < run->options->steps)
        status = step_and_tell(run, error);
    if (status == LMVR_OK)
        status = run->objective->save(run->objective->self, run->folder.place.output, error);
    if (status == LMVR_OK)
        status = run_folder_mark_finished(&run->folder, error);
    bool midway = run->optimizer.steps > begun || run->saved > 0;
    return status == LMVR_OK || status == LMVR_STOPPED || !midway ? status : LMVR_ERROR_RESOURCE;
}

static lmvr_status open_and_train(struct training *run, const struct corpus *corpus, lmvr_error *error)
{
    TRY(optimizer_init(&run->optimizer, run->objective->parameters, error));
    TRY(tape_create_for(run->objective->parameters, &run->tape, error));
    TRY(run_folder_open(&run->folder, run->objective, corpus, run->validation, run->options, error));
    if (run->folder.finished)
        return LMVR_OK;
    lmvr_status status = go_on(run, corpus, error);
    if (status == LMVR_OK && run->options->begin)
        status = run->options->begin(run->folder.place.output, run->options->user, error);
    if (status == LMVR_OK)
        status = train(run, error);
    lmvr_status closed = run_log_close(&run->log, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}

lmvr_status run_train(const struct objective *objective, const struct corpus *corpus, const struct corpus *validation,
                      const struct feed_options *feed, const struct run_options *options, lmvr_error *error)
{
    struct training run = {
        .objective = objective, .validation = validation, .feed_options = feed, .options = options, .log = {.fd = -1}};
    run.folder.run_fd = -1;
    if (options->steps < 1 || options->accumulation < 1 || options->keep < 1)
        return error_set(error, LMVR_ERROR_INVALID,
                         "a run needs at least one step, one batch per step and one checkpoint kept");
    lmvr_status status = open_and_train(&run, corpus, error);
    feed_free(run.feed);
    tape_free(run.tape);
    optimizer_finish(&run.optimizer);
    run_folder_close(&run.folder);
    return status;
}
