#include "lab/probe/metrics.h"

#include <math.h>
#include <stdlib.h>

#define POINTS 11        /* recall levels of VOC2007's average precision */
#define FEW    (1 << 16) /* scores that one thread ranks in less time than a second needs to start */

struct ranked {
    float score;
    bool positive;
};

static int compare_descending(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* Lowers the threshold through the sorted rows. */
static void integrate(const struct ranked *ranked, int64_t count, int64_t positives, double *ap_11point, double *ap)
{
    double best[POINTS] = {0}, sum = 0, points = 0; /* best precision for recall in [t/10, (t+1)/10) */
    int64_t found = 0;
    for (int64_t i = 0, next; i < count; i = next) {
        int64_t before = found;
        for (next = i; next < count && ranked[next].score == ranked[i].score; next++)
            found += ranked[next].positive;
        double precision = (double)found / (double)next;
        int64_t reached = (POINTS - 1) * found / positives;
        sum += (double)(found - before) * precision;
        best[reached] = fmax(best[reached], precision);
    }
    for (int t = POINTS - 2; t >= 0; t--)
        best[t] = fmax(best[t], best[t + 1]);
    for (int t = 0; t < POINTS; t++)
        points += best[t];
    *ap = sum / (double)positives;
    *ap_11point = points / POINTS;
}

lmvr_status metrics_average_precision(int64_t rows, int64_t stride, const int8_t *labels, const float *scores,
                                      double *ap_11point, double *ap, lmvr_error *error)
{
    int64_t count = 0, positives = 0;
    *ap_11point = *ap = NAN;
    struct ranked *ranked = malloc((size_t)(rows + 1) * sizeof *ranked);
    if (!ranked)
        return error_no_memory(error, "the ranking of a class");
    for (int64_t i = 0; i < rows; i++) {
        if (labels[i * stride] == 0)
            continue;
        ranked[count++] = (struct ranked){scores[i * stride], labels[i * stride] > 0};
        positives += labels[i * stride] > 0;
    }
    if (positives > 0) {
        qsort(ranked, (size_t)count, sizeof *ranked, compare_descending);
        integrate(ranked, count, positives, ap_11point, ap);
    }
    free(ranked);
    return LMVR_OK;
}

static lmvr_status check_scores(const struct labels *labels, const float *scores, lmvr_error *error)
{
    for (int64_t i = 0; i < labels->rows; i++)
        for (int k = 0; k < labels->class_count; k++)
            if (isnan(scores[i * labels->class_count + k]))
                return error_set(error, LMVR_ERROR_INVALID, "the score of row %lld for class %s is not a number", (long long)i,
                                 labels->classes[k]);
    return LMVR_OK;
}

static void count_multi(const struct labels *labels, int k, struct class_metrics *m)
{
    for (int64_t i = 0; i < labels->rows; i++) {
        int8_t label = labels->multi[i * labels->class_count + k];
        m->positives += label > 0;
        m->negatives += label < 0;
        m->difficult += label == 0;
    }
}

static lmvr_status compute_multi(const struct labels *labels, const float *scores, struct metrics *m, lmvr_error *error)
{
    int failed = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(+ : failed) if (labels->rows * labels->class_count > FEW)
    for (int k = 0; k < labels->class_count; k++) {
        struct class_metrics *c = &m->per_class[k];
        count_multi(labels, k, c);
        c->accuracy = NAN;
        failed += metrics_average_precision(labels->rows, labels->class_count, labels->multi + k, scores + k, &c->ap_11point,
                                            &c->ap, NULL) != LMVR_OK;
    }
    if (failed)
        return error_no_memory(error, "the rankings of the classes");
    double sum = 0, sum_11point = 0;
    for (int k = 0; k < labels->class_count; k++) {
        if (m->per_class[k].positives == 0)
            continue;
        m->scored_classes++;
        sum += m->per_class[k].ap;
        sum_11point += m->per_class[k].ap_11point;
    }
    m->rows = labels->rows;
    m->map = m->scored_classes ? sum / m->scored_classes : NAN;
    m->map_11point = m->scored_classes ? sum_11point / m->scored_classes : NAN;
    m->accuracy = m->accuracy_top5 = NAN;
    return LMVR_OK;
}

bool metrics_is_among(const float *scores, int class_count, int class, int first)
{
    int before = 0;
    for (int k = 0; k < class_count && before < first; k++)
        before += scores[k] > scores[class] || (scores[k] == scores[class] && k < class);
    return before < first;
}

int metrics_predicted(const float *scores, int class_count)
{
    int best = 0;
    for (int k = 1; k < class_count; k++)
        if (scores[k] > scores[best])
            best = k;
    return best;
}

void metrics_accuracy_by_group(const struct labels *labels, const float *scores, const int32_t *groups, int group_count,
                               double *accuracies, int64_t *counts)
{
    for (int g = 0; g < group_count; g++) {
        accuracies[g] = 0;
        counts[g] = 0;
    }
    for (int64_t i = 0; i < labels->rows; i++) {
        if (labels->single[i] < 0 || groups[i] < 0)
            continue;
        accuracies[groups[i]] += metrics_predicted(scores + i * labels->class_count, labels->class_count) == labels->single[i];
        counts[groups[i]]++;
    }
    for (int g = 0; g < group_count; g++)
        accuracies[g] = counts[g] ? accuracies[g] / (double)counts[g] : NAN;
}

/* The groups are the classes. */
static lmvr_status compute_single(const struct labels *labels, const float *scores, struct metrics *m, lmvr_error *error)
{
    double right = 0, *accuracies = malloc(((size_t)labels->class_count + 1) * sizeof *accuracies);
    int64_t *counts = malloc(((size_t)labels->class_count + 1) * sizeof *counts), near = 0;
    if (!accuracies || !counts) {
        free(accuracies);
        free(counts);
        return error_no_memory(error, "the metrics of the classes");
    }
    metrics_accuracy_by_group(labels, scores, labels->single, labels->class_count, accuracies, counts);
    for (int k = 0; k < labels->class_count; k++) {
        m->scored_classes += counts[k] > 0;
        m->rows += counts[k];
        right += counts[k] ? accuracies[k] * (double)counts[k] : 0;
    }
    for (int k = 0; k < labels->class_count; k++)
        m->per_class[k] = (struct class_metrics){.positives = counts[k],
                                                 .negatives = m->rows - counts[k],
                                                 .difficult = labels->rows - m->rows,
                                                 .ap_11point = NAN,
                                                 .ap = NAN,
                                                 .accuracy = accuracies[k]};
    for (int64_t i = 0; i < labels->rows; i++)
        near += labels->single[i] >= 0 &&
                metrics_is_among(scores + i * labels->class_count, labels->class_count, labels->single[i], 5);
    m->accuracy = m->rows ? right / (double)m->rows : NAN;
    m->accuracy_top5 = m->rows ? (double)near / (double)m->rows : NAN;
    m->map = m->map_11point = NAN;
    free(accuracies);
    free(counts);
    return LMVR_OK;
}

lmvr_status metrics_compute(const struct labels *labels, const float *scores, struct metrics *metrics, lmvr_error *error)
{
    *metrics = (struct metrics){.kind = labels->kind, .class_count = labels->class_count};
    metrics->per_class = calloc((size_t)labels->class_count + 1, sizeof *metrics->per_class);
    lmvr_status status =
        metrics->per_class ? check_scores(labels, scores, error) : error_no_memory(error, "the metrics of the classes");
    if (status == LMVR_OK)
        status = labels->kind == LABELS_MULTI ? compute_multi(labels, scores, metrics, error)
                                              : compute_single(labels, scores, metrics, error);
    if (status != LMVR_OK)
        metrics_finish(metrics);
    return status;
}

void metrics_finish(struct metrics *metrics)
{
    free(metrics->per_class);
    *metrics = (struct metrics){0};
}
