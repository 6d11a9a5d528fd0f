/*
 * Linear probes: L2-regularized logistic regression on frozen features.
 *
 * The loss is that of scikit-learn's LogisticRegression (probe/objective.h), on features standardized by the training rows'
 * mean and deviation. LABELS_MULTI: a binary problem per class, without the rows that are difficult for it. LABELS_SINGLE: one
 * multinomial problem or, with two classes, one binary problem, as in scikit-learn.
 */
#ifndef LMVR_LAB_PROBE_PROBE_H
#define LMVR_LAB_PROBE_PROBE_H

#include "lab/dataset/labels.h"

/* Arrays and names are owned; probe_finish() frees them. */
struct probe {
    enum labels_kind kind;
    int class_count;
    char **classes; /* (class_count) */
    int columns;    /* class_count, but 1 for LABELS_SINGLE with two classes: the score of the second */
    int64_t dim;
    float *weights, *intercepts; /* (columns, dim), (columns); for standardized features */
    float *mean, *deviation;     /* (dim), of the training features */
    double c;
    uint64_t seed;
    char *feature; /* what the features are: a SPEC if known, else a file name */
};

/* One value of C that was tried. */
struct probe_trial {
    double c, score; /* on the held-out rows: all-points mAP, or accuracy */
};

#define PROBE_MAX_TRIALS 21

struct probe_report {
    double loss;         /* f at the end of the fit, summed over classes */
    int iterations;      /* the most for any class, in the last fit */
    int64_t evaluations; /* of one class's loss and gradient, in the last fit */
    int unsolved;        /* classes whose solver stopped early; there is a warning about them */
    int64_t rows, held_out_rows;
    int trial_count; /* 0 if C was given */
    struct probe_trial trials[PROBE_MAX_TRIALS];
    bool c_is_at_an_end; /* C is the smallest or largest value tried: a better one may lie beyond; there is a warning */
};

struct probe_progress {
    double c;
    int trial;       /* from 0; index in `trials`, or -1 for the last fit */
    int evaluations; /* in this fit */
    int running, classes;
};

struct probe_options {
    double c; /* 0: chosen on a held-out fifth */
    uint64_t seed;
    const char *feature;                                                /* for probe.feature; NULL: "" */
    void (*on_warning)(void *user, const char *sentence);               /* NULL: none */
    bool (*on_progress)(void *user, const struct probe_progress *step); /* NULL: none; returning true stops */
    void *user;
};

/*
 * Fits a probe to `features` (rows, dim), which are standardized in place. A class without positives or without negatives
 * (LABELS_SINGLE: without rows) is skipped with a warning. If options->c is 0, C is chosen among 10^-6, 10^-5.5, ... 10^2 by
 * the score on a held-out fifth of the rows (seeded; for LABELS_SINGLE, of each class's rows), the smaller one if tied, each
 * fit starting from the one before. The search stops early only after scores have risen by half a point and then stayed half a
 * point below the best four times in a row; it goes on to 10^4 while they still rise. The final fit uses all rows. The same
 * seed gives the same result with any number of threads. LMVR_ERROR_INVALID: the labels do not match the features, a feature is
 * not finite, or there are fewer than two classes. `report` may be NULL. On failure *probe is empty.
 */
lmvr_status probe_fit(const struct probe_options *options, float *features, int64_t rows, int64_t dim,
                      const struct labels *labels, struct probe *probe, struct probe_report *report, lmvr_error *error);
void probe_finish(struct probe *probe);

/* Computes scores (rows, class_count) of raw features, which it standardizes itself: log-odds per class for LABELS_MULTI,
 * logits of the softmax for LABELS_SINGLE. LMVR_ERROR_INVALID: a feature is not finite. */
lmvr_status probe_scores(const struct probe *probe, const float *features, int64_t rows, float *scores, lmvr_error *error);

/* Converts scores to probabilities, in place. */
void probe_probabilities(const struct probe *probe, int64_t rows, float *scores);

/* f with the probe's C, for labels in the probe's classes (probe_align_labels()) and their scores. */
double probe_loss(const struct probe *probe, const struct labels *labels, const float *scores);

/* Maps the labels to the probe's classes, by name. Warns of classes that only one of the two has; these are ignored
 * (LABELS_MULTI: 0), as are their rows (LABELS_SINGLE: -1). LMVR_ERROR_INVALID: the labels are of the other kind, or there is
 * no common class. */
lmvr_status probe_align_labels(const struct probe *probe, const struct labels *labels, const struct probe_options *options,
                               struct labels *aligned, lmvr_error *error);

#endif
