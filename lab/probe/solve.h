/*
 * Minimizes a probe's loss by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5).
 *
 * Each class's problem has a run of its own, which stops as soon as it has converged; all runs step together, and one
 * evaluation serves them all.
 *
 * f has a curvature of at least 1 in every weight, so it is at most |gradient|^2 / 2 above its minimum. A run ends when that is
 * below `gap` times f and no component of the gradient is above `flat` times C times the rows, which is how scikit-learn scales
 * its tol (1e-4 by default). Both are needed: with a small C, f is nearly constant and the first is met anywhere; with a large
 * C, the second is.
 */
#ifndef LMVR_LAB_PROBE_SOLVE_H
#define LMVR_LAB_PROBE_SOLVE_H

#include "lab/probe/objective.h"

struct solve_options {
    double gap;         /* relative, of f */
    double flat;        /* relative, of C times the rows */
    int max_iterations; /* of each run */
    /* Called after each evaluation; true stops. NULL: not called. */
    bool (*on_evaluation)(void *user, int evaluations, int running, int problems);
    void *user;
};

struct solve_result {
    double loss;         /* the problems' sum of f */
    int iterations;      /* the most for any problem */
    int64_t evaluations; /* of one problem each, in total */
    int problems;
    int unsolved;    /* problems whose gradient stayed above FLAT */
    double steepest; /* their gradients' largest component, relative to C times the rows */
};

/*
 * Improves `weights` (columns, dim) and `intercepts` (columns) from their current values. A run also ends where rounding hides
 * further descent, which is not a failure if no component of the gradient is above FLAT times C times the rows, scikit-learn's
 * default, or f is within LOOSE_GAP of its minimum. LMVR_STOPPED: the callback asked to stop.
 */
#define LOOSE_GAP 1e-4
#define FLAT      1e-4
lmvr_status solve(struct objective *objective, const struct solve_options *options, double *weights, double *intercepts,
                  struct solve_result *result, lmvr_error *error);

#endif
