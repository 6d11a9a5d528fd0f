#include "cmocka_all.h"

#include "lab/report/clean.h"

#include <stdlib.h>
#include <string.h>

static void assert_clean(const char *text, const char *expected)
{
    struct region region = {0};
    assert_string_equal(report_clean(&region, text), expected);
    assert_false(region.failed);
    region_free(&region);
}

static void test_keeps_text(void **state)
{
    (void)state;
    assert_clean("", "");
    assert_clean("a\tb\nc <&> é 犬 \U0001F415", "a\tb\nc <&> é 犬 \U0001F415");
}

static void test_line_ends_become_one_kind(void **state)
{
    (void)state;
    assert_clean("a\r\nb\rc\n\r\n", "a\nb\nc\n\n");
}

static void test_what_no_format_holds_is_replaced(void **state)
{
    (void)state;
    assert_clean("\x01\x1b[31m\x7f", "\uFFFD\uFFFD[31m\uFFFD");
    assert_clean("\xff"
                 "a\xc3",
                 "\uFFFD"
                 "a\uFFFD");
    assert_clean("\xc2\x85\xef\xbf\xbe\xef\xbf\xbf", "\uFFFD\uFFFD\uFFFD"); /* U+0085, U+FFFE, U+FFFF */
    assert_clean("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");                     /* half of a pair */
}

/* The marked parts, each in brackets. */
static void assert_marked(const char *text, const struct report_mark *ranges, size_t count, const char *expected)
{
    struct region region = {0};
    struct report_mark *marks;
    size_t mark_count, at = 0;
    char shown[256] = "", *clean = report_clean_marked(&region, text, ranges, count, &marks, &mark_count);
    for (size_t i = 0; i < mark_count; i++) {
        assert_true(marks[i].begin >= at && marks[i].begin < marks[i].end && marks[i].end <= strlen(clean));
        strncat(shown, clean + at, marks[i].begin - at);
        strcat(shown, "[");
        strncat(shown, clean + marks[i].begin, marks[i].end - marks[i].begin);
        strcat(shown, "]");
        at = marks[i].end;
    }
    strcat(shown, clean + at);
    assert_string_equal(shown, expected);
    assert_false(region.failed);
    region_free(&region);
}

static void test_marks_keep_their_words(void **state)
{
    (void)state;
    assert_marked("a dog runs", NULL, 0, "a dog runs");
    assert_marked("a dog runs", (struct report_mark[]){{2, 5}}, 1, "a [dog] runs");
    assert_marked("\xff\x01"
                  "dog\xff",
                  (struct report_mark[]){{2, 5}}, 1, "\uFFFD\uFFFD[dog]\uFFFD");
}

static void test_marks_are_put_in_order(void **state)
{
    (void)state;
    assert_marked("a dog runs", (struct report_mark[]){{6, 10}, {2, 5}}, 2, "a [dog] [runs]");
    assert_marked("a dog runs", (struct report_mark[]){{2, 4}, {3, 7}, {4, 5}}, 3, "a [dog r]uns");
    assert_marked("a dog runs", (struct report_mark[]){{2, 3}, {3, 5}}, 2, "a [dog] runs");
}

static void test_marks_beyond_the_text_are_cut(void **state)
{
    (void)state;
    assert_marked("dog", (struct report_mark[]){{1, 99}, {50, 60}, {2, 1}, {SIZE_MAX, SIZE_MAX}}, 4, "d[og]");
    assert_marked("", (struct report_mark[]){{0, 5}}, 1, "");
}

static void test_marks_take_whole_characters(void **state)
{
    (void)state;
    assert_marked("aéb", (struct report_mark[]){{2, 4}}, 1, "a[éb]");
    assert_marked("a\U0001F415b", (struct report_mark[]){{3, 4}}, 1, "a[\U0001F415]b");
}

static void assert_slug(const char *text, const char *expected)
{
    struct region region = {0};
    assert_string_equal(report_slug(&region, text, '-', "table"), expected);
    region_free(&region);
}

static void test_slugs_are_plain_names(void **state)
{
    (void)state;
    assert_slug("Design choices", "design-choices");
    assert_slug("../../etc/passwd", "etc-passwd");
    assert_slug("<script>", "script");
    assert_slug("", "table");
    assert_slug("犬 \xff .", "table");
    struct region region = {0};
    char text[1000];
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_true(strlen(report_slug(&region, text, '-', "table")) <= 80);
    region_free(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_text),
        cmocka_unit_test(test_line_ends_become_one_kind),
        cmocka_unit_test(test_what_no_format_holds_is_replaced),
        cmocka_unit_test(test_marks_keep_their_words),
        cmocka_unit_test(test_marks_are_put_in_order),
        cmocka_unit_test(test_marks_beyond_the_text_are_cut),
        cmocka_unit_test(test_marks_take_whole_characters),
        cmocka_unit_test(test_slugs_are_plain_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
