/*
 * Minimizing a probe's objective by L-BFGS (liblbfgs).
 *
 * A class's problem is solved by a run of its own, so that each converges in its own time and leaves the work when it has; the
 * runs, a thread each, meet at every evaluation, which is one for all of them.
 *
 * f has a curvature of at least 1 in every weight, so that it lies at most |gradient|^2 / 2 above its minimum. A run ends when
 * that is below `gap` times f: the result is then known to be as good, and not only no longer moving.
 */
#ifndef LMVR_SRC_PROBE_SOLVE_H
#define LMVR_SRC_PROBE_SOLVE_H

#include "probe/objective.h"

struct solve_options {
    double gap;         /* relative, of f */
    int max_iterations; /* of each run */
    /* Called after each evaluation, from the calling thread; true stops. NULL: not called. */
    bool (*on_evaluation)(void *user, int evaluations, int running, int problems);
    void *user;
};

struct solve_result {
    double loss;         /* the problems' sum of f */
    int iterations;      /* the most of any problem */
    int64_t evaluations; /* of one problem each, in all */
    int problems;
    int unsolved; /* problems whose gap could not be shown to be small */
    double gap;   /* the largest relative one that was shown, of those */
};

/*
 * Improves `weights` (columns, dim) and `intercepts` (columns), from where they are. liblbfgs may give up where rounding hides
 * any further descent. That is no failure where the gap is below LOOSE_GAP, or no part of the gradient is above FLAT * C *
 * rows, which is scikit-learn's test for tol 1e-6; elsewhere the problem counts as unsolved. LMVR_STOPPED: the callback asked
 * to stop.
 */
#define LOOSE_GAP 1e-4
#define FLAT      1e-6
lmvr_status solve(struct objective *objective, const struct solve_options *options, double *weights, double *intercepts,
                  struct solve_result *result, lmvr_error *error);

#endif
