/*
 * Exact nearest neighbors among the rows of a feature.
 *
 * What is found are the rows of the greatest scores (exact.h), the greatest first, of equal ones the lower row first; each row
 * of them all is compared with each query. Products in less precision only tell which rows can be among them, with bounds of
 * their errors that hold whatever the order of their sums. So nothing that is found depends on whether the rows are loaded, on
 * the number of queries or threads, or on the processor.
 *
 * Rows with values that are not finite are never found.
 */
#ifndef LMVR_SRC_SEARCH_NEIGHBORS_H
#define LMVR_SRC_SEARCH_NEIGHBORS_H

#include "error.h"
#include "search/nearest.h"

enum neighbors_metric { NEIGHBORS_COSINE, NEIGHBORS_DOT };

#define NEIGHBORS_MOST 65536 /* that can be asked for */

struct neighbors;
struct quantized_kernels;
struct row_files;

/* Of the rows of files (store/row_files.h), which have to stay: searches read them from the disk, a little at a time. On
 * failure *neighbors is NULL. */
lmvr_status neighbors_open(const struct row_files *files, struct neighbors **neighbors, lmvr_error *error);
void neighbors_close(struct neighbors *neighbors); /* NULL is allowed */

/* Reads all rows once and keeps them in memory in 8 bits, a byte a value. Searches then read little more from the disk than the
 * rows that they find. */
lmvr_status neighbors_load(struct neighbors *neighbors, lmvr_error *error);
/* For tests: with kernels that this processor can run. */
lmvr_status neighbors_load_by(struct neighbors *neighbors, const struct quantized_kernels *kernels, lmvr_error *error);

uint64_t neighbors_rows(const struct neighbors *neighbors);
size_t neighbors_dim(const struct neighbors *neighbors);

/* Reads a row (dim) from the disk. */
lmvr_status neighbors_read(const struct neighbors *neighbors, uint64_t row, float *values, lmvr_error *error);

struct neighbors_search {
    const float *queries; /* (count, dim) */
    size_t count;
    size_t top; /* 1 to NEIGHBORS_MOST */
    enum neighbors_metric metric;
};

/* Fills in `found` (count, top), and of each query how many there are, `found_counts` (count): `top`, or fewer if there are
 * fewer rows. Many queries at once are faster than one by one. Uses OpenMP's threads; several threads may call it at once.
 * LMVR_ERROR_INVALID: a query has a value that is not finite, or `top` is out of range. */
lmvr_status neighbors_find(const struct neighbors *neighbors, const struct neighbors_search *search, struct neighbor *found,
                           size_t *found_counts, lmvr_error *error);

#endif
