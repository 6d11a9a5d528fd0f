/* The speed of a run: moving averages over roughly the last twenty steps. */
#ifndef LMVR_TRAIN_RUN_PACE_H
#define LMVR_TRAIN_RUN_PACE_H

#include <stdint.h>

struct pace {
    double begun, step_begun;      /* seconds, monotonic */
    double seconds, tokens, items; /* exponentially weighted sums over the last steps */
    int64_t steps;
};

void pace_begin(struct pace *pace);

/* A monotonic clock, in seconds. */
double pace_now(void);

/* Call before and after a step's work, without validation and checkpoints. `items`: images. */
void pace_step_begins(struct pace *pace);
void pace_step_ends(struct pace *pace, int64_t tokens, int64_t items);

double pace_tokens_per_second(const struct pace *pace);
double pace_items_per_second(const struct pace *pace);

/* Estimates the time for `steps` more steps from all time since pace_begin(), validation and checkpoints included. */
double pace_seconds_left(const struct pace *pace, int64_t steps);

#endif
