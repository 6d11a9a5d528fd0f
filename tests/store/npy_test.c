#include "scratch.h"

#include "store/npy.h"

static const float rows[3][4] = {{1, 2, 3, 4}, {-1, 0.5f, 1e30f, 0}, {7, 8, 9, 10}};

static void write_rows(const char *path, size_t count)
{
    struct npy_writer w;
    lmvr_error error;
    assert_int_equal(npy_writer_create(path, NPY_F32, 4, &w, &error), LMVR_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(npy_writer_append(&w, rows[i], 1, &error), LMVR_OK);
    assert_int_equal(w.rows, count);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

/* The exact bytes, as in numpy.lib.format: the header ends with a newline at a multiple of 64. */
static void test_bytes(void **state)
{
    (void)state;
    size_t size;
    char expected[128 + sizeof rows];
    write_rows("a.npy", 3);
    char *bytes = read_bytes("a.npy", &size);
    memset(expected, ' ', 128);
    memcpy(expected, "\x93NUMPY\x01\x00\x76\x00", 10);
    static const char dictionary[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    memcpy(expected + 10, dictionary, strlen(dictionary));
    expected[127] = '\n';
    memcpy(expected + 128, rows, sizeof rows);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

static void test_reads_what_it_wrote(void **state)
{
    (void)state;
    struct npy_reader r;
    lmvr_error error;
    float out[2][4];
    write_rows("a.npy", 3);
    assert_int_equal(npy_reader_open("a.npy", &r, &error), LMVR_OK);
    assert_int_equal(r.rows, 3);
    assert_int_equal(r.dim, 4);
    assert_int_equal(npy_reader_read(&r, 1, 2, out[0], &error), LMVR_OK);
    assert_memory_equal(out, rows[1], sizeof out);
    assert_int_equal(npy_reader_read(&r, 3, 0, out[0], &error), LMVR_OK);
    assert_int_equal(npy_reader_read(&r, 2, 2, out[0], &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_reader_read(&r, UINT64_MAX, 2, out[0], &error), LMVR_ERROR_INVALID);
    npy_reader_close(&r);
    npy_reader_close(&r);
}

/* The file is readable after every append. */
static void test_is_whole_after_each_row(void **state)
{
    (void)state;
    struct npy_writer w;
    struct npy_reader r;
    lmvr_error error;
    assert_int_equal(npy_writer_create("a.npy", NPY_F32, 4, &w, &error), LMVR_OK);
    for (size_t i = 0; i <= 3; i++) {
        assert_int_equal(npy_reader_open("a.npy", &r, &error), LMVR_OK);
        assert_int_equal(r.rows, i);
        npy_reader_close(&r);
        if (i < 3)
            assert_int_equal(npy_writer_append(&w, rows[i], 1, &error), LMVR_OK);
    }
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

/* After a kill between row and header, or within a row: NumPy ignores the rest, our reader reports it, the writer truncates. */
static void test_repairs_a_stopped_file(void **state)
{
    (void)state;
    struct npy_writer w;
    struct npy_reader r;
    lmvr_error error;
    write_rows("whole.npy", 3);
    write_rows("a.npy", 2);
    append_text("a.npy", "0123456789");
    assert_int_equal(npy_reader_open("a.npy", &r, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "--resume"));
    assert_int_equal(npy_writer_open("a.npy", NPY_F32, 4, &w, &error), LMVR_OK);
    assert_int_equal(w.rows, 2);
    assert_int_equal(npy_writer_cut(&w, 2, &error), LMVR_OK);
    assert_int_equal(npy_writer_append(&w, rows[2], 1, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
    assert_same_file("a.npy", "whole.npy");
    /* more data than the header says: all 3 rows count */
    write_rows("b.npy", 2);
    FILE *file = fopen("b.npy", "ae");
    fwrite(rows[2], 1, sizeof rows[2], file);
    fclose(file);
    assert_int_equal(npy_writer_open("b.npy", NPY_F32, 4, &w, &error), LMVR_OK);
    assert_int_equal(w.rows, 3);
    assert_int_equal(npy_writer_cut(&w, 3, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
    assert_same_file("b.npy", "whole.npy");
}

static void test_writer_refuses(void **state)
{
    (void)state;
    struct npy_writer w;
    lmvr_error error;
    write_rows("a.npy", 1);
    assert_int_equal(npy_writer_open("a.npy", NPY_F32, 5, &w, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "a.npy: has rows of 4 values, expected 5");
    assert_int_equal(npy_writer_open("none.npy", NPY_F32, 5, &w, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_writer_create("no/such/folder.npy", NPY_F32, 5, &w, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_writer_create("a0.npy", NPY_F32, 0, &w, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_writer_create("a0.npy", NPY_F32, (size_t)1 << 31, &w, &error), LMVR_ERROR_INVALID);
    assert_false(exists("a0.npy"));
    write_text("text.npy", "x");
    assert_int_equal(npy_writer_open("text.npy", NPY_F32, 4, &w, &error), LMVR_OK); /* cut off within its header: no rows */
    assert_int_equal(w.rows, 0);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

/* A version 1 or 2 file with this dictionary, followed by this many bytes. */
static void write_array(const char *path, int version, const char *dictionary, size_t data)
{
    char bytes[1024] = "\x93NUMPY";
    size_t length = strlen(dictionary), begin = version == 1 ? 10 : 12;
    bytes[6] = (char)version;
    bytes[8] = (char)length;
    memcpy(bytes + begin, dictionary, length);
    write_bytes(path, bytes, begin + length + data);
}

static void assert_reads(int version, const char *dictionary, size_t data, uint64_t expected_rows, uint64_t expected_dim)
{
    struct npy_reader r;
    lmvr_error error;
    write_array("x.npy", version, dictionary, data);
    if (npy_reader_open("x.npy", &r, &error) != LMVR_OK)
        fail_msg("%s: %s", dictionary, error.message);
    assert_int_equal(r.rows, expected_rows);
    assert_int_equal(r.dim, expected_dim);
    npy_reader_close(&r);
}

static void assert_refuses(const char *dictionary, size_t data, const char *part)
{
    struct npy_reader r;
    lmvr_error error;
    write_array("x.npy", 1, dictionary, data);
    if (npy_reader_open("x.npy", &r, &error) != LMVR_ERROR_INVALID)
        fail_msg("%s should be refused", dictionary);
    if (!strstr(error.message, part) || strncmp(error.message, "x.npy: ", 7) != 0)
        fail_msg("%s should be refused for \"%s\", not \"%s\"", dictionary, part, error.message);
}

static void test_headers(void **state)
{
    (void)state;
    assert_reads(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24, 2, 3);
    assert_reads(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24, 2, 3);
    assert_reads(3, "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<f4\"}", 24, 2, 3);
    assert_reads(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0, 0, 3);
    assert_refuses("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48, "'<f8', expected float32");
    assert_refuses("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "'>f4', expected float32");
    assert_refuses("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "[records]");
    assert_refuses("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, "Fortran");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24, "1 dimensions");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "0 dimensions");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 24, "3 dimensions");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }", 0, "rows of 0 values");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "bytes, expected");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "has data after");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 3), }", 24, "more than a file");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 24, "more than a file");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }", 24, "not one that");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", 24, "not one that");
    assert_refuses("{'descr': '<f4', 'fortran_order': False}", 24, "not one that");
    assert_refuses("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 24, "not one that");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", 24, "not one that");
    assert_refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } x", 24, "not one that");
    assert_refuses("{'descr': '<f4", 0, "not one that");
    assert_refuses("", 0, "not one that");
}

static void test_no_header(void **state)
{
    (void)state;
    struct npy_reader r;
    lmvr_error error;
    write_text("x.npy", "");
    assert_int_equal(npy_reader_open("x.npy", &r, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "x.npy: not a .npy file");
    write_bytes("x.npy", "\x93NUMPY\x01\x00\xff\xff{", 11);
    assert_int_equal(npy_reader_open("x.npy", &r, &error), LMVR_ERROR_INVALID);
    write_bytes("x.npy", "\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13);
    assert_int_equal(npy_reader_open("x.npy", &r, &error), LMVR_ERROR_INVALID);
    write_bytes("x.npy", "\x93NUMPY\x02\x00\x01\x00", 10);
    assert_int_equal(npy_reader_open("x.npy", &r, &error), LMVR_ERROR_INVALID);
    write_bytes("x.npy", "\x93NUMPY\x07\x00\x01\x00 ", 11);
    assert_int_equal(npy_reader_open("x.npy", &r, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "version 7.0"));
    assert_int_equal(npy_reader_open("/dev/null", &r, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_reader_open(".", &r, &error), LMVR_ERROR_INVALID);
    assert_int_equal(npy_reader_open("none", &r, &error), LMVR_ERROR_INVALID);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(npy_reader_open("pipe", &r, &error), LMVR_ERROR_INVALID);
}

/* A file truncated while it is read gives an error, not a row of garbage. */
static void test_cut_while_read(void **state)
{
    (void)state;
    struct npy_reader r;
    lmvr_error error;
    float out[4];
    write_rows("a.npy", 3);
    assert_int_equal(npy_reader_open("a.npy", &r, &error), LMVR_OK);
    assert_int_equal(truncate("a.npy", 130), 0);
    assert_int_equal(npy_reader_read(&r, 0, 1, out, &error), LMVR_ERROR_RESOURCE);
    npy_reader_close(&r);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_bytes),
        IN_FOLDER(test_reads_what_it_wrote),
        IN_FOLDER(test_is_whole_after_each_row),
        IN_FOLDER(test_repairs_a_stopped_file),
        IN_FOLDER(test_writer_refuses),
        IN_FOLDER(test_headers),
        IN_FOLDER(test_no_header),
        IN_FOLDER(test_cut_while_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
