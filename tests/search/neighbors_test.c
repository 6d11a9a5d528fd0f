/* What is found is what comparing each row with each query finds: in any company, with any number of threads, loaded or not,
 * in however many files the rows are, of whatever type, and by every set of kernels that this processor can run. */
#include "scratch.h"

#include "search/exact.h"
#include "search/neighbors.h"
#include "store/narrow.h"
#include "store/row_files.h"
#include "tensor/cpu/kernel_quantized.h"

#include <math.h>
#include <omp.h>

static uint64_t random_state;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 33) / 0x1p31 - 0.5;
}

/* ---- rows of several kinds ---- */

static float plain(uint64_t row, size_t i)
{
    (void)row, (void)i;
    return (float)uniform();
}

/* So alike that 8 bits cannot tell them apart. */
static float alike(uint64_t row, size_t i)
{
    (void)row;
    return (float)(sin((double)i) + 1e-4 * uniform());
}

/* Whole numbers, whose sums are exact and often equal; every seventh row is zeros. */
static float tied(uint64_t row, size_t i)
{
    (void)i;
    return row % 7 == 3 ? 0 : (float)(int)(4 * uniform());
}

/* Rows of which there are many. */
static float repeated(uint64_t row, size_t i)
{
    return (float)sin((double)(row % 13 * 1000 + i));
}

/* Values from one end of floats to the other, and rows with a value that is none. */
static float extreme(uint64_t row, size_t i)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    if (row % 11 == 5 && i == row % 3)
        return values[row % 3];
    return (float)ldexp(uniform(), (int)(row % 9) * 30 - 120);
}

/* The last rows of each are at both ends of floats. */
static float far(uint64_t row, size_t i)
{
    (void)i;
    return (float)(uniform() * (row % 2 ? 3e38 : 1e-43));
}

/* Channels up to a thousand times the others, as hidden states of language models have. */
static float channels(uint64_t row, size_t i)
{
    (void)row;
    return (float)(uniform() * (i % 31 == 7 ? pow(10, 1 + (double)(i % 3)) : 1));
}

/* As they are, but for the last bits; the last ones are zeros, or have a value that is none. */
static float clustered(uint64_t row, size_t i)
{
    if (row % 50 > 47)
        return row % 2 || i != 3 ? 0 : NAN;
    return (float)(sin((double)(row % 3 * 1000 + i)) + 1e-3 * uniform());
}

typedef float kind(uint64_t row, size_t i);

static void write_npy(const char *path, enum npy_type type, const void *rows, uint64_t count, size_t dim)
{
    struct npy_writer w;
    lmvr_error error;
    assert_int_equal(npy_writer_create(path, type, dim, &w, &error), LMVR_OK);
    assert_int_equal(npy_writer_append(&w, rows, count, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

/* File `number` of `type`. */
static void write_rows(int number, enum npy_type type, const float *rows, uint64_t count, size_t dim)
{
    char path[32], scales_path[32];
    float *narrow = malloc((count * dim + 1) * sizeof *narrow), *scales = calloc(count + 1, sizeof *scales);
    snprintf(path, sizeof path, "rows-%d.npy", number);
    snprintf(scales_path, sizeof scales_path, "rows-%d" NPY_SCALES, number);
    if (type != NPY_F32)
        narrow_rows(type, rows, count, dim, narrow, scales);
    write_npy(path, type, type == NPY_F32 ? rows : narrow, count, dim);
    if (type == NPY_INT8)
        write_npy(scales_path, NPY_F32, scales, count, 1);
    free(narrow);
    free(scales);
}

static struct row_files files;

/* In so many files, some of which are empty where that is more than there are rows. The rows as they are read from them. */
static float *make_in(uint64_t file_count, enum npy_type type, kind *value, uint64_t rows, size_t dim)
{
    float *all = malloc((rows * dim + 1) * sizeof *all);
    lmvr_error error;
    random_state = 1;
    for (uint64_t row = 0; row < rows; row++)
        for (size_t i = 0; i < dim; i++)
            all[row * dim + i] = value(row, i);
    for (uint64_t i = 0; i < file_count; i++) {
        char path[32];
        uint64_t first = i * rows / file_count;
        write_rows((int)i, type, all + first * dim, (i + 1) * rows / file_count - first, dim);
        snprintf(path, sizeof path, "rows-%d.npy", (int)i);
        assert_int_equal(row_files_add(&files, path, &error), LMVR_OK);
    }
    assert_int_equal(row_files_read(&files, 0, rows, all, &error), LMVR_OK);
    return all;
}

static float *make(kind *value, uint64_t rows, size_t dim)
{
    return make_in(1, NPY_F32, value, rows, dim);
}

static void close_rows(struct neighbors *n)
{
    neighbors_close(n);
    row_files_close(&files);
}

/* ---- the slow way ---- */

static int greatest_first(const void *a, const void *b)
{
    const struct neighbor *x = a, *y = b;
    return x->score > y->score ? -1 : x->score < y->score ? 1 : x->row < y->row ? -1 : 1;
}

/* All rows that can be found, sorted, to be freed. */
static struct neighbor *compare_all(const float *rows, uint64_t count, size_t dim, const float *query,
                                    enum neighbors_metric metric, size_t *found)
{
    struct neighbor *all = malloc((count + 1) * sizeof *all);
    *found = 0;
    for (uint64_t r = 0; r < count; r++) {
        const float *row = rows + r * dim;
        double dot = exact_dot(query, row, dim), square = exact_dot(row, row, dim);
        if (isfinite(square))
            all[(*found)++] =
                (struct neighbor){r, metric == NEIGHBORS_DOT ? dot : exact_cosine(dot, exact_dot(query, query, dim), square)};
    }
    qsort(all, *found, sizeof *all, greatest_first);
    return all;
}

/* ---- */

#define MOST_QUERIES 70

/* What is found for each query in each metric. */
struct answers {
    struct neighbor *sorted[2][MOST_QUERIES];
    size_t counts[2][MOST_QUERIES];
};

static void find_plainly(const float *rows, uint64_t count, size_t dim, const float *queries, struct answers *a)
{
    for (int metric = NEIGHBORS_COSINE; metric <= NEIGHBORS_DOT; metric++)
        for (size_t q = 0; q < MOST_QUERIES; q++)
            a->sorted[metric][q] = compare_all(rows, count, dim, queries + q * dim, metric, &a->counts[metric][q]);
}

static void free_answers(struct answers *a)
{
    for (int metric = NEIGHBORS_COSINE; metric <= NEIGHBORS_DOT; metric++)
        for (size_t q = 0; q < MOST_QUERIES; q++)
            free(a->sorted[metric][q]);
}

static void check(const struct neighbors *n, const struct answers *expected, const struct neighbors_search *s)
{
    lmvr_error error;
    struct neighbor *found = calloc(s->count * s->top, sizeof *found);
    size_t *counts = calloc(s->count, sizeof *counts);
    assert_int_equal(neighbors_find(n, s, found, counts, &error), LMVR_OK);
    for (size_t q = 0; q < s->count; q++) {
        size_t all = expected->counts[s->metric][q];
        assert_int_equal(counts[q], all < s->top ? all : s->top);
        for (size_t i = 0; i < counts[q]; i++) {
            assert_int_equal(found[q * s->top + i].row, expected->sorted[s->metric][q][i].row);
            assert_true(found[q * s->top + i].score == expected->sorted[s->metric][q][i].score);
        }
    }
    free(found);
    free(counts);
}

/* Some that are no rows, the first of them zeros, and some that are. */
static float *make_queries(const float *rows, uint64_t count, size_t dim)
{
    float *queries = malloc(MOST_QUERIES * dim * sizeof *queries);
    uint64_t row = 0;
    for (size_t q = 0; q < MOST_QUERIES; q++) {
        for (size_t i = 0; i < dim && q < 3; i++)
            queries[q * dim + i] = (float)((double)q * uniform());
        if (q < 3)
            continue;
        do
            row = (row + 1 + count / 19) % count;
        while (!isfinite(exact_dot(rows + row * dim, rows + row * dim, dim)));
        memcpy(queries + q * dim, rows + row * dim, dim * sizeof *queries);
    }
    return queries;
}

/* Over the files, or loaded for `kernels` if these are not NULL. */
static void check_by(const struct quantized_kernels *kernels, const struct answers *expected, const float *queries, size_t top)
{
    static const size_t counts[] = {1, 3, 9, MOST_QUERIES};
    struct neighbors *n;
    lmvr_error error;
    assert_int_equal(neighbors_open(&files, &n, &error), LMVR_OK);
    if (kernels)
        assert_int_equal(neighbors_load_by(n, kernels, &error), LMVR_OK);
    for (int i = 0; i < 8; i++) {
        struct neighbors_search s = {
            .queries = queries, .count = counts[i / 2], .top = top, .metric = i % 2 ? NEIGHBORS_DOT : NEIGHBORS_COSINE};
        omp_set_num_threads(1 + i / 2);
        check(n, expected, &s);
    }
    neighbors_close(n);
}

static void check_in(uint64_t file_count, enum npy_type type, kind *value, uint64_t rows, size_t dim, size_t top)
{
    const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS];
    int set_count = quantized_kernels_all(sets);
    float *all = make_in(file_count, type, value, rows, dim), *queries = make_queries(all, rows, dim);
    struct answers expected;
    find_plainly(all, rows, dim, queries, &expected);
    check_by(NULL, &expected, queries, top);
    for (int set = 0; set < set_count; set++)
        check_by(sets[set], &expected, queries, top);
    row_files_close(&files);
    free_answers(&expected);
    free(queries);
    free(all);
}

static void check_kind(kind *value, uint64_t rows, size_t dim, size_t top)
{
    check_in(1, NPY_F32, value, rows, dim, top);
}

static void test_finds_the_nearest(void **state)
{
    (void)state;
    check_kind(plain, 500, 33, 7);
    check_kind(plain, 40, 300, 1);
    check_kind(plain, 3, 1, 10);
    check_kind(plain, 1, 5, 2);
}

static void test_tells_apart_what_8_bits_cannot(void **state)
{
    (void)state;
    check_kind(alike, 700, 64, 5);
}

static void test_finds_equal_rows_in_their_order(void **state)
{
    (void)state;
    check_kind(tied, 400, 6, 50);
    check_kind(repeated, 300, 40, 30);
}

static void test_leaves_out_what_is_not_finite(void **state)
{
    (void)state;
    check_kind(extreme, 400, 24, 400);
    check_kind(far, 100, 40, 20);
}

/* Of the file and of what is loaded, more than a thread reads or a product has. */
static void test_finds_among_many_rows(void **state)
{
    (void)state;
    check_kind(plain, 33000, 2, 3);
    check_kind(alike, 1100, 1000, 3);
}

/* More of them than are kept open. */
static void test_finds_among_many_files(void **state)
{
    (void)state;
    check_in(3, NPY_F32, alike, 500, 33, 7);
    check_in(70, NPY_F32, tied, 400, 6, 50);
    check_in(100, NPY_F32, plain, 40, 30, 9);
}

static void test_finds_among_rows_in_fewer_bytes(void **state)
{
    (void)state;
    check_in(1, NPY_F16, plain, 300, 70, 7);
    check_in(1, NPY_INT8, plain, 300, 70, 7);
    check_in(2, NPY_INT8, clustered, 300, 40, 20);
}

static void test_finds_beside_large_channels(void **state)
{
    (void)state;
    check_kind(channels, 300, 300, 7);
    check_in(1, NPY_INT8, channels, 300, 520, 7);
}

static void test_finds_in_clusters_beside_zeros_and_what_is_not_finite(void **state)
{
    (void)state;
    check_kind(clustered, 500, 64, 30);
}

/* ---- single promises ---- */

static void test_equal_rows_have_cosine_1(void **state)
{
    (void)state;
    struct neighbor found[3];
    size_t count;
    struct neighbors *n;
    lmvr_error error;
    float *rows = make(plain, 50, 100);
    assert_int_equal(neighbors_open(&files, &n, &error), LMVR_OK);
    for (uint64_t row = 0; row < 50; row++) {
        float query[100];
        assert_int_equal(neighbors_read(n, row, query, &error), LMVR_OK);
        assert_memory_equal(query, rows + row * 100, sizeof query);
        assert_int_equal(
            neighbors_find(n, &(struct neighbors_search){.queries = query, .count = 1, .top = 3}, found, &count, &error),
            LMVR_OK);
        assert_int_equal(found[0].row, row);
        assert_true(found[0].score == 1);
    }
    close_rows(n);
    free(rows);
}

static void test_scores_are_the_sums(void **state)
{
    (void)state;
    float a[131], b[131];
    for (size_t count = 0; count <= 131; count++) {
        long double sum = 0, size = 0;
        for (size_t i = 0; i < count; i++) {
            a[i] = (float)uniform();
            b[i] = (float)uniform();
            sum += (long double)a[i] * (long double)b[i];
            size += fabsl((long double)a[i] * (long double)b[i]);
        }
        assert_true(fabsl((long double)exact_dot(a, b, count) - sum) <= 1e-15L * size * 20);
    }
}

static void test_an_empty_file_has_no_neighbors(void **state)
{
    (void)state;
    struct neighbor found[2];
    struct neighbors *n;
    lmvr_error error;
    const float query[3] = {1, 2, 3};
    free(make(plain, 0, 3));
    assert_int_equal(neighbors_open(&files, &n, &error), LMVR_OK);
    for (int loaded = 0; loaded < 2; loaded++) {
        size_t count = 9;
        if (loaded)
            assert_int_equal(neighbors_load(n, &error), LMVR_OK);
        assert_int_equal(
            neighbors_find(n, &(struct neighbors_search){.queries = query, .count = 1, .top = 2}, found, &count, &error),
            LMVR_OK);
        assert_int_equal(count, 0);
    }
    close_rows(n);
}

static void test_refuses_what_cannot_be_compared(void **state)
{
    (void)state;
    struct neighbor found[1];
    size_t count;
    struct neighbors *n;
    lmvr_error error;
    const float query[4] = {1, 2, NAN, 4};
    free(make(plain, 5, 4));
    assert_int_equal(neighbors_open(&files, &n, &error), LMVR_OK);
    struct neighbors_search s = {.queries = query, .count = 1, .top = 1};
    assert_int_equal(neighbors_find(n, &s, found, &count, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "query 0 has a value that is not finite");
    s.top = 0;
    assert_int_equal(neighbors_find(n, &s, found, &count, &error), LMVR_ERROR_INVALID);
    s.top = NEIGHBORS_MOST + 1;
    assert_int_equal(neighbors_find(n, &s, found, &count, &error), LMVR_ERROR_INVALID);
    close_rows(n);
}

/* A file that has become shorter is an error, not wrong neighbors. */
static void test_notices_that_the_file_has_changed(void **state)
{
    (void)state;
    struct neighbor found[1];
    size_t count;
    struct neighbors *n;
    lmvr_error error;
    float query[4] = {1, 2, 3, 4};
    free(make(plain, 50, 4));
    assert_int_equal(neighbors_open(&files, &n, &error), LMVR_OK);
    assert_int_equal(truncate("rows-0.npy", 128 + 10 * 16), 0);
    assert_int_not_equal(
        neighbors_find(n, &(struct neighbors_search){.queries = query, .count = 1, .top = 1}, found, &count, &error), LMVR_OK);
    assert_int_not_equal(neighbors_load(n, &error), LMVR_OK);
    close_rows(n);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_finds_the_nearest),
        IN_FOLDER(test_tells_apart_what_8_bits_cannot),
        IN_FOLDER(test_finds_equal_rows_in_their_order),
        IN_FOLDER(test_leaves_out_what_is_not_finite),
        IN_FOLDER(test_finds_among_many_rows),
        IN_FOLDER(test_finds_among_many_files),
        IN_FOLDER(test_finds_among_rows_in_fewer_bytes),
        IN_FOLDER(test_finds_beside_large_channels),
        IN_FOLDER(test_finds_in_clusters_beside_zeros_and_what_is_not_finite),
        IN_FOLDER(test_equal_rows_have_cosine_1),
        IN_FOLDER(test_scores_are_the_sums),
        IN_FOLDER(test_an_empty_file_has_no_neighbors),
        IN_FOLDER(test_refuses_what_cannot_be_compared),
        IN_FOLDER(test_notices_that_the_file_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
