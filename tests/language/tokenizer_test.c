/* Text to ids and back, compared with SentencePiece's own program; and files that are not vocabularies. */
#include "cmocka_all.h"
#include "language/tokenizer.h"
#include "scratch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN LMVR_TEST_DATA "/golden/"
#define BPE    GOLDEN "llava-old-f32/tokenizer.model" /* 384 pieces, bytes among them */

static lmvr_error error;

static struct tokenizer *open_tokenizer(const char *path)
{
    struct tokenizer *tokenizer;
    if (tokenizer_open(path, &tokenizer, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

/* Decodes hexadecimal digits to bytes, to be freed. */
static char *bytes_of(const char *digits)
{
    size_t count = strlen(digits) / 2;
    char *bytes = calloc(1, count + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    return bytes;
}

static void check_case(const struct tokenizer *tokenizer, json_t *expected)
{
    const char *digits = json_string_value(json_object_get(expected, "text"));
    json_t *wanted = json_object_get(expected, "ids");
    char *text = bytes_of(digits), *decoded;
    int32_t *ids;
    size_t count;
    if (tokenizer_encode(tokenizer, text, &ids, &count, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(count, json_array_size(wanted));
    for (size_t i = 0; i < count; i++)
        if (ids[i] != json_integer_value(json_array_get(wanted, i)))
            fail_msg("id %zu of \"%s\" (%s) is %d", i, text, digits, ids[i]);
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &decoded, &error), LMVR_OK);
    assert_string_equal(decoded, json_string_value(json_object_get(expected, "decoded")));
    free(decoded);
    free(ids);
    free(text);
}

/* Texts in several scripts, blanks, control characters, and bytes that are not UTF-8. */
static void ids_and_texts_are_sentencepieces(void **state)
{
    (void)state;
    json_t *cases = json_load_file(GOLDEN "language/tokens.json", 0, NULL), *expected;
    size_t i;
    char path[512], last[512] = "";
    struct tokenizer *tokenizer = NULL;
    assert_true(json_array_size(cases) >= 80);
    json_array_foreach(cases, i, expected)
    {
        snprintf(path, sizeof path, GOLDEN "%s", json_string_value(json_object_get(expected, "model")));
        if (strcmp(path, last) != 0) {
            tokenizer_close(tokenizer);
            tokenizer = open_tokenizer(path);
            memcpy(last, path, sizeof last);
        }
        check_case(tokenizer, expected);
    }
    tokenizer_close(tokenizer);
    json_decref(cases);
}

static void no_text_is_no_ids(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(BPE);
    int32_t *ids;
    size_t count = 1;
    char *text;
    assert_int_equal(tokenizer_encode(tokenizer, "", &ids, &count, &error), LMVR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tokenizer_decode(tokenizer, ids, 0, &text, &error), LMVR_OK);
    assert_string_equal(text, "");
    free(text);
    free(ids);
    tokenizer_close(tokenizer);
}

static void assert_decodes(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, const char *expected)
{
    char *text;
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &text, &error), LMVR_OK);
    assert_string_equal(text, expected);
    free(text);
}

/* In this vocabulary 1 and 2 are <s> and </s>, byte b is piece 3 + b, and 276 263 271 340 is "Describe the image." */
static void control_pieces_and_ids_without_a_piece_decode_to_nothing(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(BPE);
    int size = tokenizer_size(tokenizer);
    assert_int_equal(size, 384);
    assert_decodes(tokenizer, (const int32_t[]){1, 276, 263, 271, 340, 2}, 6, "Describe the image.");
    assert_decodes(tokenizer, (const int32_t[]){-1, 276, size, INT32_MAX, INT32_MIN, 263, 271, 340}, 8, "Describe the image.");
    assert_decodes(tokenizer, (const int32_t[]){1, 2}, 2, "");
    tokenizer_close(tokenizer);
}

/* A C string would end there. */
static void a_zero_byte_decodes_to_a_blank(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(BPE);
    assert_decodes(tokenizer, (const int32_t[]){276, 3, 271}, 3, "Describe  image");
    tokenizer_close(tokenizer);
}

/* Each of the fox's four bytes is a token, and the text belongs to the last one. */
static void ends_of_tokens_are_bytes_of_the_text(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer(BPE);
    static const int32_t ids[] = {1, 276, 243, 162, 169, 141, 340, 2};
    static const uint32_t expected[] = {0, 8, 8, 8, 8, 12, 13, 13};
    uint32_t ends[8];
    assert_decodes(tokenizer, ids, 8, "Describe🦊.");
    assert_int_equal(tokenizer_ends(tokenizer, ids, 8, ends, &error), LMVR_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(ends[i], expected[i]);
    tokenizer_close(tokenizer);
}

/* ---- files ---- */

static void assert_refused(const char *path, const char *sentence)
{
    struct tokenizer *tokenizer = (struct tokenizer *)&error;
    assert_int_equal(tokenizer_open(path, &tokenizer, &error), LMVR_ERROR_INVALID);
    assert_null(tokenizer);
    assert_string_equal(error.message, sentence);
}

static void what_is_no_vocabulary_is_refused_by_name(void **state)
{
    (void)state;
    size_t size = 0;
    assert_refused("gone.model", "gone.model: cannot be read");
    assert_refused(".", ".: cannot be read");
    write_text("text.model", "this is no vocabulary");
    assert_refused("text.model", "text.model: not a SentencePiece model");
    write_text("empty.model", "");
    assert_refused("empty.model", "empty.model: cannot be read");
    char *bytes = read_bytes(BPE, &size);
    write_bytes("cut.model", bytes, size / 2);
    assert_refused("cut.model", "cut.model: not a SentencePiece model");
    free(bytes);
    tokenizer_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_texts_are_sentencepieces),
        cmocka_unit_test(no_text_is_no_ids),
        cmocka_unit_test(control_pieces_and_ids_without_a_piece_decode_to_nothing),
        cmocka_unit_test(a_zero_byte_decodes_to_a_blank),
        cmocka_unit_test(ends_of_tokens_are_bytes_of_the_text),
        cmocka_unit_test_setup_teardown(what_is_no_vocabulary_is_refused_by_name, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
