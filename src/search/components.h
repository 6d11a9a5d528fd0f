/* Principal components of the rows of a feature: the directions in which they differ most, and where each row lies along
 * them. */
#ifndef LMVR_SRC_SEARCH_COMPONENTS_H
#define LMVR_SRC_SEARCH_COMPONENTS_H

#include "search/neighbors.h"

struct components {
    size_t count, dims;
    uint64_t *rows; /* (count): which rows these are, ascending */
    float *values;  /* (count, dims): a row less the mean of all, along each direction, at most the largest float; the direction
                       of  most variance first */
    double *shares; /* (dims): of all the variance, that along each direction */
};

/*
 * Of all rows, or of `most_rows`, at least 1, at even distances; those with values that are not finite are left
 * out. There are `most_dims` directions, at least 1, or as many as rows or their values, if those are fewer. Directions are
 * found by subspace iteration, which begins the same each time: nearly equal variances, of which any direction between is as
 * good, are not told apart. A direction's sign is such that the value farthest from 0 is positive. Runs on the calling thread.
 */
lmvr_status components_find(const struct neighbors *neighbors, size_t most_rows, size_t most_dims,
                            struct components *components, lmvr_error *error);
/* A zeroed one is allowed. */
void components_finish(struct components *components);

#endif
