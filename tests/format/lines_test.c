#include "format/lines.h"
#include "scratch.h"

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

static void assert_lines(const char *text, const char *expected)
{
    char found[512] = "";
    struct lines lines;
    lmvr_error error;
    write_text("t.txt", text);
    assert_int_equal(lines_open("t.txt", &lines, &error), LMVR_OK);
    for (char *line; (line = lines_next(&lines));)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%zu:%s;", lines.number, line);
    assert_null(lines_next(&lines));
    assert_string_equal(found, expected);
    lines_close(&lines);
}

static void test_lines_come_without_their_ends(void **state)
{
    (void)state;
    assert_lines("a\nb c\n\nd", "1:a;2:b c;3:;4:d;");
    assert_lines("a\r\nb\rc\r\n\r\n", "1:a;2:b\rc;3:;");
    assert_lines("", "");
    assert_lines("\n", "1:;");
    assert_lines("\xEF\xBB\xBF"
                 "a\n",
                 "1:a;");
}

static void test_what_is_no_text_is_refused(void **state)
{
    (void)state;
    struct lines lines;
    lmvr_error error;
    write_bytes("t.txt", "a\n\0b\n", 5);
    assert_int_equal(lines_open("t.txt", &lines, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "t.txt: has a zero byte"));
    assert_int_equal(lines_open("no.txt", &lines, &error), LMVR_ERROR_INVALID);
    assert_int_equal(truncate("t.txt", (256 << 20) + 1), 0);
    assert_int_equal(lines_open("t.txt", &lines, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "268435457 bytes"));
    assert_null(lines_next(&lines));
}

static void test_words_are_cut_off_at_spaces_and_tabs(void **state)
{
    (void)state;
    char line[] = " 000012\t  -1 x ", *rest = line;
    assert_string_equal(lines_word(&rest), "000012");
    assert_string_equal(lines_word(&rest), "-1");
    assert_string_equal(rest, "x ");
    assert_string_equal(lines_word(&rest), "x");
    assert_null(lines_word(&rest));
    assert_null(lines_word(&rest));
}

static void test_only_whole_numbers_in_the_range_count(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",   "-", "+1", " 1", "1 ", "1x", "0x1", "1.0", "8", "-3", "99999999999999999999",
                                        "one"};
    int value = 0;
    assert_true(lines_int("-2", -2, 7, &value));
    assert_int_equal(value, -2);
    assert_true(lines_int("007", -2, 7, &value));
    assert_int_equal(value, 7);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(lines_int(wrong[i], -2, 7, &value));
    assert_int_equal(value, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_lines_come_without_their_ends),
        IN_SCRATCH(test_what_is_no_text_is_refused),
        cmocka_unit_test(test_words_are_cut_off_at_spaces_and_tabs),
        cmocka_unit_test(test_only_whole_numbers_in_the_range_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
