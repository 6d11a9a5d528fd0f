#include "cmocka_all.h"

#include "lab/report/document.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE report_missing(NULL)

/* A table of one group of rows with these numbers in `columns` columns after the name. */
static struct report_table *make(struct report *report, const struct report_column *column, size_t columns)
{
    struct report_table *t = report_add_table(report, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "row"});
    for (size_t i = 0; i < columns; i++)
        report_table_add_column(t, &column[i]);
    return t;
}

static void add(struct report_table *t, enum report_row_kind kind, struct report_cell a, struct report_cell b)
{
    struct report_cell cells[] = {report_text("x"), a, b};
    report_table_add_row(t, kind, cells, 3);
}

/* "-" or "B" per cell after the name, with rows separated by spaces. */
static void assert_best(const struct report_table *t, const char *expected)
{
    char shown[256];
    size_t n = 0;
    struct region region = {0};
    const bool *best = report_table_best(t, &region);
    assert_non_null(best);
    for (size_t row = 0; row < t->row_count; row++) {
        if (row > 0)
            shown[n++] = ' ';
        assert_false(best[row * t->column_count]);
        for (size_t i = 1; i < t->column_count; i++)
            shown[n++] = best[row * t->column_count + i] ? 'B' : '-';
    }
    shown[n] = '\0';
    assert_string_equal(shown, expected);
    region_free(&region);
}

static const struct report_column higher = {.name = "mAP", .decimals = 1, .better = REPORT_HIGHER},
                                  lower = {.name = "loss", .decimals = 1, .better = REPORT_LOWER},
                                  neither = {.name = "n", .decimals = 1},
                                  paper = {.name = "p", .decimals = 1, .better = REPORT_HIGHER, .kind = REPORT_COLUMN_PAPER};

static void test_the_best_of_a_column(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, (struct report_column[]){higher, lower}, 2);
    add(t, REPORT_MEASURED, report_number(90), report_number(2));
    add(t, REPORT_MEASURED, report_number(92), report_number(-3));
    add(t, REPORT_MEASURED, report_number(91), report_number(1));
    assert_best(t, "-- BB --");
    t = make(r, &neither, 1);
    add(t, REPORT_MEASURED, report_number(1), NONE);
    add(t, REPORT_MEASURED, report_number(2), NONE);
    assert_best(t, "- -");
    report_free(r);
}

/* Numbers that look the same tie: 93.84 and 93.76 are both 93.8. */
static void test_ties_are_judged_by_the_shown_digits(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, (struct report_column[]){higher, lower}, 2);
    add(t, REPORT_MEASURED, report_number(93.76), report_number(-0.0));
    add(t, REPORT_MEASURED, report_number(93.84), report_number(0.01));
    add(t, REPORT_MEASURED, report_number(93.74), report_number(0.06));
    assert_best(t, "BB BB --");
    report_free(r);
}

static void test_where_all_are_equal_none_is_the_best(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, (struct report_column[]){higher, higher}, 2);
    report_table_compare(t, REPORT_COMPARE_COLUMNS);
    add(t, REPORT_MEASURED, report_number(0), report_number(0.04));
    add(t, REPORT_MEASURED, report_number(0), report_number(0.06));
    assert_best(t, "-- -B");
    report_free(r);
}

static void test_what_is_no_number_does_not_compete(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, (struct report_column[]){higher, lower}, 2);
    add(t, REPORT_MEASURED, report_number((double)NAN), report_number((double)-INFINITY));
    add(t, REPORT_MEASURED, report_missing("why"), report_number(4));
    add(t, REPORT_MEASURED, report_number(-5), report_text("1"));
    add(t, REPORT_MEASURED, report_number(-6), report_number(5));
    assert_best(t, "-- -B B- --");
    report_free(r);
}

static void test_one_alone_is_not_the_best(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, &higher, 1);
    add(t, REPORT_MEASURED, report_number(1), NONE);
    add(t, REPORT_MEASURED, NONE, NONE);
    assert_best(t, "- -");
    t = make(r, &higher, 1);
    assert_best(t, "");
    report_free(r);
}

static void test_groups_and_kinds_of_rows_compete_apart(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, &higher, 1);
    add(t, REPORT_MEASURED, report_number(1), NONE);
    add(t, REPORT_MEASURED, report_number(2), NONE);
    report_table_add_group(t, "second");
    add(t, REPORT_MEASURED, report_number(0.5), NONE);
    add(t, REPORT_MEASURED, report_number(0.4), NONE);
    add(t, REPORT_PAPER, report_number(9), NONE);
    add(t, REPORT_PAPER, report_number(8), NONE);
    add(t, REPORT_SUMMARY, report_number(7), NONE);
    assert_best(t, "- B B - B - -");
    report_free(r);
}

static void test_columns_of_a_row(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_column c[] = {higher, higher, paper, paper, neither};
    c[4].over = c[0].over = c[1].over = "here";
    struct report_table *t = make(r, c, 5);
    report_table_compare(t, REPORT_COMPARE_COLUMNS);
    struct report_cell first[] = {report_text("x"), report_number(1), report_number(2),
                                  report_number(9), report_number(8), report_number(99)};
    struct report_cell second[] = {report_text("y"), report_number(3), report_number(3), report_number(1), NONE, NONE};
    report_table_add_row(t, REPORT_MEASURED, first, 6);
    report_table_add_row(t, REPORT_MEASURED, second, 6);
    assert_best(t, "-BB-- -----");
    report_free(r);
}

/* 92 is the highest, but inside the second one's interval: none is the best. Outside it, it is; for losses, if below. */
static void test_the_best_lies_beyond_the_intervals_of_the_others(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = make(r, (struct report_column[]){higher, lower}, 2);
    add(t, REPORT_MEASURED, report_number_within(92, 80, 99), report_number_within(1, 0, 1.9));
    add(t, REPORT_MEASURED, report_number_within(91, 88, 92.5), report_number_within(2, 1.5, 3));
    add(t, REPORT_MEASURED, report_number_within(60, 50, 70), report_number_within(3, 2, 4));
    assert_best(t, "-B -- --");
    t = make(r, &higher, 1);
    add(t, REPORT_MEASURED, report_number_within(92.6, 80, 99), NONE);
    add(t, REPORT_MEASURED, report_number_within(91, 88, 92.5), NONE);
    assert_best(t, "B -");
    t = make(r, &higher, 1);
    add(t, REPORT_MEASURED, report_number_within(100, 100, 100), NONE);
    add(t, REPORT_MEASURED, report_number_within(100, 100, 100), NONE);
    add(t, REPORT_MEASURED, report_number_within(50, 40, 60), NONE);
    assert_best(t, "- - -");
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_of_a_column),
        cmocka_unit_test(test_where_all_are_equal_none_is_the_best),
        cmocka_unit_test(test_ties_are_judged_by_the_shown_digits),
        cmocka_unit_test(test_what_is_no_number_does_not_compete),
        cmocka_unit_test(test_one_alone_is_not_the_best),
        cmocka_unit_test(test_groups_and_kinds_of_rows_compete_apart),
        cmocka_unit_test(test_columns_of_a_row),
        cmocka_unit_test(test_the_best_lies_beyond_the_intervals_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
