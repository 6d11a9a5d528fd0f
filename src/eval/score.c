#include "eval/score.h"

#include "eval/clock.h"
#include "probe/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dataset_part_range(const struct dataset *set, enum dataset_part part, int64_t *first, int64_t *count)
{
    *first = *count = 0;
    for (int64_t i = set->count - 1; i >= 0; i--)
        if (set->parts[i] == part) {
            *first = i;
            ++*count;
        }
}

/* The labels of those of the images that have rows: image i of the set is image i + shift of the features. */
static lmvr_status labels_of_rows(const struct labels *labels, const struct feature_set *features, int64_t first, int64_t count,
                                  int64_t shift, struct labels *selected, lmvr_error *error)
{
    int64_t *rows = calloc((size_t)count + 1, sizeof *rows), good = 0;
    if (!rows)
        return error_no_memory(error, "the labels");
    for (int64_t i = first; i < first + count; i++)
        if (features->rows[i + shift] >= 0)
            rows[good++] = i;
    lmvr_status status = labels_select(labels, rows, good, selected, error);
    free(rows);
    return status;
}

/* ---- fitting ------------------------------------------------------------------------------------------------------------ */

/* What a fit's callbacks know. */
struct fit {
    const struct score_options *options;
    struct results *results;
    int representation;
    const char *task;
    bool several_tasks;
    lmvr_status status; /* of keeping a warning */
};

static void keep_warning(void *user, const char *sentence)
{
    struct fit *fit = user;
    char text[1400];
    lmvr_error error;
    snprintf(text, sizeof text, "%s%s%s", fit->several_tasks ? fit->task : "", fit->several_tasks ? ": " : "", sentence);
    if (results_warn(fit->results, fit->representation, text, &error) != LMVR_OK)
        fit->status = LMVR_ERROR_RESOURCE;
}

static const char *label_of(const struct fit *fit)
{
    return fit->results->representations[fit->representation].label;
}

static bool on_progress(void *user, const struct probe_progress *step)
{
    const struct fit *fit = user;
    (void)step;
    return fit->options->on_fit && fit->options->on_fit(fit->options->user, label_of(fit), fit->task) != 0;
}

/* A task that cannot be learned, such as one with a single class, is left out with a warning. */
static lmvr_status fit_task(struct fit *fit, const struct feature_set *features, struct representation *r, int task,
                            struct probes *probes, lmvr_error *error)
{
    const struct dataset *set = fit->results->set;
    struct labels labels;
    float *values;
    int64_t first, count, dim;
    struct probe_options options = {.c = fit->options->c,
                                    .seed = fit->options->seed,
                                    .feature = r->variant->spec,
                                    .on_warning = keep_warning,
                                    .on_progress = on_progress,
                                    .user = fit};
    struct probe_report report;
    fit->task = set->tasks[task].name;
    dataset_part_range(set, DATASET_TRAIN, &first, &count);
    TRY(labels_of_rows(&set->tasks[task].labels, features, first, count, 0, &labels, error));
    lmvr_status status = features_load(features, r->key, first, count, &values, &dim, error);
    if (status == LMVR_OK) {
        status = probe_fit(&options, values, labels.rows, dim, &labels, &probes->items[task], &report, error);
        free(values);
        if (status == LMVR_ERROR_INVALID) {
            keep_warning(fit, error->message);
            r->c[task] = NAN;
            status = LMVR_OK;
        } else if (status == LMVR_OK) {
            probes->fitted[task] = true;
            r->c[task] = probes->items[task].c;
            r->train_rows[task] = report.rows;
        }
    }
    labels_finish(&labels);
    return status != LMVR_OK ? status : fit->status != LMVR_OK ? error_no_memory(error, "the results") : LMVR_OK;
}

lmvr_status score_fit(const struct score_options *options, const struct feature_set *features, struct results *results,
                      int representation, struct probes *probes, lmvr_error *error)
{
    struct representation *r = &results->representations[representation];
    int tasks = results->set->task_count;
    struct fit fit = {.options = options,
                      .results = results,
                      .representation = representation,
                      .several_tasks = tasks > 1,
                      .status = LMVR_OK};
    double begun = seconds_now();
    *probes = (struct probes){.items = calloc((size_t)tasks + 1, sizeof *probes->items),
                              .fitted = calloc((size_t)tasks + 1, sizeof *probes->fitted),
                              .count = tasks};
    lmvr_status status = probes->items && probes->fitted ? LMVR_OK : error_no_memory(error, "the probes");
    for (int t = 0; t < tasks && status == LMVR_OK; t++)
        status = fit_task(&fit, features, r, t, probes, error);
    r->seconds += seconds_now() - begun;
    return status;
}

void probes_finish(struct probes *probes)
{
    for (int i = 0; probes->items && i < probes->count; i++)
        probe_finish(&probes->items[i]);
    free(probes->items);
    free(probes->fitted);
    *probes = (struct probes){0};
}

/* ---- testing ------------------------------------------------------------------------------------------------------------ */

/* The probe's classes stand in its own order, and those that could not be learned are not among them. */
static lmvr_status keep_per_class(const struct results *results, const struct labels *labels, const struct probe *probe,
                                  const struct metrics *metrics, struct score *score, lmvr_error *error)
{
    score->per_class = calloc((size_t)labels->class_count + 1, sizeof *score->per_class);
    if (!score->per_class)
        return error_no_memory(error, "the results");
    for (int c = 0; c < labels->class_count; c++) {
        score->per_class[c] = NAN;
        for (int p = 0; p < probe->class_count; p++) {
            const struct class_metrics *m = &metrics->per_class[p];
            if (strcmp(probe->classes[p], labels->classes[c]) == 0)
                score->per_class[c] = labels->kind == LABELS_SINGLE      ? m->accuracy
                                      : results_count_11_points(results) ? m->ap_11point
                                                                         : m->ap;
        }
    }
    return LMVR_OK;
}

/* `per_class` is the task's own labels where its classes' scores are wanted too, else NULL. */
static lmvr_status test_task(const struct results *results, const struct probe *probe, const struct labels *labels,
                             const struct labels *per_class, const float *values, struct score *score, lmvr_error *error)
{
    struct probe_options silent = {.c = 0};
    struct labels aligned;
    struct metrics metrics;
    TRY(probe_align_labels(probe, labels, &silent, &aligned, error));
    float *scores = malloc(((size_t)labels->rows * (size_t)probe->class_count + 1) * sizeof *scores);
    lmvr_status status =
        scores ? probe_scores(probe, values, labels->rows, scores, error) : error_no_memory(error, "the scores");
    if (status == LMVR_OK)
        status = metrics_compute(&aligned, scores, &metrics, error);
    if (status == LMVR_OK) {
        *score = (struct score){metrics.map_11point, metrics.map, metrics.accuracy, NULL, metrics.rows};
        if (per_class)
            status = keep_per_class(results, per_class, probe, &metrics, score, error);
        metrics_finish(&metrics);
    }
    free(scores);
    labels_finish(&aligned);
    return status;
}

lmvr_status score_test(const struct feature_set *features, const struct dataset *set, int64_t first,
                       const struct probes *probes, struct results *results, int representation, int condition,
                       lmvr_error *error)
{
    struct representation *r = &results->representations[representation];
    int64_t begin, count, dim;
    float *values;
    double begun = seconds_now();
    dataset_part_range(set, DATASET_TEST, &begin, &count);
    TRY(features_load(features, r->key, first, count, &values, &dim, error));
    lmvr_status status = LMVR_OK;
    for (int t = 0; t < probes->count && status == LMVR_OK; t++) {
        struct score *score = results_score(results, representation, condition, t);
        struct labels labels;
        *score = (struct score){NAN, NAN, NAN, NULL, 0};
        if (!probes->fitted[t])
            continue;
        status = labels_of_rows(&set->tasks[t].labels, features, begin, count, first - begin, &labels, error);
        if (status != LMVR_OK)
            break;
        status = test_task(results, &probes->items[t], &labels, condition == 0 ? &results->set->tasks[t].labels : NULL, values,
                           score, error);
        labels_finish(&labels);
    }
    free(values);
    r->seconds += seconds_now() - begun;
    return status;
}
