#include "scratch.h"

#include "store/npy.h"
#include "store/npy_array.h"

static const float values[] = {1, 2, 3, 4, -5, 1e-30f, 7, 8, 9, 10, 11, 12};

/* The exact bytes that numpy.save writes for an array of shape (2, 3, 2), except for the header's padding. */
static void three_dimensions_are_written_as_numpy_does(void **state)
{
    (void)state;
    size_t size, shape[] = {2, 3, 2};
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 2), }";
    assert_int_equal(npy_array_write("a.npy", values, shape, 3, NULL), LMVR_OK);
    char *bytes = read_bytes("a.npy", &size);
    assert_int_equal(size, 128 + sizeof values);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(bytes + 10, header, strlen(header));
    for (size_t i = 10 + strlen(header); i < 127; i++)
        assert_int_equal(bytes[i], ' ');
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128, values, sizeof values);
    assert_false(exists("a.npy.tmp"));
    free(bytes);
}

static void two_dimensions_are_read_back(void **state)
{
    (void)state;
    struct npy_reader reader;
    float row[4];
    assert_int_equal(npy_array_write("a.npy", values, (size_t[]){3, 4}, 2, NULL), LMVR_OK);
    assert_int_equal(npy_reader_open("a.npy", &reader, NULL), LMVR_OK);
    assert_int_equal(reader.rows, 3);
    assert_int_equal(reader.dim, 4);
    assert_int_equal(npy_reader_read(&reader, 1, 1, row, NULL), LMVR_OK);
    assert_memory_equal(row, values + 4, sizeof row);
    npy_reader_close(&reader);
}

static void empty_and_one_dimensional_arrays_are_arrays(void **state)
{
    (void)state;
    size_t size;
    assert_int_equal(npy_array_write("e.npy", NULL, (size_t[]){0, 24, 24}, 3, NULL), LMVR_OK);
    char *bytes = read_bytes("e.npy", &size);
    assert_int_equal(size, 128);
    assert_non_null(strstr(bytes + 10, "'shape': (0, 24, 24), }"));
    free(bytes);
    assert_int_equal(npy_array_write("v.npy", values, (size_t[]){12}, 1, NULL), LMVR_OK);
    bytes = read_bytes("v.npy", &size);
    assert_non_null(strstr(bytes + 10, "'shape': (12,), }"));
    free(bytes);
}

static void impossible_shapes_and_places_are_refused(void **state)
{
    (void)state;
    lmvr_error error;
    assert_int_equal(npy_array_write("a.npy", values, (size_t[]){SIZE_MAX / 4, 2}, 2, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_array_write("a.npy", values, (size_t[]){1}, 0, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_array_write("no/a.npy", values, (size_t[]){1}, 1, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "no/a.npy: cannot write: No such file"));
    write_text("b.npy", "old");
    mkdir("b.npy.tmp", 0777);
    assert_int_equal(npy_array_write("b.npy", values, (size_t[]){1}, 1, &error), LMVR_ERROR_INVALID);
    char *old = read_bytes("b.npy", NULL);
    assert_string_equal(old, "old");
    free(old);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(three_dimensions_are_written_as_numpy_does),
        IN_FOLDER(two_dimensions_are_read_back),
        IN_FOLDER(empty_and_one_dimensional_arrays_are_arrays),
        IN_FOLDER(impossible_shapes_and_places_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
