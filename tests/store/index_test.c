#include "scratch.h"

#include "format/utf8.h"
#include "store/index.h"

static void assert_line(const struct index_line *line, const char *expected)
{
    char *text;
    lmvr_error error;
    assert_int_equal(index_line_format(line, &text, &error), LMVR_OK);
    assert_string_equal(text, expected);
    free(text);
}

/* The contract's two lines, exactly, and the line if nothing was generated. */
static void test_format(void **state)
{
    (void)state;
    const int32_t tokens[] = {319, 11203, 2};
    struct index_line line = {.path = "a.jpg", .response = "A dog …", .tokens = tokens, .token_count = 3, .finished = true};
    assert_line(&line, "{\"path\": \"a.jpg\", \"row\": 0, \"response\": \"A dog …\", \"response_tokens\": [319, 11203, 2], "
                       "\"finish\": \"end\"}\n");
    line.finished = false;
    line.row = 4000000000;
    line.token_count = 0;
    line.response = "";
    assert_line(&line, "{\"path\": \"a.jpg\", \"row\": 4000000000, \"response\": \"\", \"response_tokens\": [], "
                       "\"finish\": \"length\"}\n");
    line.response = NULL;
    assert_line(&line, "{\"path\": \"a.jpg\", \"row\": 4000000000}\n");
    line.path = "bad.jpg";
    line.error = "bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image";
    assert_line(&line, "{\"path\": \"bad.jpg\", \"row\": null, \"error\": \"bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or "
                       "AVIF image\"}\n");
}

static void test_format_escapes(void **state)
{
    (void)state;
    struct index_line line = {.path = "a\"\\\n\t\x01/\xff\xc3.jpg", .response = "é\xf0\x9f\x90\x95\xed\xa0\x80"};
    assert_line(&line, "{\"path\": \"a\\\"\\\\\\n\\t\\u0001/\xEF\xBF\xBD\xEF\xBF\xBD.jpg\", \"row\": 0, \"response\": "
                       "\"é\xf0\x9f\x90\x95\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\", \"response_tokens\": [], \"finish\": "
                       "\"length\"}\n");
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "a", "é", "€", "\xf0\x9f\x90\x95", "\xf4\x8f\xbf\xbf", "\x7f", "\xed\x9f\xbf", "\xee\x80\x80"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "a\xc3z"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *clean = utf8_clean(good[i]);
        assert_true(utf8_is_valid(good[i]));
        assert_string_equal(clean, good[i]);
        free(clean);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *clean = utf8_clean(bad[i]);
        assert_false(utf8_is_valid(bad[i]));
        assert_true(utf8_is_valid(clean));
        free(clean);
    }
}

static void test_read(void **state)
{
    (void)state;
    struct index_reader r;
    lmvr_error error;
    bool found;
    write_text(
        "i.jsonl",
        "{\"path\": \"a\", \"row\": 0, \"response\": \"x\"}\n{\"path\": \"b\", \"row\": null}\n{\"path\": \"c\", \"row\": 1}");
    assert_int_equal(index_reader_open("i.jsonl", &r, &error), LMVR_OK);
    assert_int_equal(index_reader_next(&r, &found, &error), LMVR_OK);
    assert_true(found);
    assert_string_equal(r.input, "a");
    assert_int_equal(r.row, 0);
    assert_int_equal(index_reader_next(&r, &found, &error), LMVR_OK);
    assert_true(found);
    assert_string_equal(r.input, "b");
    assert_int_equal(r.row, -1);
    assert_int_equal(r.offset, 68);
    assert_int_equal(index_reader_next(&r, &found, &error), LMVR_OK); /* no newline: not a line yet */
    assert_false(found);
    assert_int_equal(r.lines, 2);
    assert_int_equal(r.offset, 68);
    index_reader_close(&r);
}

static void test_read_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"\n",
                                      "x\n",
                                      "[]\n",
                                      "{}\n",
                                      "{\"path\": \"a\"}\n",
                                      "{\"row\": 1}\n",
                                      "{\"path\": 1, \"row\": 1}\n",
                                      "{\"path\": \"a\", \"row\": -1}\n",
                                      "{\"path\": \"a\", \"row\": 1.5}\n",
                                      "{\"path\": \"a\", \"row\": \"1\"}\n",
                                      "{\"path\": \"a\", \"row\": 99999999999999999999}\n",
                                      "{\"path\": \"\xff\", \"row\": 1}\n",
                                      "{\"path\": \"a\", \"row\": 1}}\n"};
    struct index_reader r;
    lmvr_error error;
    bool found;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("i.jsonl", bad[i]);
        assert_int_equal(index_reader_open("i.jsonl", &r, &error), LMVR_OK);
        if (index_reader_next(&r, &found, &error) != LMVR_ERROR_INVALID)
            fail_msg("%s should be refused", bad[i]);
        assert_string_equal(error.message, "i.jsonl: line 1 is not an index line, as lmvr embed writes them to index.jsonl");
        index_reader_close(&r);
    }
    assert_int_equal(index_reader_open("none", &r, &error), LMVR_ERROR_INVALID);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format), cmocka_unit_test(test_format_escapes), cmocka_unit_test(test_utf8),
        IN_FOLDER(test_read),          IN_FOLDER(test_read_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
