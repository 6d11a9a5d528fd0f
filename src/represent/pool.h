/* Sequence-level aggregation: pools the hidden states of chosen positions into one vector, as they are computed. */
#ifndef LMVR_SRC_REPRESENT_POOL_H
#define LMVR_SRC_REPRESENT_POOL_H

#include "represent/feature.h"

/* A pool's running value: (dim) sums, maxima, or the last row; and the number of rows added so far. */
struct pool {
    double *value;
    int64_t count;
};

void pool_reset(struct pool *pool);

/* Adds `rows` rows of `dim` floats, in the order of their positions. */
void pool_add(struct pool *pool, enum feature_pool kind, size_t dim, int64_t rows, const float *states);

/* vector (dim): the sums divided by the count, the maxima, or the last row. */
void pool_read(const struct pool *pool, enum feature_pool kind, size_t dim, float *vector);

#endif
