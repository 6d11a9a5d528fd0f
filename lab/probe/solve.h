/*
 * Minimizing a probe's objective by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5).
 *
 * A class's problem is solved by a run of its own, so that each converges in its own time and leaves the work when it has; all
 * runs take their steps side by side, and one evaluation serves them all.
 *
 * f has a curvature of at least 1 in every weight, so that it lies at most |gradient|^2 / 2 above its minimum. A run ends when
 * that is below `gap` times f and no part of the gradient is above `flat` times C times the rows, which is how scikit-learn
 * scales its tol (1e-4 by default). Either alone is not enough: with a small C, f is nearly constant and the first is met
 * anywhere; with a large one, the second is.
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
    int iterations;      /* the most of any problem */
    int64_t evaluations; /* of one problem each, in all */
    int problems;
    int unsolved;    /* problems whose gradient stayed above FLAT */
    double steepest; /* the largest part of their gradients, relative to C times the rows */
};

/*
 * Improves `weights` (columns, dim) and `intercepts` (columns), from where they are. A run also ends where rounding hides any
 * further descent; that is no failure where no part of the gradient is above FLAT times C times the rows, scikit-learn's own
 * default, or f is within LOOSE_GAP of its minimum. LMVR_STOPPED: the callback asked to stop.
 */
#define LOOSE_GAP 1e-4
#define FLAT      1e-4
lmvr_status solve(struct objective *objective, const struct solve_options *options, double *weights, double *intercepts,
                  struct solve_result *result, lmvr_error *error);

#endif
