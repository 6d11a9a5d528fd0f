#include "rendered.h"

static void assert_csv(const struct report_table *table, const char *expected)
{
    char *text = rendered_csv(table);
    assert_string_equal(text, expected);
    free(text);
}

static void test_fields_are_quoted_where_they_must(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "Name"});
    report_table_add_column(t, &(struct report_column){.key = "value", .name = "v"});
    static const char *const names[] = {"plain", "a,b", "say \"hi\"", "two\nlines", " space", "", "=1+1"};
    for (size_t i = 0; i < 7; i++)
        report_table_add_row(t, REPORT_MEASURED, (struct report_cell[]){report_text(names[i]), report_number((double)i)}, 2);
    assert_csv(t, "name,value\r\nplain,0\r\n\"a,b\",1\r\n\"say \"\"hi\"\"\",2\r\n\"two\nlines\",3\r\n\" space\",4\r\n,5\r\n"
                  "=1+1,6\r\n");
    report_free(r);
}

static void test_numbers_have_all_their_digits(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "v", .decimals = 1});
    const struct report_cell cells[] = {
        report_number(93.8),      report_number(1.0 / 3),     report_number((double)NAN), report_number((double)-INFINITY),
        report_number(123456.75), report_missing("a reason"), report_missing(NULL)};
    for (size_t i = 0; i < 7; i++)
        report_table_add_row(t, REPORT_MEASURED, &cells[i], 1);
    assert_csv(t, "v\r\n93.8\r\n0.3333333333333333\r\nNaN\r\n-inf\r\n123456.75\r\n\r\n\r\n");
    report_free(r);
}

static void test_groups_and_reported_rows_have_columns(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "v"});
    struct report_cell one = report_number(1);
    report_table_add_row(t, REPORT_MEASURED, &one, 1);
    report_table_add_group(t, "noise, all");
    report_table_add_row(t, REPORT_PAPER, &one, 1);
    assert_csv(t, "group,reported,v\r\n,0,1\r\n\"noise, all\",1,1\r\n");
    report_free(r);
}

static void test_a_table_may_be_empty(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    assert_csv(t, "\r\n");
    report_table_add_column(t, &(struct report_column){.name = "v"});
    assert_csv(t, "v\r\n");
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_quoted_where_they_must),
        cmocka_unit_test(test_numbers_have_all_their_digits),
        cmocka_unit_test(test_groups_and_reported_rows_have_columns),
        cmocka_unit_test(test_a_table_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
