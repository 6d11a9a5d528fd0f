#include "search/scan.h"

#include "tensor/gemm.h"

#include <math.h>
#include <stdlib.h>

#define CHUNK_VALUES (1 << 20) /* of rows, that a thread reads at once */
#define FEW          4         /* so few queries are compared exactly with each row at once */

/* What a thread has of its own. */
struct worker {
    const struct task *task;
    const float *directions; /* (count, dim): the queries, of length 1 or 0; NULL: they are few */
    float *rows;             /* (chunk, dim) */
    float *products;         /* (count, chunk) of directions and rows */
    struct nearest *best;    /* (count) */
    struct neighbor *items;  /* of all of them */
};

static uint64_t chunk_rows(const struct task *task)
{
    uint64_t rows = CHUNK_VALUES / task->dim;
    return rows < 1 ? 1 : rows > task->files->rows ? task->files->rows : rows;
}

static bool worker_init(struct worker *w, const struct task *task, const float *directions)
{
    size_t chunk = chunk_rows(task), space = task->best[0].space;
    *w = (struct worker){.task = task, .directions = directions};
    w->rows = malloc(chunk * task->dim * sizeof *w->rows);
    w->products = directions ? malloc(task->count * chunk * sizeof *w->products) : NULL;
    w->best = calloc(task->count, sizeof *w->best);
    w->items = calloc(task->count * space, sizeof *w->items);
    if (!w->rows || (directions && !w->products) || !w->best || !w->items)
        return false;
    for (size_t q = 0; q < task->count; q++)
        w->best[q] = (struct nearest){.items = w->items + q * space, .space = space};
    return true;
}

static void worker_finish(struct worker *w)
{
    free(w->rows);
    free(w->products);
    free(w->best);
    free(w->items);
}

/* Compares row `row`, the chunk's number i, with all queries that it can be near to. */
static void compare(struct worker *w, uint64_t row, size_t i, size_t chunk)
{
    const struct task *t = w->task;
    const float *values = w->rows + i * t->dim;
    double square = exact_dot(values, values, t->dim), length = sqrt(square);
    if (!isfinite(square))
        return;
    /* of the product of a direction with the row's direction; sums of small products lose what is below floats' range */
    double wrong = task_sum_error(t->dim) + (double)t->dim * 0x1p-124 / length;
    for (size_t q = 0; q < t->count; q++) {
        if (w->directions) {
            double most = (double)w->products[q * chunk + i] / length + wrong;
            most *= t->metric == NEIGHBORS_DOT ? length * sqrt(t->squares[q]) : 1;
            if (isfinite(most) && most < nearest_least(&w->best[q]))
                continue;
        }
        double dot = exact_dot(t->queries + q * t->dim, values, t->dim);
        nearest_offer(&w->best[q], (struct neighbor){row, task_score(t, q, dot, square)});
    }
}

static lmvr_status scan_chunk(struct worker *w, uint64_t first, size_t count, lmvr_error *error)
{
    const struct task *t = w->task;
    TRY(row_files_read(t->files, first, count, w->rows, error));
    if (w->directions) {
        int64_t dim = (int64_t)t->dim;
        TRY(gemm_run(&(struct gemm_call){.transpose_b = true,
                                         .m = (int64_t)t->count,
                                         .n = (int64_t)count,
                                         .k = dim,
                                         .alpha = 1,
                                         .a = w->directions,
                                         .lda = dim,
                                         .b = w->rows,
                                         .ldb = dim,
                                         .c = w->products,
                                         .ldc = (int64_t)count},
                     error));
    }
    for (size_t i = 0; i < count; i++)
        compare(w, first + i, i, count);
    return LMVR_OK;
}

static void gather(struct worker *w)
{
    for (size_t q = 0; q < w->task->count; q++)
        for (size_t i = 0; i < w->best[q].count; i++)
            nearest_offer(&w->task->best[q], w->best[q].items[i]);
}

/* The queries divided by their lengths. NULL: out of memory. */
static float *make_directions(const struct task *t)
{
    float *directions = malloc(t->count * t->dim * sizeof *directions);
    for (size_t q = 0; directions && q < t->count; q++)
        for (size_t i = 0; i < t->dim; i++)
            directions[q * t->dim + i] =
                t->squares[q] > 0 ? (float)((double)t->queries[q * t->dim + i] / sqrt(t->squares[q])) : 0;
    return directions;
}

lmvr_status scan_find(const struct task *task, lmvr_error *error)
{
    lmvr_status result = LMVR_OK;
    uint64_t rows = task->files->rows, chunk = chunk_rows(task);
    float *directions = task->count > FEW ? make_directions(task) : NULL;
    if (task->count > FEW && !directions)
        return error_no_memory(error, "a search");
#pragma omp parallel
    {
        struct worker w;
        lmvr_error why;
        lmvr_status status = worker_init(&w, task, directions) ? LMVR_OK : error_no_memory(&why, "a search");
#pragma omp for schedule(dynamic)
        for (uint64_t first = 0; first < rows; first += chunk)
            if (status == LMVR_OK)
                status = scan_chunk(&w, first, rows - first < chunk ? rows - first : chunk, &why);
#pragma omp critical
        if (status == LMVR_OK) {
            gather(&w);
        } else if (result == LMVR_OK) {
            result = error_set(error, status, "%s", why.message);
        }
        worker_finish(&w);
    }
    free(directions);
    return result;
}
