/* Tensors of a GGUF file (tests/golden/make_golden_gguf.py). */
#include "format/safetensors_file.h"
#include "format/weight_file.h"

static lmvr_error error;

#define GOLDEN LMVR_TEST_DATA "/golden/gguf/blocks.gguf"

static struct weight_file *open_good(const char *path)
{
    struct weight_file *file;
    if (weight_file_open(path, &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

static void assert_same_parts(const struct weight_file *file, const struct weight_entry *entry,
                              const struct weight_file *wanted, const struct weight_entry *other)
{
    uint64_t count = weight_entry_elements(entry);
    float found[1536], expected[1536];
    assert_true(count <= 1536);
    for (uint64_t first = 0; first <= count; first += 1 + first % 37) {
        uint64_t rest = count - first, lengths[] = {0, 1, 31, 32, 257, rest};
        for (int i = 0; i < 6; i++) {
            if (lengths[i] > rest)
                continue;
            if (file->format->read(file, entry, first, lengths[i], found, &error) != LMVR_OK)
                fail_msg("%s: %s", entry->name, error.message);
            assert_int_equal(wanted->format->read(wanted, other, first, lengths[i], expected, &error), LMVR_OK);
            if (lengths[i] > 0 && memcmp(found, expected, lengths[i] * sizeof *found) != 0)
                fail_msg("%s: %d elements from %d on differ", entry->name, (int)lengths[i], (int)first);
        }
        assert_int_equal(file->format->read(file, entry, first, rest + 1, found, &error), LMVR_ERROR_INVALID);
        assert_contains(error.message, "beyond its end");
    }
}

static void every_type_has_the_bits_of_the_reference(void **state)
{
    (void)state;
    struct weight_file *file = open_good(GOLDEN), *wanted = open_good(LMVR_TEST_DATA "/golden/gguf/expected.safetensors");
    assert_int_equal(wanted->count, 14);
    assert_int_equal(file->count, 15);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct weight_entry *other = &wanted->entries[i], *entry = weight_file_find(file, other->name);
        assert_non_null(entry);
        assert_string_equal(entry->dtype, entry->name);
        assert_true(entry->is_float && entry->dims == other->dims);
        assert_memory_equal(entry->shape, other->shape, sizeof(int64_t) * (size_t)entry->dims);
        assert_same_parts(file, entry, wanted, other);
    }
    weight_file_close(file);
    weight_file_close(wanted);
}

static void a_type_that_is_not_read_is_named(void **state)
{
    (void)state;
    struct weight_file *file = open_good(GOLDEN);
    const struct weight_entry *entry = weight_file_find(file, "IQ4_XS");
    float out[1];
    unsigned char bytes[136];
    assert_false(entry->is_float);
    assert_int_equal(file->format->read(file, entry, 0, 1, out, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "tensor IQ4_XS has the type IQ4_XS, which is not read");
    assert_int_equal(entry->unit, 1);
    assert_int_equal(file->format->read_bytes(file, entry, 0, 136, bytes, &error), LMVR_OK);
    assert_int_equal(file->format->read_bytes(file, entry, 1, 136, bytes, &error), LMVR_ERROR_INVALID);
    weight_file_close(file);
}

/* More than is read at a time, from within a block on. */
static void a_large_tensor_is_read_in_parts(void **state)
{
    (void)state;
    enum { BLOCKS = 20000, FIRST = 5, COUNT = BLOCKS * 32 - 9 };
    size_t data = 64, size = data + BLOCKS * 34;
    unsigned char *bytes = calloc(1, size);
    float *out = malloc(COUNT * sizeof *out);
    assert_true(bytes && out);
    const unsigned char header[] =
        "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0w\1\0\0\0\0\xc4\x09\0\0\0\0\0\10";
    memcpy(bytes, header, sizeof header); /* w: 640000 elements of Q8_0 at 0 */
    for (size_t i = 0; i < BLOCKS; i++) {
        bytes[data + i * 34 + 1] = 0x3c; /* 1 */
        for (size_t e = 0; e < 32; e++)
            bytes[data + i * 34 + 2 + e] = (unsigned char)((i * 32 + e) % 101);
    }
    write_bytes("large", bytes, size);
    struct weight_file *file = open_good("large");
    assert_int_equal(file->format->read(file, &file->entries[0], FIRST, COUNT, out, &error), LMVR_OK);
    for (size_t i = 0; i < COUNT; i++)
        if (out[i] != (float)((FIRST + i) % 101))
            fail_msg("element %zu is %g", i, (double)out[i]);
    assert_int_equal(truncate("large", 4096), 0);
    assert_int_not_equal(file->format->read(file, &file->entries[0], FIRST, COUNT, out, &error), LMVR_OK);
    assert_contains(error.message, "large");
    weight_file_close(file);
    free(bytes);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_the_bits_of_the_reference),
        cmocka_unit_test(a_type_that_is_not_read_is_named),
        cmocka_unit_test(a_large_tensor_is_read_in_parts),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
