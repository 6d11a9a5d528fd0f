/* The rows and classes that a probe is fitted to, shared by probe.c and choose_c.c. */
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
    int class_count, columns; /* as in the probe */
    const char **classes;     /* (class_count), borrowed from the labels */
    int8_t *binary;           /* (rows, columns), or NULL */
    int32_t *single;          /* (rows) of LABELS_SINGLE, in the probe's classes, or NULL */
    int64_t *order;           /* (rows) which row of the labels belongs to each row of the features, once rows were swapped */
    double *weights;          /* (columns, dim) */
    double *intercepts;       /* (columns) */
};

/* Decides which of the labels' classes can be fitted, and maps the labels to those. Warns of the others. */
lmvr_status training_init(struct training *training, const struct labels *labels, lmvr_error *error);
void training_finish(struct training *training);

/* Moves the marked rows of the features after the `kept` others, in place, without a copy. Calling it again undoes it, as the
 * same pairs are swapped. `moved` is indexed by the rows' order before the first call. */
void training_swap(struct training *training, const bool *moved, int64_t kept);

/* Passes a sentence to the options' on_warning. */
void training_warn(const struct probe_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tolerances of a fit, as in solve_options. */
struct precision {
    double gap, flat;
};

/* Minimizes on the first `rows` rows, starting from the current weights. `trial` is for the progress callback. */
lmvr_status training_solve(struct training *training, int64_t rows, double c, struct precision precision, int trial,
                           struct solve_result *result, lmvr_error *error);

/* Sets the weights to zero, and the intercepts to their optimum for that. */
void training_reset(struct training *training);

/* Chooses C on a held-out fifth. The weights are then those fitted with it to the other rows. */
lmvr_status training_choose_c(struct training *training, double *c, lmvr_error *error);

#endif
