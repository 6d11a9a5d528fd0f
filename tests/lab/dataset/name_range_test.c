/* Names that are counted up. */
#include "cmocka_all.h"
#include "error.h"

#include "lab/dataset/name_range.h"

#include <stdio.h>
#include <string.h>

static char joined[512];
static int until_failure = -1;

static lmvr_status join(const char *name, void *user, lmvr_error *error)
{
    (void)user;
    if (until_failure-- == 0)
        return error_set(error, LMVR_ERROR_INPUT, "enough");
    strcat(joined, name);
    strcat(joined, " ");
    return LMVR_OK;
}

static const char *expand(const char *text)
{
    lmvr_error error = {{0}};
    joined[0] = '\0';
    if (name_range_expand(text, join, NULL, &error) != LMVR_OK)
        return strcpy(joined, error.message);
    return joined;
}

static void ranges_count_up(void **state)
{
    (void)state;
    assert_string_equal(expand("s-{8..11}.tar"), "s-8.tar s-9.tar s-10.tar s-11.tar ");
    assert_string_equal(expand("{5..5}"), "5 ");
    assert_string_equal(expand("{20261130235959..20261130235960}"), "20261130235959 20261130235960 ");
    assert_string_equal(expand("a{0..1}b{2..4}"), "a0b2 a0b3 a0b4 a1b2 a1b3 a1b4 ");
}

static void a_leading_zero_gives_all_the_same_width(void **state)
{
    (void)state;
    assert_string_equal(expand("s-{008..011}.tar"), "s-008.tar s-009.tar s-010.tar s-011.tar ");
    assert_string_equal(expand("{0..1}"), "0 1 ");
    assert_string_equal(expand("{00..1}"), "00 01 ");
    assert_string_equal(expand("{9..010}"), "009 010 ");
}

static void other_braces_are_part_of_the_name(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "a{}",
                                        "a{b..c}",
                                        "a{1..}",
                                        "a{..2}",
                                        "a{1.2}",
                                        "a{1..2",
                                        "a{-1..2}",
                                        "{1..2..3}",
                                        "a{1,2}.tar",
                                        "{0..1234567890123456789}",
                                        "a{ 1..2}"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%s ", names[i]);
        assert_false(name_range_is(names[i]));
        assert_string_equal(expand(names[i]), expected);
    }
    assert_true(name_range_is("{{1..2}}"));
    assert_string_equal(expand("{{1..2}}"), "{1} {2} ");
}

static void what_is_no_range_of_names_is_refused(void **state)
{
    (void)state;
    assert_string_equal(expand("a{2..1}"), "a{2..1}: the range {2..1} runs backwards");
    assert_string_equal(expand("{1..100000001}"), "{1..100000001}: stands for more than 100000000 names");
    assert_string_equal(expand("{0..999999999}{0..999999999}{0..999999999}"),
                        "{0..999999999}{0..999999999}{0..999999999}: stands for more than 100000000 names");
    assert_string_equal(expand("{0..9999999999}"), "{0..9999999999}: stands for more than 100000000 names");
    until_failure = 2;
    assert_string_equal(expand("{1..9}"), "enough");
    until_failure = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_count_up),
        cmocka_unit_test(a_leading_zero_gives_all_the_same_width),
        cmocka_unit_test(other_braces_are_part_of_the_name),
        cmocka_unit_test(what_is_no_range_of_names_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
