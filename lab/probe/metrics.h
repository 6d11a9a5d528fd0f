/*
 * How good scores are.
 *
 * Average precision of a class goes over the rows whose label is 1 or -1; those with 0, "difficult", are left out, as VOC's
 * devkit does. Rows with equal scores come in together: precision and recall are taken only at thresholds, where a whole tie
 * is in or out, as scikit-learn does. So no result depends on the order of the rows; without ties it is the devkit's.
 *
 *     all points   the sum over thresholds of (recall - recall before) * precision: scikit-learn's average_precision_score
 *     11 points    the mean over t = 0, 0.1, ... 1 of the best precision at a recall of t or more: VOC2007's. Recall meets t in
 *                  whole numbers (10 * found >= 10 t * positives), where the devkit's floating point misses 0.3 by a rounding
 *
 * A class without positives has no average precision, and is left out of the means. All values are from 0 to 1.
 */
#ifndef LMVR_LAB_PROBE_METRICS_H
#define LMVR_LAB_PROBE_METRICS_H

#include "lab/dataset/labels.h"

struct class_metrics {
    int64_t positives, negatives; /* rows; LABELS_SINGLE: of this class, of the others */
    int64_t difficult;            /* rows that are left out of this class */
    double ap_11point, ap;        /* LABELS_MULTI; NAN without positives */
    double accuracy;              /* LABELS_SINGLE: of the rows of this class; NAN where there are none */
};

struct metrics {
    enum labels_kind kind;
    int64_t rows; /* LABELS_SINGLE: those with a label */
    int class_count;
    int scored_classes; /* LABELS_MULTI: those with positives; LABELS_SINGLE: those with rows */
    struct class_metrics *per_class;
    double map_11point, map; /* LABELS_MULTI; NAN where no class has positives */
    double accuracy;         /* LABELS_SINGLE: top-1; NAN without rows */
};

/* The prediction of a row with these scores: the class of the highest one, the first of equal ones. */
int metrics_predicted(const float *scores, int class_count);

/* `scores` (rows, classes), as the labels have them. LMVR_ERROR_INVALID: a score is NaN. On failure *metrics is empty. */
lmvr_status metrics_compute(const struct labels *labels, const float *scores, struct metrics *metrics, lmvr_error *error);
void metrics_finish(struct metrics *metrics);

/* Both average precisions of one class: `labels` and `scores` are those of row i at [i * stride]. NAN without positives. */
lmvr_status metrics_average_precision(int64_t rows, int64_t stride, const int8_t *labels, const float *scores,
                                      double *ap_11point, double *ap, lmvr_error *error);

/* Accuracy of the rows of each group, `groups` (rows) being from 0 to group_count - 1, or -1 for a row in none. LABELS_SINGLE
 * only. A group without labelled rows has NAN. `counts` (group_count) are the rows that were counted. */
void metrics_accuracy_by_group(const struct labels *labels, const float *scores, const int32_t *groups, int group_count,
                               double *accuracies, int64_t *counts);

#endif
