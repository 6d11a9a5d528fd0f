/* The time that passes, for what a report says of it. */
#ifndef LMVR_SRC_EVAL_CLOCK_H
#define LMVR_SRC_EVAL_CLOCK_H

/* Seconds since some moment. */
double seconds_now(void);

#endif
