/*
 * A fixed rotation of vectors: random signs and Hadamard's transform, which give all values of nearly any vector about one
 * size, as normal numbers have, and keep the products of vectors. So all can be rounded alike, whatever a few of the channels
 * are.
 */
#ifndef LMVR_SRC_SEARCH_ROTATION_H
#define LMVR_SRC_SEARCH_ROTATION_H

#include <stdbool.h>
#include <stddef.h>

struct rotation {
    size_t dim, width; /* width: the greatest power of two that is not above dim */
    float *signs;      /* (dim): 1 or -1 */
};

bool rotation_init(struct rotation *rotation, size_t dim); /* false: out of memory */
void rotation_finish(struct rotation *rotation);           /* a zeroed one is allowed */

/* Rotates x (dim), of a length that is far from the ends of floats. */
void rotation_apply(const struct rotation *rotation, float *x);

/* The length of what rounding has changed in a rotated vector of length 1, at most. */
double rotation_error(const struct rotation *rotation);

#endif
