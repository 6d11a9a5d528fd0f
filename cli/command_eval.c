/* lmvr eval: runs the paper's experiments on a data set; prints a table and writes a report. */
#include "cli.h"
#include "corruption_list.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "hub.h"
#include "interrupt.h"
#include "lab/dataset/dataset.h"
#include "lab/eval/eval.h"
#include "progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CROP_SIZE 224 /* ImageNet-C's */

struct eval_run {
    const struct options *options;
    const struct experiment *experiment;
    struct dataset set;
    lmvr_model *opened[EVAL_MOST_MODELS], *finetuned;
    struct eval_model models[EVAL_MOST_MODELS];
    int model_count;
    struct progress progress;
    struct templates templates; /* zero-shot */
    unsigned types, severities; /* of corruptions; 0: all */
    bool in_pass, strict_stop;
    size_t done;        /* images in this pass */
    const char *fitted; /* the last representation that was announced */
};

/* ---- progress ----------------------------------------------------------------------------------------------------------- */

static bool talks(const struct eval_run *run)
{
    return !run->options->quiet && isatty(STDERR_FILENO);
}

static void end_pass(struct eval_run *run)
{
    if (run->in_pass)
        progress_end(&run->progress, run->done);
    run->in_pass = false;
}

/* A condition's folder, "fog/3", is printed as "fog 3". */
static void on_pass(void *user, const char *what, int number, int passes, int64_t images)
{
    struct eval_run *run = user;
    int length = (int)strcspn(what, "/");
    if (talks(run) && passes > 1)
        fprintf(stderr, "pass %d of %d: %.*s%s%s\n", number, passes, length, what, what[length] ? " " : "",
                what + length + (what[length] != 0));
    progress_begin(&run->progress, !run->options->quiet, 0, (size_t)images);
    run->done = 0;
    run->in_pass = true;
}

static int on_image(void *user, int64_t done, int64_t total, const char *failure)
{
    struct eval_run *run = user;
    if (failure) {
        progress_clear(&run->progress);
        complain("%s", failure);
        run->strict_stop = run->options->strict;
    }
    run->done = (size_t)done;
    progress_step(&run->progress, run->done);
    if (done == total)
        end_pass(run);
    return run->strict_stop || interrupt_came();
}

static int on_fit(void *user, const char *representation, const char *task)
{
    struct eval_run *run = user;
    if (talks(run) && run->fitted != task)
        fprintf(stderr, "probe of %s: %s\n", representation, task);
    run->fitted = task;
    return interrupt_came();
}

/* ---- arguments ---------------------------------------------------------------------------------------------------------- */

static lmvr_status check_call(struct eval_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    if (o->input_count != 1)
        return error_set(error, LMVR_ERROR_INVALID, "eval takes one experiment: %s", experiment_names);
    run->experiment = experiment_find(o->inputs[0]);
    if (!run->experiment)
        return error_set(error, LMVR_ERROR_INVALID, "there is no experiment \"%s\"; expected one of %s", o->inputs[0],
                         experiment_names);
    if (!o->data)
        return error_set(error, LMVR_ERROR_INVALID, "no data: --data has to name the folder of the data set");
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder for the report");
    if (o->model_count > EVAL_MOST_MODELS)
        return error_set(error, LMVR_ERROR_INVALID, "-m: %d models are given, expected at most %d", o->model_count,
                         EVAL_MOST_MODELS);
    if (o->mmproj && o->model_count != 1)
        return error_set(error, LMVR_ERROR_INVALID,
                         "--mmproj goes with one -m; give a folder with both files for each of several");
    if (o->resume && o->force)
        return error_set(error, LMVR_ERROR_INVALID, "--resume keeps what --force removes: only one of them can be given");
    if (o->corrupted && run->experiment->kind != EXPERIMENT_CORRUPTION)
        return error_set(error, LMVR_ERROR_INVALID, "--corrupted is for the experiment corruption");
    if ((o->types || o->severities) && run->experiment->kind != EXPERIMENT_CORRUPTION)
        return error_set(error, LMVR_ERROR_INVALID, "--type and --severity are for the experiment corruption");
    if (o->templates && run->experiment->kind != EXPERIMENT_ZERO_SHOT)
        return error_set(error, LMVR_ERROR_INVALID, "--templates is for the experiment zero-shot");
    if (o->seeds > 1 && run->experiment->kind == EXPERIMENT_ZERO_SHOT)
        return error_set(error, LMVR_ERROR_INVALID, "zero-shot trains nothing, so there is nothing to repeat with --seeds");
    if (run->experiment->kind == EXPERIMENT_ZERO_SHOT)
        TRY(templates_read(o->templates, &run->templates, error));
    if (o->types)
        TRY(corruption_parse_types(o->types, &run->types, error));
    if (o->severities)
        TRY(corruption_parse_severities(o->severities, &run->severities, error));
    return report_check_place(o->output, error);
}

static lmvr_status open_set(struct eval_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    struct dataset_options options = {.limit = o->limit, .seed = o->session.seed, .test_part = o->test_part};
    TRY(dataset_open(o->dataset ? o->dataset : run->experiment->dataset, o->data, &options, &run->set, error));
    hint_passed_over_in_set(run->set.passed_over, o->quiet);
    return LMVR_OK;
}

static lmvr_status open_finetuned(struct eval_run *run, lmvr_error *error)
{
    char *path;
    TRY(hub_find(run->options->finetuned, &path, error));
    struct options options = *run->options;
    options.mmproj = NULL;
    lmvr_status status = path ? engine_load(path, &options, &run->finetuned, error) : LMVR_OK;
    free(path);
    return status;
}

static lmvr_status open_models(struct eval_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    struct options one = *o;
    do {
        char *path;
        one.model = o->model_count > 0 ? o->models[run->model_count] : NULL;
        TRY(engine_model_path(&one, &path, error));
        if (!one.model)
            hint_shipped_model(o->quiet);
        lmvr_model **opened = &run->opened[run->model_count];
        lmvr_status status = engine_load(path, o, opened, error);
        free(path);
        if (status != LMVR_OK)
            return status;
        run->models[run->model_count++] = (struct eval_model){*opened, one.model};
    } while (run->model_count < o->model_count);
    return open_finetuned(run, error);
}

/* ImageNet-C's images have one class each; cropping an image with many objects would lose some. */
static int corrupt_size(const struct eval_run *run)
{
    if (run->options->size >= 0)
        return run->options->size;
    return run->set.tasks[0].labels.kind == LABELS_SINGLE ? CROP_SIZE : 0;
}

/* ---- ending ------------------------------------------------------------------------------------------------------------- */

static lmvr_status print_table(const struct report_table *table, lmvr_error *error)
{
    struct winsize window;
    bool terminal = isatty(STDOUT_FILENO);
    int width = terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 120;
    return report_table_print(table, width, terminal, stdout, error);
}

static int finish(const struct eval_run *run, const struct report *report, const struct report_table *table,
                  const struct eval_counts *counts)
{
    lmvr_error error;
    lmvr_status status = report_write(report, run->options->output, &error);
    if (status == LMVR_OK)
        status = print_table(table, &error);
    if (status != LMVR_OK) {
        complain("%s; the features are kept", error.message);
        return EXIT_STOPPED;
    }
    if (!flush_stdout())
        return EXIT_STOPPED;
    if (counts->warnings > 0)
        complain("%d warning%s from the probes: see the report", counts->warnings, counts->warnings == 1 ? "" : "s");
    if (counts->failed == 0)
        return EXIT_DONE;
    complain("%lld of %lld images could not be used", (long long)counts->failed, (long long)counts->images);
    return EXIT_SOME_FAILED;
}

static int stopped(const struct eval_run *run, lmvr_status status, const lmvr_error *error)
{
    if (run->strict_stop) {
        complain("stopped there for --strict; run the same command again to continue");
        return EXIT_SOME_FAILED;
    }
    if (status == LMVR_STOPPED)
        complain("stopped by a signal; run the same command again to continue");
    else
        complain("%s", error->message);
    return status == LMVR_ERROR_INVALID ? EXIT_CANNOT : EXIT_STOPPED;
}

static int evaluate(struct eval_run *run)
{
    const struct options *o = run->options;
    lmvr_error error = {{0}};
    struct report *report;
    struct report_table *table;
    struct eval_counts counts;
    struct eval_options options = {.experiment = run->experiment,
                                   .models = run->models,
                                   .model_count = run->model_count,
                                   .finetuned = run->finetuned,
                                   .session = o->session,
                                   .set = &run->set,
                                   .data_name = o->data,
                                   .corrupted = o->corrupted,
                                   .textures = o->textures,
                                   .types = run->types,
                                   .severities = run->severities,
                                   .corrupt_size = corrupt_size(run),
                                   .limit = o->limit,
                                   .templates = &run->templates,
                                   .c = isnan(o->c) ? 0 : o->c,
                                   .seed = o->session.seed,
                                   .seeds = o->seeds > 0 ? o->seeds : 1,
                                   .output = o->output,
                                   .mode = o->force ? STORE_FORCE : STORE_RESUME,
                                   .any_device = o->force_device,
                                   .watch = {on_pass, on_image, on_fit, run}};
    interrupt_install();
    lmvr_status status = eval_run(&options, &report, &table, &counts, &error);
    end_pass(run);
    if (status != LMVR_OK)
        return stopped(run, status, &error);
    int exit_status = finish(run, report, table, &counts);
    report_free(report);
    return exit_status;
}

int command_eval(const struct options *options)
{
    lmvr_error error;
    struct eval_run run = {.options = options};
    if (options->session.threads > 0)
        omp_set_num_threads(options->session.threads); /* the probes' */
    lmvr_status status = check_call(&run, &error);
    if (status == LMVR_OK)
        status = open_set(&run, &error);
    if (status == LMVR_OK)
        status = open_models(&run, &error);
    int exit_status = status == LMVR_OK ? evaluate(&run) : cannot(status, &error);
    lmvr_model_free(run.finetuned);
    for (int i = 0; i < EVAL_MOST_MODELS; i++)
        lmvr_model_free(run.opened[i]);
    dataset_finish(&run.set);
    templates_finish(&run.templates);
    return exit_status;
}
