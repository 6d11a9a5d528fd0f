/* The rows and classes that a probe is fitted to: what fit.c and choose_c.c share. */
#ifndef LMVR_LAB_PROBE_TRAINING_H
#define LMVR_LAB_PROBE_TRAINING_H

#include "lab/probe/probe.h"
#include "lab/probe/solve.h"

struct training {
    const struct probe_options *options;
    struct probe_report *report;
    float *features; /* (rows, dim), standardized */
    int64_t rows, dim;
    enum labels_kind kind;
    int class_count, columns; /* as the probe's */
    const char **classes;     /* (class_count), borrowed from the labels */
    int8_t *binary;           /* (rows, columns), or NULL */
    int32_t *single;          /* (rows) of LABELS_SINGLE, in the probe's classes, or NULL */
    int64_t *order;           /* (rows) the row of the labels of a row of the features, once rows were swapped */
    double *weights;          /* (columns, dim) */
    double *intercepts;       /* (columns) */
};

/* Which of the labels' classes can be fitted, and the labels in those. Warns about the others. */
lmvr_status training_init(struct training *training, const struct labels *labels, lmvr_error *error);
void training_finish(struct training *training);

/* Brings rows of the features that are marked behind the `kept` others, so that nothing has to be copied. Doing it again undoes
 * it: the same pairs are swapped. `behind` is by places before the first time. */
void training_swap(struct training *training, const bool *behind, int64_t kept);

/* Says a sentence to the options' on_warning. */
void training_warn(const struct probe_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How far a fit goes: solve_options' numbers. */
struct precision {
    double gap, flat;
};

/* Minimizes on the first `rows` rows from the weights that are there. `trial` is for the progress. */
lmvr_status training_solve(struct training *training, int64_t rows, double c, struct precision precision, int trial,
                           struct solve_result *result, lmvr_error *error);

/* Weights zero, and the intercepts as they are best then. */
void training_reset(struct training *training);

/* Chooses C on a held-out fifth; the weights are afterwards those that were fitted with it to the other rows. */
lmvr_status training_choose_c(struct training *training, double *c, lmvr_error *error);

#endif
