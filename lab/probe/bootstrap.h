/*
 * Confidence intervals by the bootstrap (Efron, 1979). Test images are drawn with replacement, as many as there are, and the
 * measures are computed again for each resample; the middle 95 % of their values are the interval. Draw r is the same for the
 * same seed and number of images, so results on the same images can be averaged draw by draw.
 */
#ifndef LMVR_LAB_PROBE_BOOTSTRAP_H
#define LMVR_LAB_PROBE_BOOTSTRAP_H

#include "lab/dataset/labels.h"

#define BOOTSTRAP_DRAWS 1000

enum measure { MEASURE_MAP_11POINT, MEASURE_MAP, MEASURE_ACCURACY, MEASURE_CLASS_ACCURACY, MEASURE_TOP5, MEASURES };

struct interval {
    double low, high; /* NAN: none */
};

/* Owned; bootstrap_finish() frees it. */
struct bootstrap {
    int class_count;
    float *draws[MEASURES]; /* (BOOTSTRAP_DRAWS), 0 to 1; NULL: the measure does not apply */
    /* (class_count): of the 11-point average precision (LABELS_MULTI) or the accuracy (LABELS_SINGLE); of the all-points
     * average precision */
    struct interval *per_class, *per_class_all_points;
};

/* `labels` and `scores` (rows, classes) are as in metrics_compute(). Row i belongs to image images[i] of `image_count`; NULL:
 * to image i. On failure *bootstrap is empty. */
lmvr_status bootstrap_compute(const struct labels *labels, const float *scores, const int64_t *images, int64_t image_count,
                              uint64_t seed, struct bootstrap *bootstrap, lmvr_error *error);
void bootstrap_finish(struct bootstrap *bootstrap);

/* The middle 95 % of the draws, ignoring NaN, by NumPy's percentiles, shifted so that the draws' mean is the measure's own
 * value, and clamped to 0 and 1. The shift matters for average precision: a positive row that is drawn twice ranks above its
 * own copy, so draws of few positives score too high. If all draws are equal, they say nothing about the spread: the interval
 * is then Clopper and Pearson's (1934) for all of `images` being right, or none. Modifies the draws. */
struct interval bootstrap_interval(float *draws, int64_t count, double value, int64_t images);

#endif
