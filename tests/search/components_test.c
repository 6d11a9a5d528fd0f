/* Where rows lie along the directions in which they differ most. */
#include "scratch.h"

#include "search/components.h"
#include "store/row_files.h"

#include <float.h>
#include <math.h>

static uint64_t random_state = 1;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 33) / 0x1p31 - 0.5;
}

static void is_near(double value, double expected, double most)
{
    if (!(fabs(value - expected) <= most))
        fail_msg("%g, and not %g", value, expected);
}

static struct row_files files;

static struct neighbors *open_rows(const float *rows, size_t count, size_t dim)
{
    struct npy_writer w;
    struct neighbors *neighbors;
    lmvr_error error;
    assert_int_equal(npy_writer_create("rows.npy", NPY_F32, dim, &w, &error), LMVR_OK);
    assert_int_equal(npy_writer_append(&w, rows, count, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
    assert_int_equal(row_files_add(&files, "rows.npy", &error), LMVR_OK);
    assert_int_equal(neighbors_open(&files, &neighbors, &error), LMVR_OK);
    return neighbors;
}

static struct components find(const float *rows, size_t count, size_t dim, size_t most_rows, size_t most_dims)
{
    struct components c;
    lmvr_error error;
    struct neighbors *neighbors = open_rows(rows, count, dim);
    assert_int_equal(components_find(neighbors, most_rows, most_dims, &c, &error), LMVR_OK);
    neighbors_close(neighbors);
    row_files_close(&files);
    return c;
}

static double distance(const float *a, const float *b, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

/* Rows around a mean far from 0, with less variance in each next value. */
static float *make_rows(size_t count, size_t dim)
{
    float *rows = malloc(count * dim * sizeof *rows);
    for (size_t i = 0; i < count * dim; i++)
        rows[i] = (float)(7 + uniform() * pow(0.7, (double)(i % dim)));
    return rows;
}

static void a_few_directions_have_nearly_all_the_variance(void **state)
{
    (void)state;
    enum { COUNT = 200, DIM = 40, DIMS = 12 };
    float *rows = make_rows(COUNT, DIM);
    struct components c = find(rows, COUNT, DIM, 1000, DIMS);
    assert_int_equal(c.count, COUNT);
    assert_int_equal(c.dims, DIMS);
    double shares = 0;
    for (size_t d = 0; d < DIMS; d++) {
        shares += c.shares[d];
        if (d > 0)
            assert_true(c.shares[d] <= c.shares[d - 1]);
        /* the directions of the values themselves, but for chance */
        is_near(c.shares[d], 0.51 * pow(0.49, (double)d), 0.15 * pow(0.49, (double)d));
    }
    assert_true(shares > 0.999 && shares < 1.000001);
    for (size_t i = 1; i < COUNT; i++)
        is_near(distance(c.values, c.values + i * DIMS, DIMS), distance(rows, rows + i * DIM, DIM), 0.02);
    components_finish(&c);
    free(rows);
}

static void directions_are_orthogonal_and_values_have_no_mean(void **state)
{
    (void)state;
    enum { COUNT = 150, DIM = 64, DIMS = 20 };
    float *rows = make_rows(COUNT, DIM);
    struct components c = find(rows, COUNT, DIM, COUNT, DIMS);
    for (size_t d = 0; d < DIMS; d++) {
        double mean = 0, far = 0, square = 0;
        for (size_t i = 0; i < COUNT; i++) {
            double value = c.values[i * DIMS + d];
            mean += value / COUNT;
            square += value * value;
            far = fabs(value) > fabs(far) ? value : far;
        }
        is_near(mean, 0, 1e-5);
        assert_true(far > 0);
        for (size_t e = 0; e < d; e++) {
            double product = 0;
            for (size_t i = 0; i < COUNT; i++)
                product += (double)c.values[i * DIMS + d] * c.values[i * DIMS + e];
            is_near(product, 0, 1e-4 * square + 1e-6);
        }
    }
    components_finish(&c);
    free(rows);
}

static void as_many_directions_as_values_keep_all_distances(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{100, 6}, {5, 80}, {2, 3}, {30, 1}, {1, 4}};
    for (size_t t = 0; t < sizeof shapes / sizeof *shapes; t++) {
        size_t count = shapes[t][0], dim = shapes[t][1];
        float *rows = make_rows(count, dim);
        struct components c = find(rows, count, dim, 1000, 50);
        assert_int_equal(c.dims, count < dim ? count : dim);
        for (size_t i = 0; i < count; i++)
            is_near(distance(c.values, c.values + i * c.dims, c.dims), distance(rows, rows + i * dim, dim), 1e-5);
        components_finish(&c);
        free(rows);
    }
}

static void equal_rows_are_all_at_0(void **state)
{
    (void)state;
    float rows[20 * 3];
    for (size_t i = 0; i < 60; i++)
        rows[i] = (float)(i % 3);
    struct components c = find(rows, 20, 3, 20, 2);
    assert_int_equal(c.dims, 2);
    for (size_t i = 0; i < 40; i++)
        assert_true(c.values[i] == 0);
    assert_true(c.shares[0] == 0 && c.shares[1] == 0);
    components_finish(&c);
}

static void rows_at_even_distances_are_taken_and_those_that_are_not_finite_left_out(void **state)
{
    (void)state;
    float rows[100 * 2];
    for (size_t i = 0; i < 200; i++)
        rows[i] = (float)uniform();
    rows[2 * 20] = NAN;
    rows[2 * 30 + 1] = INFINITY;
    rows[2 * 31] = NAN; /* not asked for */
    struct components c = find(rows, 100, 2, 10, 2);
    static const uint64_t expected[] = {0, 10, 40, 50, 60, 70, 80, 90};
    assert_int_equal(c.count, 8);
    assert_memory_equal(c.rows, expected, sizeof expected);
    components_finish(&c);
    for (size_t i = 0; i < 200; i++)
        rows[i] = NAN;
    c = find(rows, 100, 2, 10, 2);
    assert_int_equal(c.count, 0);
    components_finish(&c);
}

static void the_largest_floats_do_not_overflow(void **state)
{
    (void)state;
    float rows[8 * 3];
    for (size_t i = 0; i < 24; i++)
        rows[i] = (float)(uniform() * 3e38);
    struct components c = find(rows, 8, 3, 8, 3);
    double shares = c.shares[0] + c.shares[1] + c.shares[2];
    is_near(shares, 1, 1e-5);
    for (size_t i = 0; i < 24; i++)
        assert_true(isfinite(c.values[i]));
    components_finish(&c);
    for (size_t i = 0; i < 24; i++)
        rows[i] = i % 6 < 3 ? FLT_MAX : -FLT_MAX; /* which lie sqrt(3) times as far along the diagonal */
    c = find(rows, 8, 3, 8, 3);
    for (size_t i = 0; i < 8; i++)
        assert_true(fabsf(c.values[i * 3]) == FLT_MAX && c.values[i * 3] == -c.values[(i ^ 1) * 3]);
    components_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_few_directions_have_nearly_all_the_variance, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(directions_are_orthogonal_and_values_have_no_mean, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(as_many_directions_as_values_keep_all_distances, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(equal_rows_are_all_at_0, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(rows_at_even_distances_are_taken_and_those_that_are_not_finite_left_out, enter_folder,
                                        leave_folder),
        cmocka_unit_test_setup_teardown(the_largest_floats_do_not_overflow, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
