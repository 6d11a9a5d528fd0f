/* An axis: a range that ends at round numbers, and its ticks. */
#ifndef LMVR_LAB_REPORT_SCALE_H
#define LMVR_LAB_REPORT_SCALE_H

#include "lab/report/document.h"

struct scale {
    double low, high, step;
    int ticks;    /* low, low + step, ..., high */
    int decimals; /* that tell the ticks apart */
};

/* For all the chart's values, and for zero too if it has bars; about `wanted` steps of 1, 2 or 5 times a power of ten. Without
 * any value it goes from 0 to 1. */
struct scale scale_of(const struct report_chart *chart, int wanted);

double scale_tick(const struct scale *scale, int tick);

/* Where a value stands between the two ends: 0 to 1. */
double scale_at(const struct scale *scale, double value);

#endif
