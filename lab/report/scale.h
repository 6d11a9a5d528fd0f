/* A chart axis: a range with round ends, and its ticks. */
#ifndef LMVR_LAB_REPORT_SCALE_H
#define LMVR_LAB_REPORT_SCALE_H

#include "lab/report/document.h"

struct scale {
    double low, high, step;
    int ticks;    /* low, low + step, ..., high */
    int decimals; /* needed to tell the ticks apart */
};

/* Covers all the chart's values, and zero if it has bars, in about `wanted` steps of 1, 2 or 5 times a power of ten. 0 to 1 if
 * there are no values. */
struct scale scale_of(const struct report_chart *chart, int wanted);

double scale_tick(const struct scale *scale, int tick);

/* The value's position between the two ends, 0 to 1. */
double scale_at(const struct scale *scale, double value);

#endif
