/*
 * Linear probes: how well classes can be told from features by L2-regularized logistic regression.
 *
 * What is minimized is scikit-learn's LogisticRegression (probe/objective.h), on features standardized by the training rows'
 * mean and deviation: for LABELS_MULTI a binary problem a class, from the rows that are not difficult in it; for LABELS_SINGLE
 * the multinomial one, and with two classes one binary problem, as scikit-learn does.
 */
#ifndef LMVR_LAB_PROBE_PROBE_H
#define LMVR_LAB_PROBE_PROBE_H

#include "lab/dataset/labels.h"

/* Arrays and names are owned; probe_finish() frees them. */
struct probe {
    enum labels_kind kind;
    int class_count;
    char **classes; /* (class_count) */
    int columns;    /* class_count, but 1 for LABELS_SINGLE with two classes: it says which is the second */
    int64_t dim;
    float *weights, *intercepts; /* (columns, dim), (columns); for standardized features */
    float *mean, *deviation;     /* (dim), of the training features */
    double c;
    uint64_t seed;
    char *feature; /* what the features are: a SPEC where it is known, else a file's name */
};

/* One value of C that was tried. */
struct probe_trial {
    double c, score; /* on the held-out rows: mAP over all points, or accuracy */
};

#define PROBE_MAX_TRIALS 21

struct probe_report {
    double loss;         /* f at the fit's end, all classes together */
    int iterations;      /* the most of any class, in the last fit */
    int64_t evaluations; /* of one class's loss and gradient each, in the last fit */
    int unsolved;        /* classes whose solver stopped early; a warning says more */
    int64_t rows, held_out_rows;
    int trial_count; /* 0 where C was given */
    struct probe_trial trials[PROBE_MAX_TRIALS];
    bool c_is_at_an_end; /* of the values tried: a better one may lie beyond; a warning says so too */
};

struct probe_progress {
    double c;
    int trial;       /* from 0; of `trials`, or -1 in the last fit */
    int evaluations; /* in this fit */
    int running, classes;
};

struct probe_options {
    double c; /* 0: chosen on a held-out fifth */
    uint64_t seed;
    const char *feature;                                                /* for probe.feature; NULL: "" */
    void (*on_warning)(void *user, const char *sentence);               /* NULL: none */
    bool (*on_progress)(void *user, const struct probe_progress *step); /* NULL: none; true stops */
    void *user;
};

/*
 * Fits a probe to `features` (rows, dim), which are standardized in place. A class without positives or without negatives (of
 * LABELS_SINGLE: without rows) is left out, with a warning. Without options->c, C is that of 10^-6, 10^-5.5, ... 10^2 with the
 * best score on a held-out fifth of the rows (seeded; of LABELS_SINGLE, of each class's rows), the smaller one of equals, each
 * fit starting where the one before ended. The search ends early only after the scores have risen by half a point and then
 * stayed half a point below the best four times in a row; it goes on to 10^4 while they still rise. The result is then fitted
 * on all rows. Same seed, same result, for any number of threads. LMVR_ERROR_INVALID: labels do not fit the features, a feature
 * is not finite, or there are no two classes. `report` may be NULL. On failure *probe is empty.
 */
lmvr_status probe_fit(const struct probe_options *options, float *features, int64_t rows, int64_t dim,
                      const struct labels *labels, struct probe *probe, struct probe_report *report, lmvr_error *error);
void probe_finish(struct probe *probe);

/* scores (rows, class_count) of features as they are, not standardized: of LABELS_MULTI the log-odds of each class, of
 * LABELS_SINGLE what the softmax turns into probabilities. LMVR_ERROR_INVALID: a feature is not finite. */
lmvr_status probe_scores(const struct probe *probe, const float *features, int64_t rows, float *scores, lmvr_error *error);

/* Scores become probabilities, in place. */
void probe_probabilities(const struct probe *probe, int64_t rows, float *scores);

/* f with the probe's C on labels in the probe's classes (probe_align_labels()) and their scores. */
double probe_loss(const struct probe *probe, const struct labels *labels, const float *scores);

/* The labels with the probe's classes in the probe's order, matched by name. Classes that only one of the two has are named in
 * warnings: of LABELS_MULTI they are left out (0), of LABELS_SINGLE their rows are (-1). LMVR_ERROR_INVALID: labels of another
 * kind, or no class in common. */
lmvr_status probe_align_labels(const struct probe *probe, const struct labels *labels, const struct probe_options *options,
                               struct labels *aligned, lmvr_error *error);

#endif
