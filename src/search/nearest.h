/* The `space` greatest scores among those offered, in a heap. Of equal scores the lower row counts as greater, so that what is
 * kept does not depend on the order of the offers. */
#ifndef LMVR_SRC_SEARCH_NEAREST_H
#define LMVR_SRC_SEARCH_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct neighbor {
    uint64_t row;
    double score; /* never NaN */
};

struct nearest {
    struct neighbor *items; /* (space), the caller's; the least is the first */
    size_t count, space;    /* space: at least 1 */
};

void nearest_offer(struct nearest *nearest, struct neighbor neighbor);

/* The least score that is kept, once `space` are; -INFINITY before. What is less need not be offered. */
double nearest_least(const struct nearest *nearest);

/* Sorts what is kept, the greatest first. Nothing can be offered any more. */
void nearest_sort(struct nearest *nearest);

#endif
