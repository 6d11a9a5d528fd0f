/*
 * How sure a measure is: the bootstrap (Efron, 1979). Test images are drawn with replacement, as many as there are, and the
 * measures of each such resample are computed again; the middle 95 % of them are the interval. Draw number r is the same for
 * the same seed and number of images, so that figures of the same images can be averaged draw by draw.
 */
#ifndef LMVR_LAB_PROBE_BOOTSTRAP_H
#define LMVR_LAB_PROBE_BOOTSTRAP_H

#include "lab/dataset/labels.h"

#define BOOTSTRAP_DRAWS 1000

enum measure { MEASURE_MAP_11POINT, MEASURE_MAP, MEASURE_ACCURACY, MEASURE_CLASS_ACCURACY, MEASURES };

struct interval {
    double low, high; /* NAN: none */
};

/* Owned; bootstrap_finish() frees it. */
struct bootstrap {
    int class_count;
    float *draws[MEASURES]; /* (BOOTSTRAP_DRAWS), from 0 to 1; NULL where a measure does not apply */
    /* (class_count): of the average precision over 11 points (LABELS_MULTI) or the accuracy (LABELS_SINGLE), and of that over
     * all points */
    struct interval *per_class, *per_class_all_points;
};

/* `labels` and `scores` (rows, classes) as metrics_compute() takes them. Row i is image images[i] of `image_count`; NULL: row i
 * is image i. On failure *bootstrap is empty. */
lmvr_status bootstrap_compute(const struct labels *labels, const float *scores, const int64_t *images, int64_t image_count,
                              uint64_t seed, struct bootstrap *bootstrap, lmvr_error *error);
void bootstrap_finish(struct bootstrap *bootstrap);

/* The middle 95 % of the draws that are numbers, by NumPy's percentiles, moved so that the draws' mean is the measure's own
 * value, and kept between 0 and 1. The move matters to average precision: a positive row that is drawn twice stands before
 * itself, so that draws of few positives are all too good. Where all draws are equal they say nothing: the ends are then as far
 * off as Clopper and Pearson's (1934) are when all of so many `images` are right, or none is. Changes the draws. */
struct interval bootstrap_interval(float *draws, int64_t count, double value, int64_t images);

#endif
