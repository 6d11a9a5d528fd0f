/* A wall clock for the times in a report. */
#ifndef LMVR_LAB_EVAL_CLOCK_H
#define LMVR_LAB_EVAL_CLOCK_H

/* Seconds since an arbitrary moment. */
double seconds_now(void);

#endif
