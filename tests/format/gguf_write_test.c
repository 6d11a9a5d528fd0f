/* Written GGUF files: blocks have the bits that the Python module gguf makes, and files are read as they were written. */
#include "cmocka_all.h"
#include "format/gguf_write.h"
#include "format/weight_file.h"
#include "scratch.h"

#include <math.h>

#define GOLDEN LMVR_TEST_DATA "/golden/gguf/narrowed.gguf" /* make_golden_gguf.py */

static lmvr_error error;

static void blocks_have_the_bits_of_the_reference(void **state)
{
    (void)state;
    static float values[40 * 32];
    static unsigned char found[sizeof values], wanted[sizeof values];
    struct gguf *file;
    assert_int_equal(gguf_open(GOLDEN, &file, &error), LMVR_OK);
    const struct gguf_tensor *floats = gguf_find(file, "F32");
    assert_int_equal(gguf_read(file, floats, 0, sizeof values, values, &error), LMVR_OK);
    assert_int_equal(gguf_count(file), 5);
    for (size_t i = 0; i < gguf_count(file); i++) {
        const struct gguf_tensor *tensor = gguf_at(file, i);
        size_t blocks = sizeof values / sizeof *values / tensor->type->elements;
        assert_int_equal(tensor->size, blocks * tensor->type->size);
        assert_int_equal(gguf_read(file, tensor, 0, tensor->size, wanted, &error), LMVR_OK);
        assert_ptr_equal(gguf_type(gguf_type_number(tensor->type)), tensor->type);
        tensor->type->narrow(values, blocks, found);
        for (size_t b = 0; b < blocks; b++)
            if (memcmp(found + b * tensor->type->size, wanted + b * tensor->type->size, tensor->type->size) != 0)
                fail_msg("block %zu of %s differs", b, tensor->name);
    }
    gguf_close(file);
}

/* Elements that tell their place. */
static lmvr_status count_up(const void *user, uint64_t first, uint64_t count, float *out, lmvr_error *unused)
{
    (void)unused;
    const float *step = user;
    for (uint64_t i = 0; i < count; i++)
        out[i] = (float)((first + i) % 1000) * *step;
    return LMVR_OK;
}

static struct gguf_writer *create(void)
{
    struct gguf_writer *writer;
    assert_int_equal(gguf_writer_create(&writer, &error), LMVR_OK);
    return writer;
}

static void add(struct gguf_writer *w, const char *name, uint32_t type, int dims, const int64_t *shape, const float *step)
{
    assert_int_equal(gguf_write_tensor(w, name, gguf_type(type), dims, shape, count_up, step, &error), LMVR_OK);
}

static void write_all(const char *path)
{
    static const float one = 1, half = 0.5f;
    static const int64_t matrix[] = {3000, 64}, kernels[] = {2, 3, 4, 5}, vector[] = {7};
    const int32_t numbers[] = {1, -2, 3};
    const float floats[] = {0.25f, -4};
    const bool flags[] = {true, false, true};
    const struct gguf_text texts[] = {{"one", 3}, {"", 0}, {"\xE2\x96\x81three", 8}};
    struct gguf_writer *w = create();
    gguf_write_string(w, "general.architecture", "test");
    gguf_write_u32(w, "a.u32", 4000000000u);
    gguf_write_f32(w, "a.f32", 0.5f);
    gguf_write_bool(w, "a.bool", true);
    gguf_write_i32s(w, "a.i32s", numbers, 3);
    gguf_write_f32s(w, "a.f32s", floats, 2);
    gguf_write_bools(w, "a.flags", flags, 3);
    gguf_write_strings(w, "a.texts", texts, 3);
    add(w, "matrix", 0, 2, matrix, &half);
    add(w, "vector", 0, 1, vector, &one);
    add(w, "kernels", 1, 4, kernels, &one);
    assert_int_equal(gguf_writer_finish(w, path, &error), LMVR_OK);
    gguf_writer_free(w);
}

static void check_keys(const struct gguf *file)
{
    int64_t whole = 0;
    double number = 0, *numbers;
    bool flag = false;
    struct gguf_text text, *texts;
    size_t count;
    assert_int_equal(gguf_integer(file, "a.u32", 0, INT64_MAX, &whole, &error), LMVR_OK);
    assert_int_equal(whole, 4000000000);
    assert_int_equal(gguf_number(file, "a.f32", &number, &error), LMVR_OK);
    assert_true(number == 0.5);
    assert_int_equal(gguf_bool(file, "a.bool", &flag, &error), LMVR_OK);
    assert_true(flag);
    assert_int_equal(gguf_string(file, "general.architecture", &text, &error), LMVR_OK);
    assert_true(text.length == 4 && memcmp(text.bytes, "test", 4) == 0);
    assert_int_equal(gguf_numbers(file, "a.i32s", &numbers, &count, &error), LMVR_OK);
    assert_true(count == 3 && numbers[0] == 1 && numbers[1] == -2 && numbers[2] == 3);
    free(numbers);
    assert_int_equal(gguf_numbers(file, "a.f32s", &numbers, &count, &error), LMVR_OK);
    assert_true(count == 2 && numbers[0] == 0.25 && numbers[1] == -4);
    free(numbers);
    assert_int_equal(gguf_strings(file, "a.texts", &texts, &count, &error), LMVR_OK);
    assert_true(count == 3 && texts[1].length == 0 && texts[2].length == 8 &&
                memcmp(texts[2].bytes, "\xE2\x96\x81three", 8) == 0);
    free(texts);
}

static void a_file_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct gguf *file;
    struct weight_file *weights;
    static float found[3000 * 64];
    write_all("new.gguf");
    assert_int_equal(gguf_open("new.gguf", &file, &error), LMVR_OK);
    check_keys(file);
    gguf_close(file);
    assert_int_equal(weight_file_open("new.gguf", &weights, &error), LMVR_OK);
    assert_int_equal(weights->count, 3);
    const struct weight_entry *matrix = weight_file_find(weights, "matrix"), *kernels = weight_file_find(weights, "kernels");
    assert_true(matrix->dims == 2 && matrix->shape[0] == 3000 && matrix->shape[1] == 64);
    assert_true(kernels->dims == 4 && kernels->shape[0] == 2 && kernels->shape[3] == 5);
    assert_int_equal(weights->format->read(weights, matrix, 0, 3000 * 64, found, &error), LMVR_OK);
    for (int i = 0; i < 3000 * 64; i++)
        assert_true(found[i] == (float)(i % 1000) * 0.5f);
    assert_int_equal(weights->format->read(weights, kernels, 0, 120, found, &error), LMVR_OK);
    for (int i = 0; i < 120; i++)
        assert_true(found[i] == (float)i);
    weight_file_close(weights);
}

static void what_the_format_cannot_have_is_refused(void **state)
{
    (void)state;
    static const float one = 1;
    const int64_t narrow[] = {4, 31}, none[] = {0}, many[] = {1, 1, 1, 1, 1};
    struct gguf_writer *w = create();
    assert_int_equal(gguf_write_tensor(w, "a", gguf_type(8), 2, narrow, count_up, &one, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "tensor a has a shape or a type that GGUF cannot have");
    assert_int_equal(gguf_write_tensor(w, "a", gguf_type(0), 1, none, count_up, &one, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_write_tensor(w, "a", gguf_type(0), 5, many, count_up, &one, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_write_tensor(w, "a", gguf_type(12), 2, narrow, count_up, &one, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_writer_finish(w, "nowhere/new.gguf", &error), LMVR_ERROR_INVALID);
    gguf_writer_free(w);
    gguf_writer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_the_bits_of_the_reference),
        cmocka_unit_test_setup_teardown(a_file_is_read_as_it_was_written, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(what_the_format_cannot_have_is_refused, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
