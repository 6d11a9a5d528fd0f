#include "search/neighbors.h"

#include "search/loaded.h"
#include "search/scan.h"
#include "tensor/cpu/kernel_quantized.h"

#include <math.h>
#include <stdlib.h>

struct neighbors {
    const struct row_files *files;
    struct loaded *loaded; /* NULL: the rows are in the files alone */
};

lmvr_status neighbors_open(const struct row_files *files, struct neighbors **neighbors, lmvr_error *error)
{
    *neighbors = calloc(1, sizeof **neighbors);
    if (!*neighbors)
        return error_no_memory(error, "a search");
    (*neighbors)->files = files;
    return LMVR_OK;
}

void neighbors_close(struct neighbors *neighbors)
{
    if (!neighbors)
        return;
    loaded_free(neighbors->loaded);
    free(neighbors);
}

lmvr_status neighbors_load_by(struct neighbors *neighbors, const struct quantized_kernels *kernels, lmvr_error *error)
{
    return neighbors->loaded ? LMVR_OK : loaded_create(neighbors->files, kernels, &neighbors->loaded, error);
}

lmvr_status neighbors_load(struct neighbors *neighbors, lmvr_error *error)
{
    return neighbors_load_by(neighbors, quantized_kernels_get(), error);
}

uint64_t neighbors_rows(const struct neighbors *neighbors)
{
    return neighbors->files->rows;
}

size_t neighbors_dim(const struct neighbors *neighbors)
{
    return neighbors->files->dim;
}

lmvr_status neighbors_read(const struct neighbors *neighbors, uint64_t row, float *values, lmvr_error *error)
{
    return row_files_read(neighbors->files, row, 1, values, error);
}

static lmvr_status measure_queries(const struct task *task, double *squares, lmvr_error *error)
{
    for (size_t q = 0; q < task->count; q++) {
        const float *query = task->queries + q * task->dim;
        squares[q] = exact_dot(query, query, task->dim);
        if (!isfinite(squares[q]))
            return error_set(error, LMVR_ERROR_INVALID, "query %zu has a value that is not finite", q);
    }
    return LMVR_OK;
}

static lmvr_status find(const struct neighbors *n, const struct task *task, double *squares, lmvr_error *error)
{
    TRY(measure_queries(task, squares, error));
    return n->loaded ? loaded_find(n->loaded, task, error) : scan_find(task, error);
}

lmvr_status neighbors_find(const struct neighbors *neighbors, const struct neighbors_search *search, struct neighbor *found,
                           size_t *found_counts, lmvr_error *error)
{
    if (search->top < 1 || search->top > NEIGHBORS_MOST)
        return error_set(error, LMVR_ERROR_INVALID, "%zu neighbors are asked for, expected 1 to %d", search->top,
                         NEIGHBORS_MOST);
    if (search->count == 0)
        return LMVR_OK;
    struct nearest *best = calloc(search->count, sizeof *best);
    double *squares = calloc(search->count, sizeof *squares);
    struct task task = {.files = neighbors->files,
                        .queries = search->queries,
                        .count = search->count,
                        .dim = neighbors->files->dim,
                        .metric = search->metric,
                        .squares = squares,
                        .best = best};
    for (size_t q = 0; best && q < search->count; q++)
        best[q] = (struct nearest){.items = found + q * search->top, .space = search->top};
    lmvr_status status = best && squares ? find(neighbors, &task, squares, error) : error_no_memory(error, "a search");
    for (size_t q = 0; status == LMVR_OK && q < search->count; q++) {
        nearest_sort(&best[q]);
        found_counts[q] = best[q].count;
    }
    free(best);
    free(squares);
    return status;
}
