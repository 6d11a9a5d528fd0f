#include "lab/eval/score.h"

#include "lab/eval/clock.h"
#include "lab/eval/zero_shot.h"
#include "lab/probe/metrics.h"

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

/* The labels of the images that have rows: image i of the set is image i + shift of the features. */
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

/* The state of a fit's callbacks. */
struct fit {
    const struct score_options *options;
    const struct score_place *place;
    const char *task;
    bool several_tasks;
    lmvr_status status; /* of recording a warning */
};

static void keep_warning(void *user, const char *sentence)
{
    struct fit *fit = user;
    char text[1400];
    lmvr_error error;
    snprintf(text, sizeof text, "%s%s%s", fit->several_tasks ? fit->task : "", fit->several_tasks ? ": " : "", sentence);
    if (results_warn(fit->place->results, fit->place->representation, text, &error) != LMVR_OK)
        fit->status = LMVR_ERROR_RESOURCE;
}

static const char *label_of(const struct fit *fit)
{
    return fit->place->results->representations[fit->place->representation].variant->label;
}

static bool on_progress(void *user, const struct probe_progress *step)
{
    const struct fit *fit = user;
    (void)step;
    return fit->options->on_fit && fit->options->on_fit(fit->options->user, label_of(fit), fit->task) != 0;
}

/* A task that cannot be trained, such as one with a single class, is skipped with a warning. */
static lmvr_status fit_task(struct fit *fit, int task, struct probes *probes, lmvr_error *error)
{
    const struct score_place *place = fit->place;
    const struct dataset *set = place->set;
    const struct feature_set *features = place->features;
    struct representation *r = &place->results->representations[place->representation];
    double *c = &r->c[place->seed * set->task_count + task];
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
    lmvr_status status = features_load(features, r->variant->key, first, count, &values, &dim, error);
    if (status == LMVR_OK) {
        status = probe_fit(&options, values, labels.rows, dim, &labels, &probes->items[task], &report, error);
        free(values);
        if (status == LMVR_ERROR_INVALID) {
            keep_warning(fit, error->message);
            *c = NAN;
            status = LMVR_OK;
        } else if (status == LMVR_OK) {
            probes->fitted[task] = true;
            *c = probes->items[task].c;
            r->c_is_at_an_end |= report.c_is_at_an_end;
            r->train_rows[task] = report.rows;
        }
    }
    labels_finish(&labels);
    return status != LMVR_OK ? status : fit->status != LMVR_OK ? error_no_memory(error, "the results") : LMVR_OK;
}

lmvr_status score_fit(const struct score_options *options, const struct score_place *place, struct probes *probes,
                      lmvr_error *error)
{
    int tasks = place->set->task_count;
    struct fit fit = {.options = options, .place = place, .several_tasks = tasks > 1, .status = LMVR_OK};
    double begun = seconds_now();
    *probes = (struct probes){.items = calloc((size_t)tasks + 1, sizeof *probes->items),
                              .fitted = calloc((size_t)tasks + 1, sizeof *probes->fitted),
                              .count = tasks};
    lmvr_status status = probes->items && probes->fitted ? LMVR_OK : error_no_memory(error, "the probes");
    for (int t = 0; t < tasks && status == LMVR_OK; t++)
        status = fit_task(&fit, t, probes, error);
    place->results->representations[place->representation].seconds += seconds_now() - begun;
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

/* ---- scoring ----------------------------------------------------------------------------------------------------------- */

/* The labels and images of a test split's rows. */
struct rows {
    struct labels labels;
    int64_t *images; /* (labels.rows) from 0, within the split */
    int64_t image_count;
};

static void rows_finish(struct rows *rows)
{
    labels_finish(&rows->labels);
    free(rows->images);
}

/* Those of the task; image i of the split is image i + begun of the features. */
static lmvr_status rows_take(const struct score_place *place, int64_t begun, int task, struct rows *rows, lmvr_error *error)
{
    const struct feature_set *features = place->features;
    int64_t first, good = 0;
    *rows = (struct rows){.image_count = 0};
    dataset_part_range(place->set, DATASET_TEST, &first, &rows->image_count);
    rows->images = calloc((size_t)rows->image_count + 1, sizeof *rows->images);
    if (!rows->images)
        return error_no_memory(error, "the labels");
    for (int64_t i = 0; i < rows->image_count; i++)
        if (features->rows[begun + i] >= 0)
            rows->images[good++] = i;
    return labels_of_rows(&place->set->tasks[task].labels, features, first, rows->image_count, begun - first, &rows->labels,
                          error);
}

/* The probe has its own order of classes, and lacks those that could not be trained. */
static lmvr_status keep_per_class(const struct score_place *place, const struct labels *labels, const struct probe *probe,
                                  const struct metrics *metrics, const struct bootstrap *bootstrap, struct score *score,
                                  lmvr_error *error)
{
    bool points = results_count_11_points(place->results), single = labels->kind == LABELS_SINGLE;
    const struct interval *intervals = single || points ? bootstrap->per_class : bootstrap->per_class_all_points;
    score->per_class = calloc((size_t)labels->class_count + 1, sizeof *score->per_class);
    if (!score->per_class)
        return error_no_memory(error, "the results");
    for (int c = 0; c < labels->class_count; c++) {
        score->per_class[c] = (struct estimate){NAN, NAN, NAN};
        for (int p = 0; p < probe->class_count; p++) {
            const struct class_metrics *m = &metrics->per_class[p];
            if (strcmp(probe->classes[p], labels->classes[c]) == 0)
                score->per_class[c] = (struct estimate){100 * (single   ? m->accuracy
                                                               : points ? m->ap_11point
                                                                        : m->ap),
                                                        100 * intervals[p].low, 100 * intervals[p].high};
        }
    }
    return LMVR_OK;
}

/* Accuracy per class, averaged over the classes that have rows: VisDA's official measure. */
static double class_accuracy(const struct metrics *metrics)
{
    double sum = 0;
    int count = 0;
    for (int k = 0; k < metrics->class_count; k++)
        if (!isnan(metrics->per_class[k].accuracy)) {
            sum += metrics->per_class[k].accuracy;
            count++;
        }
    return count ? sum / count : (double)NAN;
}

/* `labels` use the probe's class indices. */
static lmvr_status measure(const struct score_place *place, const struct probe *probe, const struct labels *labels,
                           const struct labels *own, const struct rows *rows, const float *scores, uint64_t seed,
                           struct score *score, lmvr_error *error)
{
    struct metrics metrics;
    struct bootstrap bootstrap;
    TRY(metrics_compute(labels, scores, &metrics, error));
    lmvr_status status = bootstrap_compute(labels, scores, rows->images, rows->image_count, seed, &bootstrap, error);
    if (status == LMVR_OK && own)
        status = keep_per_class(place, own, probe, &metrics, &bootstrap, score, error);
    if (status == LMVR_OK) {
        double measures[MEASURES] = {[MEASURE_MAP_11POINT] = metrics.map_11point,
                                     [MEASURE_MAP] = metrics.map,
                                     [MEASURE_ACCURACY] = metrics.accuracy,
                                     [MEASURE_CLASS_ACCURACY] = class_accuracy(&metrics),
                                     [MEASURE_TOP5] = metrics.accuracy_top5};
        memcpy(score->measures, measures, sizeof measures);
        memcpy(score->draws, bootstrap.draws, sizeof score->draws);
        memset(bootstrap.draws, 0, sizeof bootstrap.draws); /* the score owns them now */
        score->rows = metrics.rows;
    }
    bootstrap_finish(&bootstrap);
    metrics_finish(&metrics);
    return status;
}

static lmvr_status test_task(const struct score_place *place, const struct probe *probe, const struct rows *rows,
                             const struct labels *own, const float *values, uint64_t seed, struct score *score,
                             lmvr_error *error)
{
    struct probe_options silent = {.c = 0};
    struct labels aligned;
    TRY(probe_align_labels(probe, &rows->labels, &silent, &aligned, error));
    float *scores = malloc(((size_t)aligned.rows * (size_t)probe->class_count + 1) * sizeof *scores);
    lmvr_status status =
        scores ? probe_scores(probe, values, aligned.rows, scores, error) : error_no_memory(error, "the scores");
    if (status == LMVR_OK)
        status = measure(place, probe, &aligned, own, rows, scores, seed, score, error);
    free(scores);
    labels_finish(&aligned);
    return status;
}

lmvr_status score_test(const struct score_place *place, const struct probes *probes, int64_t begun, int condition,
                       uint64_t seed, lmvr_error *error)
{
    struct representation *r = &place->results->representations[place->representation];
    int64_t first, count, dim;
    float *values;
    double started = seconds_now();
    dataset_part_range(place->set, DATASET_TEST, &first, &count);
    TRY(features_load(place->features, r->variant->key, begun, count, &values, &dim, error));
    if (place->results->experiment->kind == EXPERIMENT_ZERO_SHOT)
        zero_shot_normalize(values, features_good(place->features, begun, count), dim);
    lmvr_status status = LMVR_OK;
    for (int t = 0; t < probes->count && status == LMVR_OK; t++) {
        struct score *score = results_score(place->results, place->representation, place->seed, condition, t);
        const struct labels *own = condition == 0 ? &place->set->tasks[t].labels : NULL;
        struct rows rows;
        *score = (struct score){.measures = {NAN, NAN, NAN, NAN, NAN}};
        if (!probes->fitted[t])
            continue;
        status = rows_take(place, begun, t, &rows, error);
        if (status == LMVR_OK)
            status = test_task(place, &probes->items[t], &rows, own, values, seed, score, error);
        rows_finish(&rows);
    }
    free(values);
    r->seconds += seconds_now() - started;
    return status;
}
