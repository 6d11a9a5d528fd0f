#include "cmocka_all.h"

#include "lab/report/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void assert_shown(double value, int decimals, bool plus, enum number_style style, const char *expected)
{
    char out[NUMBER_SIZE];
    number_format(value, decimals, plus, style, out);
    assert_string_equal(out, expected);
}

static void test_rounds_to_the_decimals(void **state)
{
    (void)state;
    assert_shown(93.75, 1, false, NUMBER_PLAIN, "93.8");
    assert_shown(93.8, 1, false, NUMBER_PLAIN, "93.8");
    assert_shown(99.96, 1, false, NUMBER_PLAIN, "100.0");
    assert_shown(0.5, 0, false, NUMBER_PLAIN, "0"); /* to even, as printf */
    assert_shown(1.5, 0, false, NUMBER_PLAIN, "2");
    assert_shown(1, 99, false, NUMBER_PLAIN, "1.000000000");
    assert_shown(1.26, -3, false, NUMBER_PLAIN, "1");
}

static void test_zero_has_no_sign(void **state)
{
    (void)state;
    assert_shown(-0.0, 1, true, NUMBER_PLAIN, "0.0");
    assert_shown(-0.04, 1, true, NUMBER_TEXT, "0.0");
    assert_shown(0.04, 1, true, NUMBER_TEXT, "0.0");
    assert_shown(-0.06, 1, true, NUMBER_TEXT, "-0.1");
    assert_shown(0.06, 1, true, NUMBER_TEXT, "+0.1");
}

static void test_not_a_number_and_infinities(void **state)
{
    (void)state;
    assert_shown((double)NAN, 1, true, NUMBER_PLAIN, "NaN");
    assert_shown((double)-NAN, 1, true, NUMBER_TYPESET, "NaN");
    assert_shown((double)INFINITY, 1, true, NUMBER_PLAIN, "+inf");
    assert_shown((double)-INFINITY, 1, false, NUMBER_TEXT, "-inf");
    assert_shown((double)-INFINITY, 1, false, NUMBER_TYPESET, "\u2212\u221E");
}

static void test_groups_digits_for_people_only(void **state)
{
    (void)state;
    assert_shown(82783, 0, false, NUMBER_TEXT, "82,783");
    assert_shown(82783, 0, false, NUMBER_PLAIN, "82783");
    assert_shown(9963, 0, false, NUMBER_TEXT, "9963");
    assert_shown(-1234567.25, 2, false, NUMBER_TYPESET, "\u22121,234,567.25");
    assert_shown(99999.96, 1, false, NUMBER_TEXT, "100,000.0");
}

static void test_large_numbers_stay_short(void **state)
{
    (void)state;
    char out[NUMBER_SIZE];
    assert_shown(1e300, 1, false, NUMBER_TEXT, "1e+300");
    assert_shown(-DBL_MAX, 9, false, NUMBER_TYPESET, "\u22121.79769e+308");
    number_format(nextafter(-1e15, 0), 9, true, NUMBER_TYPESET, out); /* the longest */
    assert_true(strlen(out) < NUMBER_SIZE);
    assert_shown(-999999999999999.0, 0, false, NUMBER_TEXT, "-999,999,999,999,999");
}

static void test_exact_numbers_are_short_and_come_back(void **state)
{
    (void)state;
    static const double values[] = {93.8, 0.1, 1.0 / 3, -DBL_MAX, DBL_MIN, 5e-324, 0, 123456789.123, -2.5e-7};
    char out[NUMBER_SIZE];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        number_exact(values[i], out);
        assert_true(strtod(out, NULL) == values[i]);
    }
    number_exact(93.8, out);
    assert_string_equal(out, "93.8");
    number_exact((double)NAN, out);
    assert_string_equal(out, "NaN");
    number_exact((double)-INFINITY, out);
    assert_string_equal(out, "-inf");
}

/* Any locale with a decimal comma will do; skipped if none is installed. */
static void test_the_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8", "nl_NL.UTF-8"};
    char out[NUMBER_SIZE];
    const char *set = NULL;
    for (size_t i = 0; i < 4 && !set; i++)
        set = setlocale(LC_NUMERIC, locales[i]);
    if (!set)
        skip();
    assert_shown(-12345.5, 1, false, NUMBER_TEXT, "-12,345.5");
    assert_shown(1.5e300, 1, false, NUMBER_PLAIN, "1.5e+300");
    number_exact(0.25, out);
    assert_string_equal(out, "0.25");
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_to_the_decimals),      cmocka_unit_test(test_zero_has_no_sign),
        cmocka_unit_test(test_not_a_number_and_infinities), cmocka_unit_test(test_groups_digits_for_people_only),
        cmocka_unit_test(test_large_numbers_stay_short),    cmocka_unit_test(test_exact_numbers_are_short_and_come_back),
        cmocka_unit_test(test_the_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
