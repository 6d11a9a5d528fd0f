#include "search/loaded.h"

#include "tensor/arena.h"
#include "tensor/cpu/product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS  16384     /* in a product */
#define BAND_VALUES (1 << 22) /* read at once */
#define SAMPLE      1024      /* rows whose mean is what is common to all */
#define TOGETHER    64        /* queries in a product */

/* The direction of a row is common + rest, and so is that of a query. Of their product, all that has to do with what is common
 * is known exactly, and the product of the rests, which are rounded, up to a part of their lengths. */
struct rest {
    double length;       /* of the row; NaN: it has values that are not finite */
    double along;        /* product of the rest with what is common */
    float rounded, lost; /* lengths: of the rest as rounded, and of what rounding has taken */
};

struct loaded {
    uint64_t rows;
    size_t dim;
    float *common;             /* (dim) */
    double common_square;      /* its product with itself */
    struct rest *rests;        /* (rows) */
    struct product **products; /* of each BLOCK_ROWS rows' rests */
    size_t product_count;
};

/* ---- loading ---- */

/* The mean of some rows' directions. Any other vector would do as well, but for speed. */
static lmvr_status find_common(struct loaded *l, const struct row_files *files, lmvr_error *error)
{
    uint64_t count = l->rows < SAMPLE ? l->rows : SAMPLE;
    float *row = malloc(l->dim * sizeof *row);
    double *sum = calloc(l->dim, sizeof *sum);
    lmvr_status status = row && sum ? LMVR_OK : error_no_memory(error, "the rows");
    for (uint64_t s = 0; s < count && status == LMVR_OK; s++) {
        status = row_files_read(files, l->rows / count * s, 1, row, error);
        double square = status == LMVR_OK ? exact_dot(row, row, l->dim) : 0;
        for (size_t i = 0; i < l->dim && square > 0 && isfinite(square); i++)
            sum[i] += (double)row[i] / sqrt(square) / (double)count;
    }
    for (size_t i = 0; i < l->dim && status == LMVR_OK; i++)
        l->common[i] = (float)sum[i];
    free(row);
    free(sum);
    return status;
}

/* Rounds up to a float. */
static float float_above(double x)
{
    return nextafterf((float)x, INFINITY);
}

/* The rest of a row, or of a query, whose product with itself is `square`: `rounded` (dim) is it in bf16. */
static struct rest take_rest(const struct loaded *l, const float *row, double square, float *rounded)
{
    struct rest rest = {.length = isfinite(square) ? sqrt(square) : NAN};
    double factor = rest.length > 0 ? 1 / rest.length : 0, along = 0, size = 0, lost = 0;
    for (size_t i = 0; i < l->dim; i++) {
        double common = (double)l->common[i], value = rest.length > 0 ? (double)row[i] * factor - common : 0;
        rounded[i] = bf16_to_f32(bf16_from_f32((float)value));
        along += value * common;
        size += (double)rounded[i] * (double)rounded[i];
        lost += (value - (double)rounded[i]) * (value - (double)rounded[i]);
    }
    rest.along = along;
    rest.rounded = float_above(sqrt(size));
    rest.lost = float_above(sqrt(lost));
    return rest;
}

static lmvr_status load_block(struct loaded *l, size_t block, const struct row_files *files, float *band, uint64_t band_rows,
                              lmvr_error *error)
{
    uint64_t first = block * BLOCK_ROWS, rows = l->rows - first < BLOCK_ROWS ? l->rows - first : BLOCK_ROWS;
    struct product **product = &l->products[block];
    lmvr_error notice;
    TRY(product_create((int64_t)rows, (int64_t)l->dim, BF16, product, error));
    for (uint64_t at = 0, count; at < rows; at += count) {
        count = rows - at < band_rows ? rows - at : band_rows;
        TRY(row_files_read(files, first + at, count, band, error));
#pragma omp parallel for schedule(static)
        for (uint64_t i = 0; i < count; i++) {
            float *row = band + i * l->dim;
            l->rests[first + at + i] = take_rest(l, row, exact_dot(row, row, l->dim), row);
        }
        TRY(product_set(*product, (int64_t)at, (int64_t)count, band, error));
    }
    return product_seal(*product, &notice, error);
}

static lmvr_status load(struct loaded *l, const struct row_files *files, lmvr_error *error)
{
    uint64_t band_rows = BAND_VALUES / l->dim + 1;
    float *band = malloc(band_rows * l->dim * sizeof *band);
    l->common = calloc(l->dim, sizeof *l->common);
    l->rests = calloc(l->rows + 1, sizeof *l->rests);
    l->products = calloc(l->product_count + 1, sizeof(struct product *));
    lmvr_status status = band && l->common && l->rests && l->products ? LMVR_OK : error_no_memory(error, "the rows");
    if (status == LMVR_OK)
        status = find_common(l, files, error);
    if (status == LMVR_OK)
        l->common_square = exact_dot(l->common, l->common, l->dim);
    for (size_t block = 0; block < l->product_count && status == LMVR_OK; block++)
        status = load_block(l, block, files, band, band_rows, error);
    free(band);
    return status;
}

lmvr_status loaded_create(const struct row_files *files, struct loaded **loaded, lmvr_error *error)
{
    struct loaded *l = calloc(1, sizeof *l);
    if (!l)
        return error_no_memory(error, "the rows");
    *l = (struct loaded){.rows = files->rows, .dim = files->dim, .product_count = (files->rows + BLOCK_ROWS - 1) / BLOCK_ROWS};
    lmvr_status status = load(l, files, error);
    if (status != LMVR_OK) {
        loaded_free(l);
        l = NULL;
    }
    *loaded = l;
    return status;
}

void loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return;
    for (size_t i = 0; loaded->products && i < loaded->product_count; i++)
        product_free(loaded->products[i]);
    free(loaded->products);
    free(loaded->rests);
    free(loaded->common);
    free(loaded);
}

/* ---- searching ---- */

/* A row that may be found, and the most that its score can be. */
struct candidate {
    uint64_t row;
    double most;
};

/* A query, and what has come of it. */
struct hunt {
    struct rest rest;     /* of the query */
    double common;        /* product of what is common with the query's direction */
    struct nearest least; /* the rows with the greatest scores that are certain; what is less than them all is out */
    struct candidate *candidates;
    size_t count, space;
};

/* Drops candidates that are out. */
static void thin(struct hunt *hunt)
{
    size_t kept = 0;
    double least = nearest_least(&hunt->least);
    for (size_t i = 0; i < hunt->count; i++)
        if (hunt->candidates[i].most >= least)
            hunt->candidates[kept++] = hunt->candidates[i];
    hunt->count = kept;
}

static bool add_candidate(struct hunt *hunt, struct candidate candidate)
{
    if (hunt->count == hunt->space) {
        thin(hunt);
        if (2 * hunt->count >= hunt->space) {
            size_t space = 2 * hunt->space + 256;
            struct candidate *more = realloc(hunt->candidates, space * sizeof *more);
            if (!more)
                return false;
            hunt->candidates = more;
            hunt->space = space;
        }
    }
    hunt->candidates[hunt->count++] = candidate;
    return true;
}

/* No less than the length of a rest before it was rounded. */
static double whole(const struct rest *rest)
{
    return (double)rest->rounded + (double)rest->lost;
}

/* Takes those of a block's rows that may be among the nearest, from their products with the query. False: out of memory. */
static bool hunt_among(struct hunt *hunt, const struct loaded *l, enum neighbors_metric metric, uint64_t first, uint64_t count,
                       const float *products)
{
    double sum_error = task_sum_error(l->dim), least = nearest_least(&hunt->least);
    const struct rest *query = &hunt->rest;
    for (uint64_t i = 0; i < count; i++) {
        const struct rest *rest = &l->rests[first + i];
        bool directed = rest->length > 0 && query->length > 0;
        double cosine = 0, wrong = 0, factor = metric == NEIGHBORS_DOT ? rest->length * query->length : 1;
        if (directed) {
            cosine = hunt->common + rest->along + (double)products[i];
            wrong = whole(query) * (double)rest->lost + (double)rest->rounded * (double)query->lost +
                    sum_error * ((double)rest->rounded * (double)query->rounded + 0x1p-20);
        }
        double most = factor * (cosine + wrong);
        if (most < least || isnan(rest->length))
            continue;
        nearest_offer(&hunt->least, (struct neighbor){first + i, factor * (cosine - wrong)});
        least = nearest_least(&hunt->least);
        if (!add_candidate(hunt, (struct candidate){first + i, most}))
            return false;
    }
    return true;
}

static lmvr_status hunt_block(const struct loaded *l, size_t block, const struct task *task, struct hunt *hunts,
                              const float *rounded, int64_t padded, float *products, struct arena *arena, lmvr_error *error)
{
    uint64_t first = block * BLOCK_ROWS, rows = l->rows - first < BLOCK_ROWS ? l->rows - first : BLOCK_ROWS;
    bool memory = true;
    TRY(product_run(l->products[block], arena, padded, rounded, (int64_t)l->dim, NULL, false, products, (int64_t)rows, error));
#pragma omp parallel for schedule(static) reduction(&& : memory)
    for (size_t q = 0; q < task->count; q++)
        memory = hunt_among(&hunts[q], l, task->metric, first, rows, products + q * rows) && memory;
    return memory ? LMVR_OK : error_no_memory(error, "a search");
}

static int most_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->most > y->most ? -1 : x->most < y->most ? 1 : x->row < y->row ? -1 : x->row > y->row;
}

/* Compares the candidates of query q with it, until none can be nearer than those that are found. */
static lmvr_status compare(struct hunt *hunt, const struct task *task, size_t q, float *row, lmvr_error *error)
{
    thin(hunt);
    if (hunt->count > 1)
        qsort(hunt->candidates, hunt->count, sizeof *hunt->candidates, most_first);
    for (size_t i = 0; i < hunt->count && hunt->candidates[i].most >= nearest_least(&task->best[q]); i++) {
        TRY(row_files_read(task->files, hunt->candidates[i].row, 1, row, error));
        double dot = exact_dot(task->queries + q * task->dim, row, task->dim), square = exact_dot(row, row, task->dim);
        nearest_offer(&task->best[q], (struct neighbor){hunt->candidates[i].row, task_score(task, q, dot, square)});
    }
    return LMVR_OK;
}

static lmvr_status compare_all(const struct task *task, struct hunt *hunts, lmvr_error *error)
{
    lmvr_status result = LMVR_OK;
#pragma omp parallel for schedule(dynamic)
    for (size_t q = 0; q < task->count; q++) {
        lmvr_error why;
        float *row = malloc(task->dim * sizeof *row);
        lmvr_status status = row ? compare(&hunts[q], task, q, row, &why) : error_no_memory(&why, "a search");
        free(row);
#pragma omp critical
        if (status != LMVR_OK && result == LMVR_OK)
            result = error_set(error, status, "%s", why.message);
    }
    return result;
}

/* A multiple of few numbers of rows, for each of which a product is compiled. */
static int64_t padded_count(size_t count)
{
    int64_t padded = 1;
    while (padded < (int64_t)count)
        padded *= 2;
    return padded;
}

/* At most TOGETHER queries. */
static lmvr_status find_together(const struct loaded *l, const struct task *task, struct hunt *hunts, struct arena *arena,
                                 lmvr_error *error)
{
    int64_t padded = padded_count(task->count);
    size_t space = task->best[0].space;
    struct neighbor *least = arena_alloc(arena, (int64_t)(task->count * space), sizeof *least);
    float *rounded = arena_floats(arena, padded * (int64_t)l->dim), *products = arena_floats(arena, padded * BLOCK_ROWS);
    if (!least || !rounded || !products)
        return error_no_memory(error, "a search");
    memset(rounded, 0, (size_t)padded * l->dim * sizeof *rounded);
    for (size_t q = 0; q < task->count; q++) {
        hunts[q].least = (struct nearest){.items = least + q * space, .space = space};
        hunts[q].rest = take_rest(l, task->queries + q * l->dim, task->squares[q], rounded + q * l->dim);
        hunts[q].common = hunts[q].rest.along + l->common_square;
    }
    for (size_t block = 0; block < l->product_count; block++)
        TRY(hunt_block(l, block, task, hunts, rounded, padded, products, arena, error));
    return compare_all(task, hunts, error);
}

lmvr_status loaded_find(const struct loaded *loaded, const struct task *task, lmvr_error *error)
{
    struct arena arena;
    lmvr_status status = LMVR_OK;
    arena_init(&arena);
    for (size_t first = 0; first < task->count && status == LMVR_OK; first += TOGETHER) {
        struct hunt hunts[TOGETHER] = {0};
        struct task part = *task;
        part.count = task->count - first < TOGETHER ? task->count - first : TOGETHER;
        part.queries += first * task->dim;
        part.squares += first;
        part.best += first;
        status = find_together(loaded, &part, hunts, &arena, error);
        for (size_t q = 0; q < part.count; q++)
            free(hunts[q].candidates);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    return status;
}
