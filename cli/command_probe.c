/* lmvr probe: linear classifiers on features. fit trains one, score evaluates it, predict writes its probabilities. */
#include "cli.h"
#include "error.h"
#include "interrupt.h"
#include "lab/probe/metrics.h"
#include "lab/probe/probe.h"
#include "lab/probe/probe_file.h"
#include "lab/probe/row_file.h"
#include "probe_inputs.h"
#include "probe_report.h"
#include "progress.h"

#include <libgen.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void use_threads(const struct options *options)
{
    if (options->session.threads > 0)
        omp_set_num_threads(options->session.threads);
}

/* Adds the file's name, which the library does not know, to an error. */
static lmvr_status in_features(const struct options *o, lmvr_status status, lmvr_error *error)
{
    lmvr_error inner = *error;
    if (status == LMVR_ERROR_INVALID)
        error_write(error, "%s: %s", o->feature_file, inner.message);
    return status;
}

/* Checks before the work that the output can be written. */
static lmvr_status check_output(const struct options *o, const char *what, lmvr_error *error)
{
    struct stat st;
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name %s", what);
    if (stat(o->output, &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is a folder, -o has to name %s", o->output, what);
    char *copy = strdup(o->output);
    if (!copy)
        return error_no_memory(error, "a file name");
    bool writable = access(dirname(copy), W_OK) == 0;
    lmvr_status status = writable ? LMVR_OK : file_error(error, o->output, "write");
    free(copy);
    return status;
}

/* ---- fit ---- */

static void on_warning(void *user, const char *sentence)
{
    struct progress *progress = user;
    if (progress)
        progress_clear(progress);
    complain("%s", sentence);
}

static bool on_progress(void *user, const struct probe_progress *p)
{
    char line[128], which[32] = "";
    if (p->trial >= 0)
        snprintf(which, sizeof which, " (%d of at most %d)", p->trial + 1, PROBE_MAX_TRIALS);
    snprintf(line, sizeof line, "C %.3g%s   step %d   %d of %d %s left", p->c, which, p->evaluations, p->running, p->classes,
             p->classes == 1 ? "problem" : "classes");
    progress_say(user, line);
    return interrupt_came();
}

static lmvr_status fit(const struct options *o, struct probe_inputs *in, struct probe *probe, struct probe_report *report,
                       lmvr_error *error)
{
    struct progress progress;
    struct probe_options options = {.c = isnan(o->c) ? 0 : o->c,
                                    .seed = o->session.seed,
                                    .feature = in->feature,
                                    .on_warning = on_warning,
                                    .on_progress = on_progress,
                                    .user = &progress};
    interrupt_install();
    progress_begin_saying(&progress, !o->quiet);
    lmvr_status status = probe_fit(&options, in->features, in->rows, in->dim, &in->labels, probe, report, error);
    progress_clear(&progress);
    return in_features(o, status, error);
}

int command_probe_fit(const struct options *options)
{
    lmvr_error error;
    struct probe_inputs in = {0};
    struct probe probe = {0};
    struct probe_report report;
    use_threads(options);
    lmvr_status status = check_output(options, "a file for the probe", &error);
    if (status == LMVR_OK)
        status = probe_inputs_read(options, PROBE_FIT, &in, &error);
    if (status == LMVR_OK)
        status = fit(options, &in, &probe, &report, &error);
    if (status == LMVR_OK)
        status = probe_write(&probe, options->output, &error);
    int exit_status = status == LMVR_OK ? EXIT_DONE : cannot(status, &error);
    if (status == LMVR_STOPPED)
        exit_status = EXIT_STOPPED;
    if (status == LMVR_OK && !probe_report_fit(&probe, &report, options->json))
        exit_status = EXIT_STOPPED;
    probe_finish(&probe);
    probe_inputs_finish(&in);
    return exit_status;
}

/* ---- score and predict ---- */

/* Reads the probe and its inputs, and computes scores (rows, classes), to be freed. */
static lmvr_status use_probe(const struct options *o, enum probe_use use, struct probe *probe, struct probe_inputs *in,
                             float **scores, lmvr_error *error)
{
    if (!o->probe)
        return error_set(error, LMVR_ERROR_INVALID, "no probe: -p has to name a file that probe fit wrote");
    TRY(probe_read(o->probe, probe, error));
    TRY(probe_inputs_read(o, use, in, error));
    if (in->dim != probe->dim)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has rows of %lld values, but %s was fitted to %lld", o->feature_file,
                         (long long)in->dim, o->probe, (long long)probe->dim);
    *scores = calloc((size_t)in->rows, (size_t)probe->class_count * sizeof **scores);
    if (!*scores)
        return error_no_memory(error, "the scores");
    return in_features(o, probe_scores(probe, in->features, in->rows, *scores, error), error);
}

static lmvr_status score(const struct options *o, const struct probe *probe, const struct probe_inputs *in, const float *scores,
                         bool *printed, lmvr_error *error)
{
    struct labels labels;
    struct metrics metrics;
    struct probe_options options = {.on_warning = on_warning};
    TRY(probe_align_labels(probe, &in->labels, &options, &labels, error));
    lmvr_status status = metrics_compute(&labels, scores, &metrics, error);
    if (status == LMVR_OK) {
        *printed = probe_report_score(probe, &labels, &metrics, probe_loss(probe, &labels, scores), o->json);
        metrics_finish(&metrics);
    }
    labels_finish(&labels);
    return status;
}

int command_probe_score(const struct options *options)
{
    lmvr_error error;
    struct probe probe = {0};
    struct probe_inputs in = {0};
    float *scores = NULL;
    bool printed = true;
    use_threads(options);
    lmvr_status status = use_probe(options, PROBE_SCORE, &probe, &in, &scores, &error);
    if (status == LMVR_OK)
        status = score(options, &probe, &in, scores, &printed, &error);
    free(scores);
    probe_inputs_finish(&in);
    probe_finish(&probe);
    return status != LMVR_OK ? cannot(status, &error) : printed ? EXIT_DONE : EXIT_STOPPED;
}

int command_probe_predict(const struct options *options)
{
    lmvr_error error;
    struct probe probe = {0};
    struct probe_inputs in = {0};
    float *scores = NULL;
    use_threads(options);
    lmvr_status status = check_output(options, "a .npy file for the probabilities", &error);
    if (status == LMVR_OK)
        status = use_probe(options, PROBE_PREDICT, &probe, &in, &scores, &error);
    if (status == LMVR_OK) {
        probe_probabilities(&probe, in.rows, scores);
        status = row_file_write(options->output, scores, in.rows, probe.class_count, &error);
    }
    free(scores);
    probe_inputs_finish(&in);
    probe_finish(&probe);
    return status == LMVR_OK ? EXIT_DONE : cannot(status, &error);
}
