/* A search as its two ways, over the file (scan.h) and over what is loaded (loaded.h), see it. */
#ifndef LMVR_SRC_SEARCH_TASK_H
#define LMVR_SRC_SEARCH_TASK_H

#include "search/exact.h"
#include "search/neighbors.h"
#include "store/row_files.h"

struct task {
    const struct row_files *files;
    const float *queries; /* (count, dim) */
    size_t count, dim;
    enum neighbors_metric metric;
    const double *squares; /* (count): each query's product with itself */
    struct nearest *best;  /* (count): what has been found */
};

/* The score of a row, from its product with query q and its product with itself. */
static inline double task_score(const struct task *task, size_t q, double dot, double square)
{
    return task->metric == NEIGHBORS_DOT ? dot : exact_cosine(dot, task->squares[q], square);
}

/* The largest relative error of a sum of `count` products in f32, in whatever order, and a little more for what is computed
 * with it. */
static inline double task_sum_error(size_t count)
{
    return 1.01 * (double)(count + 4) * 0x1p-24;
}

#endif
