/*
 * Evaluation metrics: average precision and accuracy.
 *
 * A class's average precision uses the rows whose label is 1 or -1; those with 0, "difficult", are ignored, as in VOC's devkit.
 * Rows with equal scores count together: precision and recall are computed only at thresholds, with a whole tie above or below,
 * as in scikit-learn. So no result depends on the order of the rows; without ties it is the devkit's.
 *
 *     all points   the sum over thresholds of (recall - previous recall) * precision: scikit-learn's average_precision_score
 *     11 points    the mean over t = 0, 0.1, ... 1 of the best precision at recall >= t: VOC2007's. Recall is compared in
 *                  integers (10 * found >= 10 t * positives); the devkit's floating point misses 0.3 by a rounding error
 *
 * A class without positives has no average precision and is left out of the means. All values are from 0 to 1.
 */
#ifndef LMVR_LAB_PROBE_METRICS_H
#define LMVR_LAB_PROBE_METRICS_H

#include "lab/dataset/labels.h"

struct class_metrics {
    int64_t positives, negatives; /* rows; LABELS_SINGLE: of this class, of all others */
    int64_t difficult;            /* rows ignored for this class */
    double ap_11point, ap;        /* LABELS_MULTI; NAN without positives */
    double accuracy;              /* LABELS_SINGLE: on this class's rows; NAN if there are none */
};

struct metrics {
    enum labels_kind kind;
    int64_t rows; /* LABELS_SINGLE: those with a label */
    int class_count;
    int scored_classes; /* classes with positives (LABELS_MULTI) or rows (LABELS_SINGLE) */
    struct class_metrics *per_class;
    double map_11point, map; /* LABELS_MULTI; NAN if no class has positives */
    double accuracy;         /* LABELS_SINGLE: top-1; NAN without rows */
    double accuracy_top5;    /* LABELS_SINGLE: the class is among the 5 with the highest scores; NAN without rows */
};

/* Whether `class` is among the `first` classes with the highest scores; of tied ones the earlier class comes first. */
bool metrics_is_among(const float *scores, int class_count, int class, int first);

/* The class with the highest score; the first one if tied. */
int metrics_predicted(const float *scores, int class_count);

/* `scores` (rows, classes) in the order of the labels. LMVR_ERROR_INVALID: a score is NaN. On failure *metrics is empty. */
lmvr_status metrics_compute(const struct labels *labels, const float *scores, struct metrics *metrics, lmvr_error *error);
void metrics_finish(struct metrics *metrics);

/* Both average precisions of one class: row i's label and score are at [i * stride]. NAN without positives. */
lmvr_status metrics_average_precision(int64_t rows, int64_t stride, const int8_t *labels, const float *scores,
                                      double *ap_11point, double *ap, lmvr_error *error);

/* Accuracy per group of rows: `groups` (rows) has values from 0 to group_count - 1, or -1 for no group. LABELS_SINGLE only. NAN
 * for groups without labelled rows. `counts` (group_count) gets the number of rows counted. */
void metrics_accuracy_by_group(const struct labels *labels, const float *scores, const int32_t *groups, int group_count,
                               double *accuracies, int64_t *counts);

#endif
