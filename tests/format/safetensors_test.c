#include "format/safetensors_file.h"

#include <math.h>

static lmvr_error error;

static void assert_refused(const char *path, const char *part)
{
    struct safetensors *file;
    assert_int_equal(safetensors_open(path, &file, &error), LMVR_ERROR_INVALID);
    assert_null(file);
    assert_contains(error.message, path);
    assert_contains(error.message, part);
}

static void assert_header_refused(const char *header, size_t data, const char *part)
{
    write_safetensors("x", header, data);
    assert_refused("x", part);
}

static struct safetensors *open_good(const char *path)
{
    struct safetensors *file;
    if (safetensors_open(path, &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

static void tensors_are_found_by_name(void **state)
{
    (void)state;
    write_safetensors("x",
                      "{\"__metadata__\":{\"format\":\"pt\"},"
                      "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[2,26]},"
                      "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]}}   ",
                      26);
    struct safetensors *file = open_good("x");
    assert_int_equal(safetensors_count(file), 2);
    assert_string_equal(safetensors_path(file), "x");
    const struct safetensors_entry *a = safetensors_find(file, "a"), *b = safetensors_find(file, "b");
    assert_true(a->dtype == ST_BF16 && a->dims == 0 && a->size == 2);
    assert_true(b->dtype == ST_F32 && b->dims == 2 && b->shape[0] == 2 && b->shape[1] == 3 && b->begin == a->begin + 2);
    assert_ptr_equal(safetensors_entry_at(file, 0), a);
    assert_null(safetensors_find(file, "c"));
    assert_null(safetensors_find(file, "__metadata__"));
    safetensors_close(file);
}

static void a_file_without_tensors_is_a_file(void **state)
{
    (void)state;
    write_safetensors("x", "{}", 0);
    struct safetensors *file = open_good("x");
    assert_int_equal(safetensors_count(file), 0);
    assert_null(safetensors_find(file, ""));
    safetensors_close(file);
    safetensors_close(NULL);
}

static void tensors_without_elements_lie_anywhere_between_others(void **state)
{
    (void)state;
    write_safetensors("x",
                      "{\"z\":{\"dtype\":\"F32\",\"shape\":[0,9],\"data_offsets\":[4,4]},"
                      "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                      "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]},"
                      "\"e\":{\"dtype\":\"F32\",\"shape\":[5,0],\"data_offsets\":[6,6]}}",
                      6);
    struct safetensors *file = open_good("x");
    float none;
    assert_int_equal(safetensors_read_f32(file, safetensors_find(file, "z"), 0, 0, &none, &error), LMVR_OK);
    assert_int_equal(safetensors_read_f32(file, safetensors_find(file, "z"), 0, 1, &none, &error), LMVR_ERROR_INVALID);
    safetensors_close(file);
}

static void lengths_that_lie_are_refused(void **state)
{
    (void)state;
    write_bytes("x", "", 0);
    assert_refused("x", "too short");
    write_bytes("x", "\2\0\0\0\0\0\0", 7);
    assert_refused("x", "too short");
    write_lying_file("x", 3, "{}", NULL, 0);
    assert_refused("x", "header has 3 bytes");
    write_lying_file("x", UINT64_MAX, "{}", NULL, 0);
    assert_refused("x", "header has 18446744073709551615 bytes");
    write_lying_file("x", UINT64_MAX - 7, "{}", NULL, 0);
    assert_refused("x", "is truncated");
    write_lying_file("x", 100000001, "{}", NULL, 0);
    assert_int_equal(truncate("x", 200000000), 0);
    assert_refused("x", "header has 100000001 bytes");
    write_lying_file("x", 0, "{}", NULL, 0);
    assert_refused("x", "not a safetensors file");
    write_lying_file("x", 1, "{}", NULL, 0);
    assert_refused("x", "not valid JSON");
}

static void headers_that_are_no_header_are_refused(void **state)
{
    (void)state;
    assert_header_refused("[]", 0, "not a safetensors file");
    assert_header_refused(" {}", 0, "not a safetensors file");
    assert_header_refused("{\"a\"", 0, "not valid JSON at line 1");
    assert_header_refused("{\"a\":3}", 0, "tensor a has no dtype");
    assert_header_refused("{\"__metadata__\":3}", 0, "__metadata__");
    assert_header_refused("{\"__metadata__\":{\"a\":3}}", 0, "__metadata__");
    assert_header_refused("{\"a\":{\"dtype\":3,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no dtype");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole numbers");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "whole numbers");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
                          "more than 8 dimensions");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "data_offsets");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0]}}", 4, "data_offsets");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4,8]}}", 4, "data_offsets");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[\"0\",4]}}", 4, "data_offsets");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[-4,0]}}", 4, "data_offsets");
}

static void a_name_that_stands_twice_is_refused(void **state)
{
    (void)state;
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                          "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                          2, "duplicate");
}

static void offsets_that_lie_are_refused(void **state)
{
    (void)state;
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "ends before it begins");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "ends after the file");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]}}", 4,
                          "ends after");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
                          "does not match its shape and dtype");
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]}}", 0,
                          "does not match its shape and dtype");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]}}", 4, "leaves a gap");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 4,
                          "1 bytes that belong to no tensor");
    assert_header_refused("{}", 4, "4 bytes that belong to no tensor");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                          "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                          4, "tensor b overlaps another");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                          "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                          4, "overlaps another");
}

static void shapes_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_header_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "too large");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
                          "too large");
    assert_header_refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[99999999999999999999],\"data_offsets\":[0,0]}}", 0, "JSON");
}

static void a_type_that_is_not_known_is_an_error_only_when_read(void **state)
{
    (void)state;
    write_safetensors("x", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
    struct safetensors *file = open_good("x");
    const struct safetensors_entry *a = safetensors_find(file, "a");
    float out[3];
    assert_int_equal(a->dtype, ST_OTHER);
    assert_int_equal(safetensors_dtype_size(a->dtype), 0);
    assert_int_equal(safetensors_read_f32(file, a, 0, 3, out, &error), LMVR_ERROR_INVALID);
    assert_int_equal(safetensors_read_raw(file, a, 0, 3, out, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "x: tensor a has an unknown dtype");
    safetensors_close(file);
}

static void a_header_of_countless_values_is_refused_before_it_takes_memory(void **state)
{
    (void)state;
    size_t size = 5000000;
    char *header = malloc(size + 8);
    assert_non_null(header);
    memset(header, '[', size);
    memcpy(header, "{\"a\":", 5);
    header[size] = '\0';
    assert_header_refused(header, 0, "more than 4000000 values");
    free(header);
}

static void only_regular_files_are_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_refused("pipe", "is not a file");
    assert_refused(".", "is a folder, expected a file");
    assert_refused("/dev/zero", "is not a file");
    assert_refused("none", "cannot open");
}

/* "1", "-2", the smallest subnormal, the largest value, and an infinity. */
static void parts_are_read_as_floats_from_every_16_and_32_bit_type(void **state)
{
    (void)state;
    const uint16_t f16[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00}, bf16[] = {0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80};
    const float f32[] = {1, -2, 1e-45f, 3.4028235e38f, INFINITY};
    const struct safetensors_write tensors[] = {
        {.name = "f32", .dtype = ST_F32, .dims = 1, .shape = {5}, .data = f32},
        {.name = "f16", .dtype = ST_F16, .dims = 1, .shape = {5}, .data = f16},
        {.name = "bf16", .dtype = ST_BF16, .dims = 1, .shape = {5}, .data = bf16},
        {.name = "i32", .dtype = ST_I32, .dims = 1, .shape = {5}, .data = f32},
    };
    const float expected[3][5] = {{1, -2, 1e-45f, 3.4028235e38f, INFINITY},
                                  {1, -2, 0x1p-24f, 65504, INFINITY},
                                  {1, -2, 0x1p-133f, 0x1.fep127f, INFINITY}};
    assert_int_equal(safetensors_write("x", tensors, 4, NULL, &error), LMVR_OK);
    struct safetensors *file = open_good("x");
    for (int t = 0; t < 3; t++) {
        const struct safetensors_entry *entry = safetensors_find(file, tensors[t].name);
        for (uint64_t first = 0; first <= 5; first++) {
            float out[5];
            assert_int_equal(safetensors_read_f32(file, entry, first, 5 - first, out, &error), LMVR_OK);
            assert_memory_equal(out, expected[t] + first, (5 - first) * sizeof(float));
            assert_int_equal(safetensors_read_f32(file, entry, first, 6 - first, out, &error), LMVR_ERROR_INVALID);
        }
        float out[5];
        assert_int_equal(safetensors_read_f32(file, entry, 6, UINT64_MAX - 5, out, &error), LMVR_ERROR_INVALID);
    }
    float out[5];
    assert_int_equal(safetensors_read_f32(file, safetensors_find(file, "i32"), 0, 5, out, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "other than F32, F16 and BF16");
    assert_int_equal(safetensors_read_raw(file, safetensors_find(file, "i32"), 1, 4, out, &error), LMVR_OK);
    assert_memory_equal(out, f32 + 1, 4 * sizeof(float));
    safetensors_close(file);
}

#define MANY 1000003

static void large_tensors_are_read_whole(void **state)
{
    (void)state;
    uint16_t *in = malloc(MANY * sizeof *in);
    float *out = malloc(MANY * sizeof *out);
    assert_true(in && out);
    for (size_t i = 0; i < MANY; i++)
        in[i] = (uint16_t)(i % 30000);
    const struct safetensors_write tensor = {.name = "t", .dtype = ST_BF16, .dims = 2, .shape = {MANY, 1}, .data = in};
    assert_int_equal(safetensors_write("x", &tensor, 1, NULL, &error), LMVR_OK);
    struct safetensors *file = open_good("x");
    for (size_t first = 0; first < 2; first++) {
        assert_int_equal(safetensors_read_f32(file, safetensors_entry_at(file, 0), first, MANY - first, out, &error), LMVR_OK);
        for (size_t i = 0; i + first < MANY; i++) {
            uint32_t bits;
            memcpy(&bits, &out[i], sizeof bits);
            if (bits != (uint32_t)in[i + first] << 16)
                fail_msg("element %zu", i);
        }
    }
    safetensors_close(file);
    free(in);
    free(out);
}

static void a_file_that_is_cut_while_open_is_an_error_and_no_signal(void **state)
{
    (void)state;
    write_safetensors("x", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1000],\"data_offsets\":[0,4000]}}", 4000);
    struct safetensors *file = open_good("x");
    float out[1000];
    assert_int_equal(truncate("x", 2000), 0);
    assert_int_equal(safetensors_read_f32(file, safetensors_find(file, "a"), 0, 1000, out, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "x: shrank while it was being read");
    safetensors_close(file);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    const int64_t numbers[] = {1, -2};
    const char *const metadata[] = {"format", "pt", "who", "lmvr \"1\"", NULL};
    const struct safetensors_write tensors[] = {
        {.name = "z", .dtype = ST_I64, .dims = 2, .shape = {1, 2}, .data = numbers},
        {.name = "nothing", .dtype = ST_F32, .dims = 1, .shape = {0}, .data = NULL},
        {.name = "\xc3\xa9", .dtype = ST_BOOL, .dims = 0, .data = "\1"},
    };
    assert_int_equal(safetensors_write("x", tensors, 3, metadata, &error), LMVR_OK);
    assert_int_equal(safetensors_write("x", tensors, 3, metadata, &error), LMVR_OK); /* over the old one */
    assert_false(exists("x.tmp"));
    struct safetensors *file = open_good("x");
    int64_t out[2];
    assert_int_equal(safetensors_count(file), 3);
    const struct safetensors_entry *z = safetensors_find(file, "z");
    assert_int_equal(z->begin % 8, 0);
    assert_int_equal(safetensors_read_raw(file, z, 0, 2, out, &error), LMVR_OK);
    assert_memory_equal(out, numbers, sizeof out);
    assert_int_equal(safetensors_find(file, "\xc3\xa9")->dims, 0);
    safetensors_close(file);
}

static void what_cannot_be_written_leaves_the_old_file(void **state)
{
    (void)state;
    const struct safetensors_write one = {.name = "a", .dtype = ST_U8, .dims = 1, .shape = {1}, .data = "x"};
    const struct safetensors_write bad[][2] = {
        {{.name = "a", .dtype = ST_OTHER, .dims = 1, .shape = {1}, .data = "x"}},
        {{.name = "a", .dtype = ST_U8, .dims = 9, .data = "x"}},
        {{.name = "a", .dtype = ST_U8, .dims = 1, .shape = {-1}, .data = "x"}},
        {{.name = "a", .dtype = ST_F32, .dims = 2, .shape = {INT64_MAX, 8}, .data = "x"}},
        {{.name = "a", .dtype = ST_U8, .dims = 1, .shape = {INT64_MAX}, .data = "x"}, one},
        {one, one},
        {{.name = "\xff", .dtype = ST_U8, .dims = 1, .shape = {1}, .data = "x"}},
        {{.name = "__metadata__", .dtype = ST_U8, .dims = 1, .shape = {1}, .data = "x"}},
    };
    write_text("x", "old");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t count = bad[i][1].name ? 2 : 1;
        assert_int_equal(safetensors_write("x", bad[i], count, NULL, &error), LMVR_ERROR_INVALID);
        assert_int_equal(size_of_file("x"), 3);
        assert_false(exists("x.tmp"));
    }
    assert_int_equal(safetensors_write("none/x", &one, 1, NULL, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "none/x: cannot write");
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(safetensors_write("folder", &one, 1, NULL, &error), LMVR_ERROR_INVALID);
    assert_false(exists("folder.tmp"));
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(tensors_are_found_by_name),
        in_folder(a_file_without_tensors_is_a_file),
        in_folder(tensors_without_elements_lie_anywhere_between_others),
        in_folder(lengths_that_lie_are_refused),
        in_folder(headers_that_are_no_header_are_refused),
        in_folder(a_name_that_stands_twice_is_refused),
        in_folder(offsets_that_lie_are_refused),
        in_folder(shapes_that_overflow_are_refused),
        in_folder(a_type_that_is_not_known_is_an_error_only_when_read),
        in_folder(a_header_of_countless_values_is_refused_before_it_takes_memory),
        in_folder(only_regular_files_are_opened),
        in_folder(parts_are_read_as_floats_from_every_16_and_32_bit_type),
        in_folder(large_tensors_are_read_whole),
        in_folder(a_file_that_is_cut_while_open_is_an_error_and_no_signal),
        in_folder(what_is_written_is_read_again),
        in_folder(what_cannot_be_written_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
