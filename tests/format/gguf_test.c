/* GGUF files: the keys of a file of the reference's writer, and files made here, well-formed or not. */
#include "format/gguf.h"
#include "format/safetensors_file.h"

static lmvr_error error;

#define GOLDEN LMVR_TEST_DATA "/golden/gguf/blocks.gguf"

/* ---- making files ----------------------------------------------------------------------------------------------------- */

static unsigned char made[1 << 12];
static size_t made_size;

static void put(const void *bytes, size_t size)
{
    assert_true(made_size + size <= sizeof made);
    memcpy(made + made_size, bytes, size);
    made_size += size;
}

static void put32(uint32_t value)
{
    put(&value, sizeof value);
}

static void put64(uint64_t value)
{
    put(&value, sizeof value);
}

static void put_text(const char *text)
{
    put64(strlen(text));
    put(text, strlen(text));
}

static void begin(uint32_t version, uint64_t tensors, uint64_t keys)
{
    made_size = 0;
    put("GGUF", 4);
    put32(version);
    put64(tensors);
    put64(keys);
}

static void put_u32(const char *key, uint32_t value)
{
    put_text(key);
    put32(4);
    put32(value);
}

/* A matrix of two rows. */
static void put_tensor(const char *name, uint64_t row, uint32_t type, uint64_t offset)
{
    put_text(name);
    put32(2);
    put64(row);
    put64(2);
    put32(type);
    put64(offset);
}

static void put_data(size_t size)
{
    made_size = (made_size + 31) / 32 * 32 + size;
    assert_true(made_size <= sizeof made);
}

static struct gguf *open_good(const char *path)
{
    struct gguf *file;
    if (gguf_open(path, &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

static struct gguf *open_made(void)
{
    write_bytes("x.gguf", made, made_size);
    return open_good("x.gguf");
}

static void assert_refused(const char *part)
{
    struct gguf *file;
    write_bytes("x.gguf", made, made_size);
    assert_int_equal(gguf_open("x.gguf", &file, &error), LMVR_ERROR_INVALID);
    assert_null(file);
    assert_contains(error.message, "x.gguf");
    assert_contains(error.message, part);
}

/* ---- metadata --------------------------------------------------------------------------------------------------------- */

static void integers_of_every_type_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
    } cases[] = {{"a.u8", 200},
                 {"a.i8", -100},
                 {"a.u16", 60000},
                 {"a.i16", -30000},
                 {"a.u32", 4000000000},
                 {"a.i32", -2000000000},
                 {"a.i64", -(INT64_C(1) << 62)}};
    struct gguf *file = open_good(GOLDEN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 0;
        double number = 0;
        assert_int_equal(gguf_integer(file, cases[i].key, INT64_MIN, INT64_MAX, &value, &error), LMVR_OK);
        assert_true(value == cases[i].value);
        assert_int_equal(gguf_number(file, cases[i].key, &number, &error), LMVR_OK);
        assert_true(number == (double)cases[i].value);
    }
    int64_t value = 7;
    assert_int_equal(gguf_integer(file, "a.u64", INT64_MIN, INT64_MAX, &value, &error), LMVR_ERROR_INVALID); /* 2^63 */
    assert_int_equal(gguf_integer(file, "a.u8", 0, 199, &value, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "key a.u8 is 200, expected 0 to 199");
    assert_int_equal(value, 7);
    gguf_close(file);
}

static void other_values_are_read(void **state)
{
    (void)state;
    struct gguf *file = open_good(GOLDEN);
    double number = 0;
    bool flag = false;
    struct gguf_text text;
    assert_int_equal(gguf_number(file, "a.f32", &number, &error), LMVR_OK);
    assert_true(number == 0.5);
    assert_int_equal(gguf_number(file, "a.f64", &number, &error), LMVR_OK);
    assert_true(number == 1e300);
    assert_int_equal(gguf_bool(file, "a.bool", &flag, &error), LMVR_OK);
    assert_true(flag);
    assert_int_equal(gguf_string(file, "a.text", &text, &error), LMVR_OK);
    assert_int_equal(text.length, 8);
    assert_memory_equal(text.bytes,
                        "gr\xc3\xb6\xc3\x9f"
                        "er",
                        8);
    gguf_close(file);
}

static void arrays_are_read(void **state)
{
    (void)state;
    struct gguf *file = open_good(GOLDEN);
    struct gguf_text *texts;
    double *numbers;
    size_t count = 0;
    assert_int_equal(gguf_strings(file, "a.texts", &texts, &count, &error), LMVR_OK);
    assert_true(count == 3 && texts[0].length == 3 && texts[1].length == 0 && texts[2].length == 8);
    assert_memory_equal(texts[2].bytes, "\xe2\x96\x81three", 8);
    free(texts);
    assert_int_equal(gguf_numbers(file, "a.numbers", &numbers, &count, &error), LMVR_OK);
    assert_true(count == 3 && numbers[0] == 1 && numbers[1] == -2 && numbers[2] == 3);
    free(numbers);
    assert_int_equal(gguf_numbers(file, "a.floats", &numbers, &count, &error), LMVR_OK);
    assert_true(count == 2 && numbers[0] == 0.25 && numbers[1] == -4);
    free(numbers);
    gguf_close(file);
}

static void a_key_of_another_type_or_none_is_refused(void **state)
{
    (void)state;
    struct gguf *file = open_good(GOLDEN);
    int64_t integer;
    double number, *numbers;
    bool flag;
    struct gguf_text text, *texts;
    size_t count;
    assert_false(gguf_has(file, "b"));
    assert_int_equal(gguf_integer(file, "b", 0, 9, &integer, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "blocks.gguf: key b is missing");
    assert_int_equal(gguf_integer(file, "a.f32", 0, 9, &integer, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "key a.f32 is an f32, expected a whole number");
    assert_int_equal(gguf_number(file, "a.text", &number, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_bool(file, "a.u8", &flag, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_string(file, "a.texts", &text, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "key a.texts is an array; each of its values is a text, expected a text");
    assert_int_equal(gguf_strings(file, "a.numbers", &texts, &count, &error), LMVR_ERROR_INVALID);
    assert_int_equal(gguf_numbers(file, "a.texts", &numbers, &count, &error), LMVR_ERROR_INVALID);
    gguf_close(file);
}

static void values_that_say_nothing_are_refused(void **state)
{
    (void)state;
    double number = 0;
    bool flag = false;
    begin(3, 0, 2);
    put_text("nan");
    put32(6);
    put32(0x7fc00000);
    put_text("flag");
    put32(7);
    put("\2", 1);
    struct gguf *file = open_made();
    assert_int_equal(gguf_number(file, "nan", &number, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "key nan is not finite");
    assert_int_equal(gguf_bool(file, "flag", &flag, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "neither 0 nor 1");
    gguf_close(file);
}

static void a_vocabulary_larger_than_the_first_read_is_read(void **state)
{
    (void)state;
    enum { TOKENS = 150000 };
    size_t size = 0, count = 0;
    unsigned char *bytes = malloc(64 + TOKENS * 14);
    assert_non_null(bytes);
    begin(3, 0, 1);
    put_text("tokens");
    put32(9);
    put32(8);
    put64(TOKENS);
    memcpy(bytes, made, made_size);
    size = made_size;
    for (int i = 0; i < TOKENS; i++) {
        uint64_t length = (uint64_t)snprintf((char *)bytes + size + 8, 7, "%d", i);
        memcpy(bytes + size, &length, 8);
        size += 8 + length;
    }
    write_bytes("tokens.gguf", bytes, size);
    struct gguf *file = open_good("tokens.gguf");
    struct gguf_text *texts;
    assert_int_equal(gguf_strings(file, "tokens", &texts, &count, &error), LMVR_OK);
    assert_int_equal(count, TOKENS);
    assert_true(texts[149999].length == 6 && memcmp(texts[149999].bytes, "149999", 6) == 0);
    free(texts);
    gguf_close(file);
    free(bytes);
}

/* ---- malformed files -------------------------------------------------------------------------------------------------- */

static void files_of_other_kinds_are_refused(void **state)
{
    (void)state;
    begin(3, 0, 0);
    made[0] = 'g';
    assert_refused("is not a GGUF file");
    begin(1, 0, 0);
    assert_refused("version 1, expected 2 or 3");
    begin(0x3000000, 0, 0);
    assert_refused("big-endian");
    begin(2, 0, 0);
    gguf_close(open_made());
}

static void absurd_counts_are_refused(void **state)
{
    (void)state;
    begin(3, 0, UINT64_C(1) << 60);
    assert_refused("keys, more than the limit");
    begin(3, UINT64_MAX, 0);
    assert_refused("tensors, more than the limit");
    begin(3, 0, 60000);
    assert_refused("is truncated: it ends in its keys");
    begin(3, 200000, 0);
    assert_refused("is truncated: it ends in its tensors' names");
    begin(3, 0, 1);
    put_text("tokens");
    put32(9);
    put32(8);
    put64(UINT64_MAX / 8);
    assert_refused("is truncated: it ends in tokens");
}

static void malformed_keys_are_refused(void **state)
{
    (void)state;
    begin(3, 0, 1);
    put_text("");
    put32(4);
    put32(0);
    assert_refused("a key that is not 1 to 1024 bytes of UTF-8");
    begin(3, 0, 1);
    put_text("\xff");
    put32(4);
    put32(0);
    assert_refused("a key that is not 1 to 1024 bytes of UTF-8");
    begin(3, 0, 1);
    put_text("key");
    put32(13);
    put32(0);
    assert_refused("key key has the unknown type 13");
    begin(3, 0, 1);
    put_text("key");
    put32(9);
    put32(9);
    put64(1);
    assert_refused("key key is an array of arrays");
    begin(3, 0, 2);
    put_u32("key", 1);
    put_u32("key", 2);
    assert_refused("key key stands there twice");
}

static void malformed_tensors_are_refused(void **state)
{
    (void)state;
    begin(3, 1, 0);
    put_tensor("w", 4, 99, 0);
    assert_refused("tensor w has the unknown type 99");
    begin(3, 1, 0);
    put_tensor("w", 48, 8, 0);
    assert_refused("tensor w has rows of 48 elements, which Q8_0 cannot have");
    begin(3, 1, 0);
    put_tensor("w", UINT64_C(1) << 62, 0, 0);
    assert_refused("tensor w has a shape that is too large");
    begin(3, 1, 0);
    put_tensor("w", UINT64_MAX, 24, 0);
    assert_refused("tensor w has a shape that is too large");
    begin(3, 1, 0);
    put_text("w");
    put32(5);
    put_data(64);
    assert_refused("tensor w has more than 4 dimensions");
}

static void tensors_in_wrong_places_are_refused(void **state)
{
    (void)state;
    begin(3, 1, 0);
    put_tensor("w", 4, 0, 0);
    put_data(31);
    assert_refused("tensor w ends after the file");
    begin(3, 1, 0);
    put_tensor("w", 4, 0, UINT64_MAX - 31);
    put_data(32);
    assert_refused("tensor w ends after the file");
    begin(3, 1, 0);
    put_tensor("w", 4, 0, 8);
    put_data(64);
    assert_refused("tensor w begins at an offset that is not a multiple of general.alignment");
    begin(3, 2, 0);
    put_tensor("v", 16, 0, 0);
    put_tensor("w", 4, 0, 32);
    put_data(256);
    assert_refused("tensor w overlaps another");
    begin(3, 2, 0);
    put_tensor("w", 4, 0, 0);
    put_tensor("w", 4, 0, 32);
    put_data(256);
    assert_refused("tensor w stands there twice");
}

static void the_alignment_is_checked(void **state)
{
    (void)state;
    begin(3, 0, 1);
    put_u32("general.alignment", 24);
    assert_refused("key general.alignment is not a power of two");
    begin(3, 0, 1);
    put_u32("general.alignment", 0);
    assert_refused("key general.alignment is 0, expected 1 to");
    begin(3, 1, 1);
    put_u32("general.alignment", 8);
    put_tensor("w", 4, 0, 8);
    size_t header = made_size;
    put_data(64);
    struct gguf *file = open_made();
    assert_int_equal(gguf_at(file, 0)->begin, (header + 7) / 8 * 8 + 8);
    assert_true(gguf_at(file, 0)->shape[0] == 2 && gguf_at(file, 0)->shape[1] == 4);
    gguf_close(file);
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t size = 0;
    char *bytes = read_bytes(GOLDEN, &size);
    for (size_t kept = 0; kept < size - 64; kept += kept < 128 ? 1 : 37) {
        struct gguf *file;
        write_bytes("cut.gguf", bytes, kept);
        assert_int_equal(gguf_open("cut.gguf", &file, &error), LMVR_ERROR_INVALID);
        assert_contains(error.message, "cut.gguf");
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_type_are_read),
        cmocka_unit_test(other_values_are_read),
        cmocka_unit_test(arrays_are_read),
        cmocka_unit_test(a_key_of_another_type_or_none_is_refused),
        cmocka_unit_test(values_that_say_nothing_are_refused),
        cmocka_unit_test(a_vocabulary_larger_than_the_first_read_is_read),
        cmocka_unit_test(files_of_other_kinds_are_refused),
        cmocka_unit_test(absurd_counts_are_refused),
        cmocka_unit_test(malformed_keys_are_refused),
        cmocka_unit_test(malformed_tensors_are_refused),
        cmocka_unit_test(tensors_in_wrong_places_are_refused),
        cmocka_unit_test(the_alignment_is_checked),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
