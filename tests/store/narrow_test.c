#include "scratch.h"

#include "store/narrow.h"
#include "store/table.h"

#include <math.h>

static lmvr_error error;

/* ---- values ---- */

static void assert_half(float value, float expected, uint64_t expected_clipped)
{
    float back[1];
    uint64_t clipped = narrow_rows(NPY_F16, &value, 1, 1, (char *)back + 2, NULL);
    narrow_widen(NPY_F16, 1, back);
    if (back[0] != expected && !(isnan(back[0]) && isnan(expected)))
        fail_msg("%g became %g, expected %g", (double)value, (double)back[0], (double)expected);
    assert_int_equal(clipped, expected_clipped);
}

static void test_halves_round_to_even_and_never_overflow(void **state)
{
    (void)state;
    assert_half(1, 1, 0);
    assert_half(1 + 0x1p-11f, 1, 0);               /* a tie, down */
    assert_half(1 + 3 * 0x1p-11f, 1 + 0x1p-9f, 0); /* a tie, up */
    assert_half(0x1p-25f, 0, 0);
    assert_half(3 * 0x1p-25f, 0x1p-23f, 0);
    assert_half(65504, 65504, 0);
    assert_half(65519, 65504, 0);
    assert_half(65520, 65504, 1);
    assert_half(-1e30f, -65504, 1);
    assert_half(INFINITY, INFINITY, 0);
    assert_half(-INFINITY, -INFINITY, 0);
    assert_half(NAN, NAN, 0);
}

static void test_bytes_are_within_half_a_step(void **state)
{
    (void)state;
    enum { ROWS = 5, DIM = 300 };
    static float rows[ROWS][DIM], back[ROWS * DIM];
    float scales[ROWS];
    for (int i = 0; i < DIM; i++) {
        rows[0][i] = sinf((float)i) * 3;
        rows[1][i] = 0;
        rows[2][i] = i == 7 ? NAN : 1;
        rows[3][i] = (float)i * 1e-44f; /* whose step is no float */
        rows[4][i] = i % 2 ? 3e38f : -3e38f;
    }
    char *bytes = (char *)(back + (size_t)ROWS * DIM) - ROWS * DIM;
    assert_int_equal(narrow_rows(NPY_INT8, rows[0], ROWS, DIM, bytes, scales), 0);
    narrow_widen(NPY_INT8, (size_t)ROWS * DIM, back);
    assert_true(scales[1] == 0 && isnan(scales[2]));
    for (int row = 0; row < ROWS; row += row == 1 ? 2 : 1)
        for (int i = 0; i < DIM; i++) {
            double value = (double)back[row * DIM + i] * (double)scales[row], wrong = fabs(value - (double)rows[row][i]);
            assert_true(fabsf(back[row * DIM + i]) <= 127);
            assert_true(wrong <= (double)scales[row] * 0.5001 + 1e-42);
        }
    assert_true(back[4 * DIM] == -127 && back[4 * DIM + 1] == 127);
}

/* In blocks or beyond them, in their own place. */
static void test_widening_in_place(void **state)
{
    (void)state;
    for (size_t count = 0; count < 1100; count += count < 600 ? 51 : 256) {
        float *values = malloc((count + 1) * sizeof *values), *back = malloc((count + 1) * sizeof *back);
        for (size_t i = 0; i < count; i++)
            values[i] = (float)(i % 1000) - 500;
        narrow_rows(NPY_F16, values, 1, count, (char *)back + count * 2, NULL);
        narrow_widen(NPY_F16, count, back);
        assert_memory_equal(back, values, count * sizeof *values);
        free(values);
        free(back);
    }
}

/* ---- files ---- */

static const float given[3][4] = {{1, -2, 0.5f, 127}, {1e6f, 0, 254, -127}, {0, 0, 0, 0}};

static void write_table(enum npy_type type)
{
    const struct store_feature feature = {"a", "llm", 4, false, type};
    struct table table;
    assert_int_equal(table_create("a.npy", &feature, &table, &error), LMVR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(table_append(&table, given[i], 1, &error), LMVR_OK);
    assert_int_equal(table.clipped, type == NPY_F16);
    assert_int_equal(table_close(&table, &error), LMVR_OK);
}

static void assert_reads(const float expected[3][4])
{
    struct npy_reader r;
    float rows[3][4];
    if (npy_reader_open("a.npy", &r, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(npy_reader_read(&r, 0, 3, rows[0], &error), LMVR_OK);
    assert_memory_equal(rows, expected, sizeof rows);
    assert_int_equal(npy_reader_read(&r, 1, 1, rows[0], &error), LMVR_OK);
    assert_memory_equal(rows[0], expected[1], sizeof rows[0]);
    assert_int_equal(npy_reader_read(&r, 3, 1, rows[0], &error), LMVR_ERROR_INVALID);
    npy_reader_close(&r);
}

static void assert_header(const char *path, const char *dictionary, size_t data)
{
    size_t size;
    char *bytes = read_bytes(path, &size);
    assert_int_equal(size, 128 + data);
    assert_memory_equal(bytes + 10, dictionary, strlen(dictionary));
    free(bytes);
}

static void test_files_are_numpys_and_read_as_floats(void **state)
{
    (void)state;
    static const float halves[3][4] = {{1, -2, 0.5f, 127}, {65504, 0, 254, -127}, {0, 0, 0, 0}};
    const float step = 1e6f / 127, bytes[3][4] = {{1, -2, 0, 127}, {127 * step, 0, 0, 0}, {0, 0, 0, 0}};
    write_table(NPY_F16);
    assert_header("a.npy", "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }", 24);
    assert_false(exists("a.scale.npy"));
    assert_reads(halves);
    write_table(NPY_INT8);
    assert_header("a.npy", "{'descr': '|i1', 'fortran_order': False, 'shape': (3, 4), }", 12);
    assert_header("a.scale.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }", 12);
    assert_reads(bytes);
}

static void assert_refused(const char *sentence)
{
    struct npy_reader r;
    assert_int_equal(npy_reader_open("a.npy", &r, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void test_bytes_without_their_scales_are_refused(void **state)
{
    (void)state;
    struct npy_writer w;
    write_table(NPY_INT8);
    assert_int_equal(npy_writer_open("a.scale.npy", NPY_F32, 1, &w, &error), LMVR_OK);
    assert_int_equal(npy_writer_cut(&w, 2, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
    assert_refused("a.scale.npy: holds f32 of shape (2, 1), expected float32 (3, 1): the scales of the rows of a.npy");
    write_table(NPY_F16);
    assert_int_equal(rename("a.npy", "b.npy"), 0);
    write_table(NPY_INT8);
    assert_int_equal(rename("b.npy", "a.scale.npy"), 0);
    assert_refused("a.scale.npy: holds f16 of shape (3, 4), expected float32 (3, 1): the scales of the rows of a.npy");
    assert_int_equal(remove("a.scale.npy"), 0);
    assert_refused("a.npy: holds whole numbers (int8), and their scales are missing: a.scale.npy");
}

static void test_a_table_is_not_continued_in_another_type(void **state)
{
    (void)state;
    const struct store_feature feature = {"a", "llm", 4, false, NPY_F16};
    struct table table;
    write_table(NPY_INT8);
    assert_int_equal(table_open("a.npy", &feature, &table, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "a.npy: holds values of type int8, expected f16");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves_round_to_even_and_never_overflow),
        cmocka_unit_test(test_bytes_are_within_half_a_step),
        cmocka_unit_test(test_widening_in_place),
        IN_FOLDER(test_files_are_numpys_and_read_as_floats),
        IN_FOLDER(test_bytes_without_their_scales_are_refused),
        IN_FOLDER(test_a_table_is_not_continued_in_another_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
