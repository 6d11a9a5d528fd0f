/* Vocabularies that are written as GGUF and opened again give the ids of those that they were made of; what GGUF cannot say is
 * refused. */
#include "cmocka_all.h"
#include "format/gguf_write.h"
#include "format/utf8.h"
#include "language/tokenizer.h"
#include "scratch.h"

#include <jansson.h>

#define GOLDEN       LMVR_TEST_DATA "/golden/"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static lmvr_error error;

/* Room for more tokens than any of these has. */
#define ROWS 1100

static lmvr_status write_vocabulary(const char *name, int rows, const char *to)
{
    char path[600];
    struct gguf_writer *writer;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    assert_int_equal(gguf_writer_create(&writer, &error), LMVR_OK);
    gguf_write_bool(writer, "tokenizer.ggml.add_bos_token", false);
    lmvr_status status = tokenizer_write_gguf(path, rows, writer, &error);
    if (status == LMVR_OK)
        status = gguf_writer_finish(writer, to, &error);
    gguf_writer_free(writer);
    return status;
}

static struct tokenizer *open_tokenizer(const char *path)
{
    struct tokenizer *tokenizer;
    if (tokenizer_open(path, &tokenizer, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

/* Hexadecimal digits as bytes. */
static void read_line(const char *digits, char *line, size_t size)
{
    size_t count = strlen(digits) / 2;
    assert_true(count < size);
    for (size_t i = 0; i < count; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        line[i] = (char)strtol(pair, NULL, 16);
    }
    line[count] = '\0';
}

static void compare_ids(const char *name, const struct tokenizer *a, const struct tokenizer *b, const char *text)
{
    int32_t *expected, *found;
    size_t expected_count, count;
    char *back, *expected_back;
    assert_int_equal(tokenizer_encode(a, text, &expected, &expected_count, &error), LMVR_OK);
    assert_int_equal(tokenizer_encode(b, text, &found, &count, &error), LMVR_OK);
    if (count != expected_count || (count > 0 && memcmp(found, expected, count * sizeof *found) != 0))
        fail_msg("%s: other ids of \"%s\"", name, text);
    assert_int_equal(tokenizer_decode(a, expected, count, &expected_back, &error), LMVR_OK);
    assert_int_equal(tokenizer_decode(b, found, count, &back, &error), LMVR_OK);
    assert_string_equal(back, expected_back);
    free(expected);
    free(found);
    free(back);
    free(expected_back);
}

/* In texts SentencePiece reads the names of its control pieces as any text, and GGUF's readers as the pieces; each has its own
 * way with what is not UTF-8. */
static bool means_another(const char *name, const char *line)
{
    return strstr(name, ".model") &&
           (strstr(line, "<s>") || strstr(line, "</s>") || strstr(line, "<unk>") || !utf8_is_valid(line));
}

static void written_vocabularies_give_the_same_ids(void **state)
{
    (void)state;
    static const char *const names[] = {"tokenizer/qwen.json",
                                        "tokenizer/smolvlm.json",
                                        "tokenizer/llama3.json",
                                        "tokenizer/llama2.json",
                                        "llava-old-f32/tokenizer.model",
                                        "../../models/lmvr-small/tokenizer.model",
                                        "gguf/qwen.gguf",
                                        "gguf/llama2.gguf"};
    json_t *lines = json_load_file(GOLDEN "tokenizer/lines.json", 0, NULL);
    assert_true(json_array_size(lines) >= 200);
    for (size_t n = 0; n < COUNT(names); n++) {
        char path[600], line[4096];
        snprintf(path, sizeof path, GOLDEN "%s", names[n]);
        if (write_vocabulary(names[n], ROWS, "written.gguf") != LMVR_OK)
            fail_msg("%s", error.message);
        struct tokenizer *made_of = open_tokenizer(path), *written = open_tokenizer("written.gguf");
        for (size_t i = 0; i < json_array_size(lines); i++) {
            read_line(json_string_value(json_array_get(lines, i)), line, sizeof line);
            if (!means_another(names[n], line))
                compare_ids(names[n], made_of, written, line);
        }
        tokenizer_close(made_of);
        tokenizer_close(written);
    }
    json_decref(lines);
}

static void places_without_a_token_are_unused(void **state)
{
    (void)state;
    struct gguf *file;
    struct gguf_text *tokens, text;
    double *types;
    size_t count;
    assert_int_equal(write_vocabulary("llava-old-f32/tokenizer.model", 392, "written.gguf"), LMVR_OK);
    assert_int_equal(gguf_open("written.gguf", &file, &error), LMVR_OK);
    assert_int_equal(gguf_strings(file, "tokenizer.ggml.tokens", &tokens, &count, &error), LMVR_OK);
    assert_int_equal(count, 392);
    assert_int_equal(gguf_numbers(file, "tokenizer.ggml.token_type", &types, &count, &error), LMVR_OK);
    assert_int_equal(count, 392);
    const int expected[] = {2 /* unknown */, 3, 3 /* control */, 6 /* a byte */};
    for (int i = 0; i < 4; i++)
        assert_int_equal((int)types[i], expected[i]);
    assert_int_equal((int)types[300], 1);
    assert_int_equal((int)types[390], 5);
    assert_memory_equal(tokens[390].bytes, "[PAD390]", tokens[390].length);
    assert_int_equal(gguf_string(file, "tokenizer.ggml.model", &text, &error), LMVR_OK);
    assert_memory_equal(text.bytes, "llama", text.length);
    free(tokens);
    free(types);
    gguf_close(file);
}

static void pre_tokenizers_get_llama_cpps_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"tokenizer/qwen.json", "qwen2"},
                                           {"tokenizer/smolvlm.json", "smollm"},
                                           {"tokenizer/llama3.json", "llama-bpe"},
                                           {"tokenizer/llama2.json", "default"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct gguf *file;
        struct gguf_text pre;
        assert_int_equal(write_vocabulary(names[i][0], ROWS, "written.gguf"), LMVR_OK);
        assert_int_equal(gguf_open("written.gguf", &file, &error), LMVR_OK);
        assert_int_equal(gguf_string(file, "tokenizer.ggml.pre", &pre, &error), LMVR_OK);
        assert_int_equal(pre.length, strlen(names[i][1]));
        assert_memory_equal(pre.bytes, names[i][1], pre.length);
        gguf_close(file);
    }
}

static void what_gguf_cannot_say_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"tokenizer/gpt4o.json", "its pre_tokenizer is none that has a name there: llama-bpe, qwen2, smollm or gpt-2"},
        {"tokenizer/mistral.json", "it does more to texts than to prepend U+2581 and replace spaces with it"},
        {"tokenizer/gemma.json", "it does more to texts than to prepend U+2581 and replace spaces with it"},
        {"tokenizer/clip.json", "its words have prefixes or suffixes"},
        {"tokenizer/odd.json", "its words have prefixes or suffixes"},
        {"tokenizer/odd_spaces.json", "its pre_tokenizer is none that has a name there: llama-bpe, qwen2, smollm or gpt-2"},
        {"../../models/lmvr-blip2-small/spiece.model", "it is a unigram model, not BPE"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char sentence[800];
        assert_int_equal(write_vocabulary(cases[i].name, 1 << 17, "written.gguf"), LMVR_ERROR_INVALID);
        snprintf(sentence, sizeof sentence, GOLDEN "%s: cannot be written as GGUF: %s", cases[i].name, cases[i].why);
        assert_string_equal(error.message, sentence);
        assert_int_not_equal(access("written.gguf", F_OK), 0);
    }
}

static void more_tokens_than_rows_are_refused(void **state)
{
    (void)state;
    assert_int_equal(write_vocabulary("llava-old-f32/tokenizer.model", 100, "written.gguf"), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "has id 100, but the embedding has 100 rows"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_vocabularies_give_the_same_ids, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(places_without_a_token_are_unused, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(pre_tokenizers_get_llama_cpps_names, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(what_gguf_cannot_say_is_refused, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(more_tokens_than_rows_are_refused, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
