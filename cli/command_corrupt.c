/* lmvr corrupt: applies ImageNet-C's corruptions to images. */
#include "cli.h"
#include "corrupt_plan.h"
#include "error.h"
#include "hints.h"
#include "interrupt.h"
#include "lab/figure/picture.h"
#include "progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct corrupt_run {
    const struct options *options;
    struct corrupt_plan plan;
    struct frost *frost;
    struct progress progress;
    char **complaints;    /* one per input; NULL: none */
    bool *ended;          /* one per input: done or failed */
    size_t told, written; /* inputs reported so far, in order; results written */
    size_t done, failed;  /* inputs */
    bool stop;            /* start nothing new */
    lmvr_status status;   /* why the run stopped */
    lmvr_error error;     /* the message for it */
};

/* ---- results ---- */

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static lmvr_status corrupt_copy(const struct corrupt_run *run, const struct image *image, uint64_t hash, int variant,
                                const char *path, lmvr_error *error)
{
    const struct variant *v = &run->plan.variants[variant];
    struct corruption corruption = {v->type, v->severity, run->options->angle, run->options->session.seed, run->frost};
    size_t size = (size_t)image->width * (size_t)image->height * 3;
    struct image copy = {image->width, image->height, malloc(size)};
    if (!copy.rgb)
        return error_no_memory(error, "an image");
    memcpy(copy.rgb, image->rgb, size);
    lmvr_status status = image_corrupt(&corruption, hash, &copy, error);
    if (status == LMVR_OK)
        status = make_folders_of(path, error);
    if (status == LMVR_OK)
        status = picture_write(&copy, run->options->format == 2 ? CORRUPTION_QUALITY : 0, path, error);
    image_finish(&copy);
    return status;
}

/* The paths to write, one per variant; with --resume, NULL for those that exist. */
static lmvr_status list_paths(const struct corrupt_run *run, size_t input, char **paths, int *count, lmvr_error *error)
{
    *count = 0;
    for (int v = 0; v < run->plan.variant_count; v++) {
        paths[v] = corrupt_plan_path(&run->plan, input, v);
        if (!paths[v])
            return error_no_memory(error, "a file name");
        if (run->options->resume && is_there(paths[v])) {
            picture_clear(paths[v]);
            free(paths[v]);
            paths[v] = NULL;
        }
        *count += paths[v] != NULL;
    }
    return LMVR_OK;
}

/* ---- inputs ---- */

static void count_results(struct corrupt_run *run, size_t count)
{
#pragma omp critical(lmvr_corrupt)
    {
        run->written += count;
        progress_step(&run->progress, run->written);
        if (interrupt_came())
            run->stop = true;
    }
}

static bool is_stopped(struct corrupt_run *run)
{
    bool stop;
#pragma omp critical(lmvr_corrupt)
    stop = run->stop;
    return stop;
}

/* If there is only one input, the threads share its variants. *whole: all variants were done before a stop. */
static lmvr_status corrupt_image(struct corrupt_run *run, const struct image *image, uint64_t hash, char *const *paths,
                                 bool *whole, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
#pragma omp parallel for schedule(dynamic)
    for (int v = 0; v < run->plan.variant_count; v++) {
        lmvr_error own;
        if (!paths[v])
            continue;
        bool skip = is_stopped(run);
        lmvr_status result = skip ? LMVR_OK : corrupt_copy(run, image, hash, v, paths[v], &own);
#pragma omp critical(lmvr_corrupt_image)
        {
            if (skip)
                *whole = false;
            if (result != LMVR_OK && status == LMVR_OK) {
                status = result;
                *error = own;
            }
        }
        if (!skip)
            count_results(run, 1);
    }
    return status;
}

static lmvr_status read_cropped(const struct corrupt_run *run, const char *path, struct image *image, uint64_t *hash,
                                lmvr_error *error)
{
    lmvr_error own;
    TRY(image_read(path, image, hash, error));
    if (run->options->size < 1)
        return LMVR_OK;
    lmvr_status status = image_crop_imagenet_c(image, run->options->size, &own);
    if (status == LMVR_OK)
        return LMVR_OK;
    image_finish(image);
    return error_set(error, status, "%s: %.512s", path, own.message);
}

/* `error` names the input, unless it is about the output. */
static lmvr_status corrupt_input(struct corrupt_run *run, size_t input, bool *whole, lmvr_error *error)
{
    const char *path = run->plan.inputs.paths[input];
    char *paths[CORRUPTION_LIST_MOST] = {NULL};
    struct image image = {0};
    uint64_t hash = 0;
    int count = 0;
    lmvr_status status = list_paths(run, input, paths, &count, error);
    if (status == LMVR_OK && count > 0)
        status = read_cropped(run, path, &image, &hash, error);
    size_t skipped = (size_t)(status == LMVR_OK ? run->plan.variant_count - count : run->plan.variant_count);
    count_results(run, skipped);
    if (status == LMVR_OK && count > 0) {
        lmvr_error own;
        status = corrupt_image(run, &image, hash, paths, whole, &own);
        if (status != LMVR_OK)
            error_write(error, "%s: %.1024s", path, own.message);
    }
    image_finish(&image);
    for (int v = 0; v < run->plan.variant_count; v++)
        free(paths[v]);
    return status;
}

/* Reports the finished inputs, in order, up to the first unfinished one. */
static void tell(struct corrupt_run *run)
{
    for (; run->told < run->plan.inputs.count && run->ended[run->told]; run->told++) {
        char *complaint = run->complaints[run->told];
        if (!complaint)
            continue;
        progress_clear(&run->progress);
        complain("%s", complaint);
        free(complaint);
        run->complaints[run->told] = NULL;
    }
}

static void note_end(struct corrupt_run *run, size_t input, lmvr_status status, const lmvr_error *error, bool whole)
{
    if (status == LMVR_ERROR_RESOURCE) {
        run->status = status;
        run->error = *error;
        run->stop = true;
        return;
    }
    if (status != LMVR_OK) {
        run->failed++;
        run->complaints[input] = strdup(error->message);
        run->stop = run->stop || run->options->strict;
    }
    run->done += status == LMVR_OK && whole;
    run->ended[input] = whole || status != LMVR_OK;
    tell(run);
}

static void corrupt_all(struct corrupt_run *run)
{
    size_t count = run->plan.inputs.count;
#pragma omp parallel for schedule(dynamic) if (count > 1)
    for (size_t i = 0; i < count; i++) {
        lmvr_error error;
        bool whole = true;
        if (is_stopped(run))
            continue;
        lmvr_status status = corrupt_input(run, i, &whole, &error);
#pragma omp critical(lmvr_corrupt)
        note_end(run, i, status, &error, whole);
    }
}

/* ---- the run ---- */

static int report_stop(const struct corrupt_run *run, const char *why)
{
    complain("%s; %zu of %zu inputs are done, --resume continues", why, run->done, run->plan.inputs.count);
    return EXIT_STOPPED;
}

static int report(const struct corrupt_run *run)
{
    size_t count = run->plan.inputs.count;
    if (run->status != LMVR_OK)
        return report_stop(run, run->error.message);
    if (run->stop && run->options->strict && run->failed > 0) {
        complain("stopped there, with %zu of %zu inputs done, for --strict", run->done, count);
        return EXIT_SOME_FAILED;
    }
    if (run->done + run->failed < count)
        return report_stop(run, "stopped by a signal");
    if (run->failed > 0)
        complain("%zu of %zu inputs failed", run->failed, count);
    return run->failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* Creates the output folder and checks that it is writable before the work begins. */
static lmvr_status prepare(struct corrupt_run *run, lmvr_error *error)
{
    TRY(corrupt_plan_init(&run->plan, run->options, error));
    bool needs_frost = false;
    for (int v = 0; v < run->plan.variant_count; v++)
        needs_frost = needs_frost || run->plan.variants[v].type == CORRUPT_FROST;
    if (needs_frost)
        TRY(frost_create(run->options->textures, &run->frost, error));
    size_t count = run->plan.inputs.count;
    run->complaints = calloc(count + 1, sizeof *run->complaints);
    run->ended = calloc(count + 1, sizeof *run->ended);
    if (!run->complaints || !run->ended)
        return error_no_memory(error, "the list of inputs");
    TRY(make_folders_of(run->plan.output, error));
    if (access(run->plan.output, W_OK | X_OK) != 0)
        return file_error(error, run->plan.output, "be written to");
    return LMVR_OK;
}

static int compute(struct corrupt_run *run)
{
    if (run->options->session.threads > 0)
        omp_set_num_threads(run->options->session.threads);
    interrupt_install();
    progress_begin(&run->progress, !run->options->quiet, 0, run->plan.inputs.count * (size_t)run->plan.variant_count);
    corrupt_all(run);
    progress_end(&run->progress, run->written);
    hint_passed_over(&run->plan.inputs.passed_over, run->options->quiet);
    return report(run);
}

int command_corrupt(const struct options *options)
{
    lmvr_error error;
    struct corrupt_run run = {.options = options};
    lmvr_status status = prepare(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    for (size_t i = 0; run.complaints && i < run.plan.inputs.count; i++)
        free(run.complaints[i]);
    free(run.complaints);
    free(run.ended);
    frost_free(run.frost);
    corrupt_plan_finish(&run.plan);
    return exit_status;
}
