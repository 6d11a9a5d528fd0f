/* The time that passes, for what a report says of it. */
#ifndef LMVR_LAB_EVAL_CLOCK_H
#define LMVR_LAB_EVAL_CLOCK_H

/* Seconds since some moment. */
double seconds_now(void);

#endif
