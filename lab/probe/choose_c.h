/* The walk up the grid of C: which values are tried, and when no better one is to be expected. */
#ifndef LMVR_LAB_PROBE_CHOOSE_C_H
#define LMVR_LAB_PROBE_CHOOSE_C_H

#include "lab/probe/probe.h"

/*
 * Held-out scores against C rise from a plateau and fall again. With a small C the weights only point along the first gradient,
 * whatever C is, so the plateau may be long and flat, and the walk does not stop on it: it ends when the scores have risen by
 * more than their noise and then stayed below the best by as much, four in a row, or at the end of the grid. Where the best
 * stands at that end, the grid grows.
 */
struct choice {
    double scores[PROBE_MAX_TRIALS], best, lowest; /* so far */
    bool has_risen;                                /* to the best, from a lower one before */
    int best_trial, count, fallen;
};

void choice_init(struct choice *choice);

/* The next C to try; 0: none. */
double choice_next(const struct choice *choice);

/* Takes the score of the C that choice_next() gave. True: the best so far. */
bool choice_take(struct choice *choice, double score);

/* Whether the best stands at the first or the last of the values tried, on a slope: a power of ten further in it is worse by
 * more than noise. */
bool choice_is_at_an_end(const struct choice *choice);

#endif
