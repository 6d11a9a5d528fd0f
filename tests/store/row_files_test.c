/* Rows of several files are numbered through, whatever their types are; what is not there is not read. */
#include "scratch.h"

#include "store/row_files.h"

#define MANY 100 /* more than are kept open */

static void write_rows(const char *path, enum npy_type type, size_t dim, const void *rows, uint64_t count)
{
    struct npy_writer w;
    lmvr_error error;
    assert_int_equal(npy_writer_create(path, type, dim, &w, &error), LMVR_OK);
    assert_int_equal(npy_writer_append(&w, rows, count, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

static void add(struct row_files *files, const char *path)
{
    lmvr_error error;
    assert_int_equal(row_files_add(files, path, &error), LMVR_OK);
}

static void assert_refused(lmvr_status status, const lmvr_error *error, const char *sentence)
{
    assert_int_equal(status, LMVR_ERROR_INVALID);
    assert_non_null(strstr(error->message, sentence));
}

static void test_rows_are_numbered_through_all_files(void **state)
{
    (void)state;
    static const int8_t whole[2][2] = {{2, -4}, {6, 8}};
    static const uint16_t half[2] = {0x3c00, 0x4000}; /* 1, 2 */
    static const float floats[2] = {-1, -2}, scales[2] = {0.5, 2};
    static const float expected[4][2] = {{-1, -2}, {1, -2}, {12, 16}, {1, 2}};
    struct row_files files = {0};
    lmvr_error error;
    float rows[4][2];
    write_rows("a.npy", NPY_F32, 2, floats, 1);
    write_rows("none.npy", NPY_F32, 2, floats, 0);
    write_rows("b.npy", NPY_INT8, 2, whole, 2);
    write_rows("b.scale.npy", NPY_F32, 1, scales, 2);
    write_rows("c.npy", NPY_F16, 2, half, 1);
    add(&files, "none.npy");
    add(&files, "a.npy");
    add(&files, "none.npy");
    add(&files, "b.npy");
    add(&files, "c.npy");
    assert_int_equal(files.rows, 4);
    for (uint64_t first = 0; first < 4; first++)
        for (uint64_t count = 0; count <= 4 - first; count++) {
            assert_int_equal(row_files_read(&files, first, count, rows[0], &error), LMVR_OK);
            assert_memory_equal(rows, expected[first], count * sizeof *rows);
        }
    static const size_t numbers[] = {1, 3, 3, 4};
    for (uint64_t row = 0; row < 4; row++)
        assert_int_equal(row_files_find(&files, row), numbers[row]);
    assert_refused(row_files_read(&files, 4, 1, rows[0], &error), &error, "there is no row 4");
    assert_refused(row_files_read(&files, 1, 4, rows[0], &error), &error, "there is no row 4");
    assert_refused(row_files_read(&files, 1, UINT64_MAX, rows[0], &error), &error, "there is no row");
    row_files_close(&files);
}

static void test_files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const float floats[6] = {1, 2, 3, 4, 5, 6};
    struct row_files files = {0};
    lmvr_error error;
    write_rows("two.npy", NPY_F32, 2, floats, 3);
    write_rows("three.npy", NPY_F32, 3, floats, 2);
    write_rows("cut.npy", NPY_F32, 2, floats, 3);
    assert_int_equal(truncate("cut.npy", NPY_HEADER_SIZE + 17), 0);
    add(&files, "two.npy");
    assert_refused(row_files_add(&files, "three.npy", &error), &error,
                   "three.npy: has rows of 3 values, but those of two.npy have 2");
    assert_refused(row_files_add(&files, "cut.npy", &error), &error, "cut.npy: has 145 bytes, expected 152 by its header");
    assert_int_equal(files.count, 1);
    assert_int_equal(files.rows, 3);
    row_files_close(&files);
}

static void test_files_that_change_are_noticed(void **state)
{
    (void)state;
    static const float floats[4] = {1, 2, 3, 4};
    struct row_files files = {0};
    lmvr_error error;
    float row[2];
    write_rows("a.npy", NPY_F32, 2, floats, 1);
    write_rows("last.npy", NPY_F32, 2, floats, 2);
    for (int i = 1; i < MANY; i++)
        add(&files, "a.npy");
    add(&files, "last.npy");
    assert_int_equal(row_files_read(&files, MANY, 1, row, &error), LMVR_OK);
    assert_memory_equal(row, floats + 2, sizeof row);
    write_rows("last.npy", NPY_F32, 1, floats, 2);
    assert_refused(row_files_read(&files, MANY, 1, row, &error), &error, "last.npy: has changed while it was in use");
    write_rows("last.npy", NPY_F32, 2, floats, 1);
    assert_refused(row_files_read(&files, MANY, 1, row, &error), &error, "last.npy: has changed while it was in use");
    row_files_close(&files);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rows_are_numbered_through_all_files),
        IN_FOLDER(test_files_that_do_not_fit_are_refused),
        IN_FOLDER(test_files_that_change_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
