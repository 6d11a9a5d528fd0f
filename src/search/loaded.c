#include "search/loaded.h"

#include "search/rotation.h"
#include "tensor/arena.h"
#include "tensor/cpu/kernel_quantized.h"
#include "tensor/cpu/quantized.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS  16384     /* in a matrix */
#define BAND_VALUES (1 << 22) /* read at once */
#define SAMPLE      1024      /* rows whose mean is what is common to all */
#define TOGETHER    64        /* queries in a product */
#define FEWEST      64        /* candidates that are compared at once */
#define STEPS       127       /* of a rounded value, up and down */

/* The direction of a row is common + rest, and so is that of a query. Of their product, all that has to do with what is common
 * is known exactly, and the product of the rests, which are rotated and rounded, up to a part of their lengths. */
struct rest {
    double square;       /* the row's product with itself; not finite where one of its values is not */
    double along;        /* product of the rest with what is common */
    float rounded, lost; /* lengths, at most: of the rest as rounded, and of what rounding has taken */
};

struct loaded {
    uint64_t rows;
    size_t dim;
    float *common;               /* (dim) */
    double common_square;        /* its product with itself */
    struct rotation rotation;    /* of rests */
    float *factors;              /* (dim): of the matrices' columns, all 1 */
    struct rest *rests;          /* (rows) */
    struct quantized **matrices; /* of each BLOCK_ROWS rows' rests */
    size_t matrix_count;
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

static bool has_direction(double square)
{
    return square > 0 && isfinite(square);
}

/* Rotates the rest of a row, or of a query, whose product with itself is `square`: `turned` (dim), which may be the row. */
static struct rest take_rest(const struct loaded *l, const float *row, double square, float *turned)
{
    struct rest rest = {.square = square};
    if (!has_direction(square)) {
        memset(turned, 0, l->dim * sizeof *turned);
        return rest;
    }
    double factor = 1 / sqrt(square);
    rest.along = exact_dot(row, l->common, l->dim) * factor - l->common_square;
    for (size_t i = 0; i < l->dim; i++)
        turned[i] = (float)((double)row[i] * factor - (double)l->common[i]);
    rotation_apply(&l->rotation, turned);
    double size = sqrt(exact_dot(turned, turned, l->dim));
    rest.rounded = float_above(size);
    rest.lost = float_above(size * (rotation_error(&l->rotation) + 0x1p-23));
    return rest;
}

/* Rounds a row's rest to a record (tensor/cpu/kernel_quantized.h) and leaves in `turned` what that has taken. */
static void round_rest(const struct loaded *l, struct rest *rest, float *turned, uint8_t *record)
{
    float most = 0;
    for (size_t i = 0; i < l->dim; i++)
        most = fabsf(turned[i]) > most ? fabsf(turned[i]) : most;
    float scale = most / STEPS, inverse = scale > 0x1p-100f ? 1 / scale : 0;
    int8_t *steps = (int8_t *)record + sizeof scale;
    double all = rest->rounded; /* of which the differences below may be off by 2^-23 */
    memcpy(record, &scale, sizeof scale);
    for (size_t i = 0; i < l->dim; i++) {
        float step = turned[i] * inverse + 0x1.8p23f - 0x1.8p23f; /* the nearest whole number */
        steps[i] = (int8_t)step;
        turned[i] -= step * scale;
    }
    double lost = sqrt(exact_dot(turned, turned, l->dim)) + 0x1p-23 * all;
    rest->rounded = float_above(all + lost);
    rest->lost = float_above((double)rest->lost + lost);
}

/* Where rows are read and rounded, a band of them at a time. */
struct band {
    uint64_t rows;
    float *values;    /* (rows, dim) */
    uint8_t *records; /* (rows, record_bytes) */
    size_t record_bytes;
};

static lmvr_status load_block(struct loaded *l, size_t block, const struct row_files *files,
                              const struct quantized_kernels *kernels, const struct band *band, lmvr_error *error)
{
    uint64_t first = block * BLOCK_ROWS, rows = l->rows - first < BLOCK_ROWS ? l->rows - first : BLOCK_ROWS;
    struct quantized **matrix = &l->matrices[block];
    TRY(quantized_create_by((int64_t)rows, (int64_t)l->dim, 8, kernels, matrix, error));
    for (uint64_t at = 0, count; at < rows; at += count) {
        count = rows - at < band->rows ? rows - at : band->rows;
        TRY(row_files_read(files, first + at, count, band->values, error));
#pragma omp parallel for schedule(static)
        for (uint64_t i = 0; i < count; i++) {
            float *row = band->values + i * l->dim;
            struct rest *rest = &l->rests[first + at + i];
            *rest = take_rest(l, row, exact_dot(row, row, l->dim), row);
            round_rest(l, rest, row, band->records + i * band->record_bytes);
        }
        TRY(quantized_import(*matrix, (int64_t)at, (int64_t)count, band->records, l->factors, error));
    }
    return quantized_seal(*matrix, error);
}

static lmvr_status load(struct loaded *l, const struct row_files *files, const struct quantized_kernels *kernels,
                        struct band *band, lmvr_error *error)
{
    l->common = calloc(l->dim, sizeof *l->common);
    l->factors = calloc(l->dim, sizeof *l->factors);
    l->rests = calloc(l->rows + 1, sizeof *l->rests);
    l->matrices = calloc(l->matrix_count + 1, sizeof(struct quantized *));
    band->values = malloc(band->rows * l->dim * sizeof *band->values);
    band->records = malloc(band->rows * band->record_bytes);
    if (!l->common || !l->factors || !l->rests || !l->matrices || !band->values || !band->records ||
        !rotation_init(&l->rotation, l->dim))
        return error_no_memory(error, "the rows");
    TRY(find_common(l, files, error));
    for (size_t i = 0; i < l->dim; i++)
        l->factors[i] = 1;
    l->common_square = exact_dot(l->common, l->common, l->dim);
    for (size_t block = 0; block < l->matrix_count; block++)
        TRY(load_block(l, block, files, kernels, band, error));
    return LMVR_OK;
}

lmvr_status loaded_create(const struct row_files *files, const struct quantized_kernels *kernels, struct loaded **loaded,
                          lmvr_error *error)
{
    struct loaded *l = *loaded = calloc(1, sizeof *l);
    if (!l)
        return error_no_memory(error, "the rows");
    *l = (struct loaded){.rows = files->rows, .dim = files->dim, .matrix_count = (files->rows + BLOCK_ROWS - 1) / BLOCK_ROWS};
    struct band band = {.rows = BAND_VALUES / l->dim + 1, .record_bytes = quantized_record_bytes((int64_t)l->dim, 8)};
    lmvr_status status = load(l, files, kernels, &band, error);
    free(band.values);
    free(band.records);
    if (status != LMVR_OK) {
        loaded_free(l);
        *loaded = NULL;
    }
    return status;
}

void loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return;
    for (size_t i = 0; loaded->matrices && i < loaded->matrix_count; i++)
        quantized_free(loaded->matrices[i]);
    rotation_finish(&loaded->rotation);
    free(loaded->matrices);
    free(loaded->factors);
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
    size_t count, space, compared;
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

/* The rest of a query, whose values the matrices' products bring to 16 bits. */
static struct rest take_query(const struct loaded *l, const float *query, double square, float *turned)
{
    struct rest rest = take_rest(l, query, square, turned);
    double lost = quantized_step_loss((int64_t)l->dim, turned);
    rest.rounded = float_above((double)rest.rounded + lost);
    rest.lost = float_above((double)rest.lost + lost);
    return rest;
}

/* The products of a rest R and a query's rest Q differ from those of what they are rounded to, r and q, by
 * Q (R - r) + (Q - q) r: by the Cauchy-Schwarz inequality no more than |Q| |R - r| + |Q - q| |r|. The product of q and r rounds
 * a sum of whole numbers for each group of columns, and adds these up in f32. */
struct bound {
    double by_lost, by_rounded; /* what a row's lengths count for */
    double always;              /* what is lost by doubles, here and in scores, with much to spare */
};

static struct bound bound_of(const struct loaded *l, const struct rest *query)
{
    double sum_error = task_sum_error((size_t)group_count(8, (int64_t)l->dim)), length = query->rounded;
    return (struct bound){.by_lost = length + (double)query->lost,
                          .by_rounded = (double)query->lost + sum_error * length,
                          .always = task_sum_error(l->dim) * 0x1p-26};
}

/* Takes those of a block's rows that may be among the nearest, from their products with the query. False: out of memory. */
static bool hunt_among(struct hunt *hunt, const struct loaded *l, enum neighbors_metric metric, uint64_t first, uint64_t count,
                       const float *products)
{
    double least = nearest_least(&hunt->least);
    const struct rest *query = &hunt->rest;
    struct bound bound = bound_of(l, query);
    for (uint64_t i = 0; i < count; i++) {
        const struct rest *rest = &l->rests[first + i];
        double cosine = 0, wrong = 0, factor = metric == NEIGHBORS_DOT ? sqrt(rest->square) * sqrt(query->square) : 1;
        if (has_direction(rest->square) && has_direction(query->square)) {
            cosine = hunt->common + rest->along + (double)products[i];
            wrong = bound.by_lost * (double)rest->lost + bound.by_rounded * (double)rest->rounded + bound.always;
        }
        double most = factor * (cosine + wrong);
        if (most < least || !isfinite(rest->square))
            continue;
        nearest_offer(&hunt->least, (struct neighbor){first + i, factor * (cosine - wrong)});
        least = nearest_least(&hunt->least);
        if (!add_candidate(hunt, (struct candidate){first + i, most}))
            return false;
    }
    return true;
}

static lmvr_status hunt_block(const struct loaded *l, size_t block, const struct task *task, struct hunt *hunts,
                              const float *turned, float *products, struct arena *arena, lmvr_error *error)
{
    uint64_t first = block * BLOCK_ROWS, rows = l->rows - first < BLOCK_ROWS ? l->rows - first : BLOCK_ROWS;
    bool memory = true;
    TRY(quantized_run(l->matrices[block], arena, (int64_t)task->count, turned, (int64_t)l->dim, NULL, false, products,
                      (int64_t)rows, error));
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

/* A candidate of query q, which is to be compared. */
struct pair {
    uint64_t row;
    size_t q;
    double score;
};

static int row_first(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Takes the next candidates of query q, if any can be nearer than what is found: always as many again. Returns how many. */
static size_t take_pairs(struct hunt *hunt, const struct nearest *best, size_t q, struct pair *pairs)
{
    double least = nearest_least(best);
    size_t most = hunt->compared + best->space > FEWEST ? hunt->compared + best->space : FEWEST, count = 0;
    for (; count < most && hunt->compared < hunt->count && hunt->candidates[hunt->compared].most >= least; count++)
        pairs[count] = (struct pair){.row = hunt->candidates[hunt->compared++].row, .q = q};
    return count;
}

/* Scores the pairs from `first` on that have its row, which is read into `row`. */
static lmvr_status score_row(const struct loaded *l, const struct task *task, struct pair *pairs, size_t first, size_t count,
                             float *row, lmvr_error *error)
{
    TRY(row_files_read(task->files, pairs[first].row, 1, row, error));
    for (size_t i = first; i < count && pairs[i].row == pairs[first].row; i++) {
        double dot = exact_dot(task->queries + pairs[i].q * task->dim, row, task->dim);
        pairs[i].score = task_score(task, pairs[i].q, dot, l->rests[pairs[i].row].square);
    }
    return LMVR_OK;
}

/* Reads each row once, in their order. */
static lmvr_status score_pairs(const struct loaded *l, const struct task *task, struct pair *pairs, size_t count,
                               lmvr_error *error)
{
    lmvr_status result = LMVR_OK;
    qsort(pairs, count, sizeof *pairs, row_first);
#pragma omp parallel
    {
        lmvr_error why;
        float *row = malloc(task->dim * sizeof *row);
        lmvr_status status = row ? LMVR_OK : error_no_memory(&why, "a search");
#pragma omp for schedule(dynamic, 16)
        for (size_t i = 0; i < count; i++)
            if (status == LMVR_OK && (i == 0 || pairs[i].row != pairs[i - 1].row))
                status = score_row(l, task, pairs, i, count, row, &why);
        free(row);
#pragma omp critical
        if (status != LMVR_OK && result == LMVR_OK)
            result = error_set(error, status, "%s", why.message);
    }
    return result;
}

/* Compares candidates, first those that can be nearest, until none can be nearer than what is found. */
static lmvr_status compare(const struct loaded *l, const struct task *task, struct hunt *hunts, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    size_t all = 0, count;
    for (size_t q = 0; q < task->count; q++) {
        thin(&hunts[q]);
        if (hunts[q].count > 1)
            qsort(hunts[q].candidates, hunts[q].count, sizeof *hunts[q].candidates, most_first);
        all += hunts[q].count;
    }
    struct pair *pairs = malloc((all + 1) * sizeof *pairs);
    if (!pairs)
        return error_no_memory(error, "a search");
    do {
        count = 0;
        for (size_t q = 0; q < task->count; q++)
            count += take_pairs(&hunts[q], &task->best[q], q, pairs + count);
        status = count > 0 ? score_pairs(l, task, pairs, count, error) : LMVR_OK;
        for (size_t i = 0; i < count && status == LMVR_OK; i++)
            nearest_offer(&task->best[pairs[i].q], (struct neighbor){pairs[i].row, pairs[i].score});
    } while (count > 0 && status == LMVR_OK);
    free(pairs);
    return status;
}

/* At most TOGETHER queries. */
static lmvr_status find_together(const struct loaded *l, const struct task *task, struct hunt *hunts, struct arena *arena,
                                 lmvr_error *error)
{
    size_t space = task->best[0].space;
    struct neighbor *least = arena_alloc(arena, (int64_t)(task->count * space), sizeof *least);
    float *turned = arena_floats(arena, (int64_t)(task->count * l->dim));
    float *products = arena_floats(arena, (int64_t)task->count * BLOCK_ROWS);
    if (!least || !turned || !products)
        return error_no_memory(error, "a search");
    for (size_t q = 0; q < task->count; q++) {
        float *mine = turned + q * l->dim;
        hunts[q].least = (struct nearest){.items = least + q * space, .space = space};
        hunts[q].rest = take_query(l, task->queries + q * l->dim, task->squares[q], mine);
        hunts[q].common = hunts[q].rest.along + l->common_square;
    }
    for (size_t block = 0; block < l->matrix_count; block++)
        TRY(hunt_block(l, block, task, hunts, turned, products, arena, error));
    return compare(l, task, hunts, error);
}

lmvr_status loaded_find(const struct loaded *loaded, const struct task *task, lmvr_error *error)
{
    struct arena arena;
    lmvr_status status = LMVR_OK;
    arena_init(&arena);
    arena.in_step = true; /* queries are brought to 16 bits */
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
