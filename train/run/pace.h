/* How fast a run goes: moving averages over the last twenty steps or so. */
#ifndef LMVR_TRAIN_RUN_PACE_H
#define LMVR_TRAIN_RUN_PACE_H

#include <stdint.h>

struct pace {
    double begun, step_begun;      /* seconds, of a clock that only goes forward */
    double seconds, tokens, items; /* of the last steps, older ones counting less */
    int64_t steps;
};

void pace_begin(struct pace *pace);

/* Seconds of a clock that only goes forward. */
double pace_now(void);

/* Around the work of a step, without validation and checkpoints. `items`: images. */
void pace_step_begins(struct pace *pace);
void pace_step_ends(struct pace *pace, int64_t tokens, int64_t items);

double pace_tokens_per_second(const struct pace *pace);
double pace_items_per_second(const struct pace *pace);

/* Until `steps` more are done, by all the time since pace_begin(), validation and checkpoints included. */
double pace_seconds_left(const struct pace *pace, int64_t steps);

#endif
