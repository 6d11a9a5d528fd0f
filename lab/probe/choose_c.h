/* The search for C: which values are tried, and when to stop. */
#ifndef LMVR_LAB_PROBE_CHOOSE_C_H
#define LMVR_LAB_PROBE_CHOOSE_C_H

#include "lab/probe/probe.h"

/*
 * As C grows, held-out scores rise from a plateau and then fall. With a small C the weights only follow the first gradient,
 * whatever C is, so the plateau may be long and flat, and the search must not stop there: it ends once the scores have risen by
 * more than their noise and then been below the best by as much four times in a row, or at the end of the grid. If the best is
 * at that end, the grid is extended.
 */
struct choice {
    double scores[PROBE_MAX_TRIALS], best, lowest; /* so far */
    bool has_risen;                                /* to the best, from an earlier lower one */
    int best_trial, count, fallen;
};

void choice_init(struct choice *choice);

/* The next C to try; 0: none. */
double choice_next(const struct choice *choice);

/* Records the score of the C that choice_next() returned. True: the best so far. */
bool choice_take(struct choice *choice, double score);

/* Whether the best is the first or last value tried, and on a slope: a power of ten away from the edge the score is worse by
 * more than noise. */
bool choice_is_at_an_end(const struct choice *choice);

#endif
