#include "cmocka_all.h"

#include "lab/report/shown.h"
#include "rendered.h"

#include <stdlib.h>
#include <string.h>

static void test_names_are_unique(void **state)
{
    (void)state;
    struct report *r = report_create("");
    const struct report_table *a = report_add_table(r, "Design", "", ""), *b = report_add_table(r, "design", "", ""),
                              *c = report_add_table(r, "design", "", ""), *d = report_add_table(r, NULL, NULL, NULL);
    assert_string_equal(a->block.name, "design");
    assert_string_equal(b->block.name, "design-2");
    assert_string_equal(c->block.name, "design-3");
    assert_string_equal(d->block.name, "table");
    report_free(r);
}

static void test_keys_are_made_of_headings(void **state)
{
    (void)state;
    static const struct report_column columns[] = {
        {.name = "Features"},
        {.over = "VOC2007", .name = "mAP"},
        {.over = "VOC2007", .name = "mAP", .kind = REPORT_COLUMN_PAPER},
        {.over = "VOC2007", .name = "mAP"},
        {.key = "features"},
        {.name = ""},
    };
    static const char *const keys[] = {"features", "voc2007_map", "voc2007_map_paper", "voc2007_map_2", "features_2", "column"};
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    for (size_t i = 0; i < 6; i++) {
        report_table_add_column(t, &columns[i]);
        assert_string_equal(t->columns[i].key, keys[i]);
    }
    report_free(r);
}

static void test_rows_fit_the_columns(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "a"});
    report_table_add_column(t, &(struct report_column){.name = "b"});
    struct report_cell cells[] = {report_text("x"), report_number(1), report_number(2)};
    report_table_add_row(t, REPORT_MEASURED, cells, 1);
    report_table_add_row(t, REPORT_MEASURED, cells, 3);
    report_table_add_row(t, REPORT_MEASURED, NULL, 0);
    report_table_add_column(t, &(struct report_column){.name = "too late"});
    assert_int_equal(t->column_count, 2);
    assert_int_equal(t->row_count, 3);
    assert_int_equal(t->rows[0].cells[1].kind, REPORT_CELL_MISSING);
    assert_true(t->rows[1].cells[1].number == 1);
    assert_int_equal(t->rows[2].cells[0].kind, REPORT_CELL_MISSING);
    report_free(r);
}

static void test_a_reason_stands_once(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "a"});
    const char *const reasons[] = {"no positives", NULL, "NaN features", "no positives", ""};
    static const size_t expected[] = {1, 0, 2, 1, 0};
    for (size_t i = 0; i < 5; i++) {
        struct report_cell cell = report_missing(reasons[i]);
        report_table_add_row(t, REPORT_MEASURED, &cell, 1);
        assert_int_equal(t->rows[i].cells[0].reason, expected[i]);
    }
    assert_int_equal(t->reason_count, 2);
    assert_string_equal(t->reasons[1], "NaN features");
    report_free(r);
}

static void test_marks_of_reasons(void **state)
{
    (void)state;
    static const struct {
        size_t reason;
        const char *mark;
    } cases[] = {{1, "a"}, {2, "b"}, {26, "z"}, {27, "aa"}, {52, "az"}, {53, "ba"}, {702, "zz"}, {703, "aaa"}, {0, ""}};
    struct region region = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(shown_mark(&region, cases[i].reason), cases[i].mark);
    region_free(&region);
}

static void add_noted(struct report_table *t, enum report_row_kind kind, struct report_cell note)
{
    struct report_cell cells[] = {report_text("x"), report_number(1), note};
    report_table_add_row(t, kind, cells, 3);
}

static void test_a_note_of_all_measured_rows_is_shared(void **state)
{
    (void)state;
    size_t row;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "a"});
    report_table_add_column(t, &(struct report_column){.name = "b"});
    report_table_add_column(t, &(struct report_column){.name = "seed", .kind = REPORT_COLUMN_NOTE});
    add_noted(t, REPORT_PAPER, report_missing(NULL));
    assert_true(report_table_is_shared(t, 2, &row));
    assert_int_equal(row, t->row_count);
    add_noted(t, REPORT_MEASURED, report_text("7"));
    add_noted(t, REPORT_MEASURED, report_text("7"));
    assert_true(report_table_is_shared(t, 2, &row));
    assert_int_equal(row, 1);
    assert_false(report_table_is_shared(t, 1, &row)); /* no note */
    add_noted(t, REPORT_MEASURED, report_number(7));
    assert_false(report_table_is_shared(t, 2, &row));
    report_free(r);
}

/* Every format shows a number's interval next to it, with the column's decimals; CSV and JSON have all digits. */
static void test_intervals_are_shown_in_every_form(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "a"});
    report_table_add_column(t, &(struct report_column){.name = "mAP", .decimals = 1});
    report_table_add_row(t, REPORT_MEASURED, (struct report_cell[]){report_text("x"), report_number_within(50.25, 40.5, 60.75)},
                         2);
    report_table_add_row(t, REPORT_MEASURED, (struct report_cell[]){report_text("y"), report_number(7)}, 2);
    report_table_add_row(t, REPORT_MEASURED,
                         (struct report_cell[]){report_text("z"), report_number_within(8, (double)NAN, (double)NAN)}, 2);
    report_table_add_note(t, "Brackets & co.");
    char *text = rendered_terminal(t, 80, false);
    assert_non_null(strstr(text, "x  50.2 [40.5, 60.8]\ny   7.0             \nz   8.0             \n"));
    assert_non_null(strstr(text, "\nBrackets & co.\n"));
    free(text);
    text = rendered_markdown(r);
    assert_non_null(strstr(text, "| x | 50.2 \\[40.5, 60.8\\] |\n| y | 7.0 |\n| z | 8.0 |\n"));
    assert_non_null(strstr(text, "\nBrackets \\& co.\n"));
    free(text);
    text = rendered_html(r);
    assert_non_null(strstr(text, ">50.2<span class=\"interval\">[40.5, 60.8]</span></td>"));
    assert_non_null(strstr(text, "<p dir=\"auto\">Brackets &amp; co.</p>"));
    free(text);
    text = rendered_csv(t);
    assert_string_equal(text, "a,map,map_low,map_high\r\nx,50.25,40.5,60.75\r\ny,7,,\r\nz,8,,\r\n");
    free(text);
    json_t *files = json_array(), *json = render_json(r, files);
    const json_t *table = json_array_get(json_object_get(json, "content"), 0), *rows = json_object_get(table, "rows");
    const json_t *interval = json_object_get(json_object_get(json_array_get(rows, 0), "intervals"), "map");
    assert_true(json_real_value(json_array_get(interval, 0)) == 40.5 && json_real_value(json_array_get(interval, 1)) == 60.75);
    assert_int_equal(json_object_size(json_object_get(json_array_get(rows, 1), "intervals")), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(table, "notes"), 0)), "Brackets & co.");
    json_decref(json);
    json_decref(files);
    report_free(r);
}

/* Callers continue without checking after memory ran out. */
static void test_nothing_is_taken_for_nothing(void **state)
{
    (void)state;
    lmvr_error error;
    struct report_cell cell = report_number(1);
    report_add_fact(NULL, "a", "b");
    report_add_section(NULL, "a");
    report_add_text(NULL, "a");
    report_add_notice(NULL, "a");
    struct report_table *t = report_add_table(NULL, "a", "b", "c");
    report_table_compare(t, REPORT_COMPARE_ROWS);
    report_table_add_column(t, &(struct report_column){.name = "a"});
    report_table_add_group(t, "a");
    report_table_add_row(t, REPORT_MEASURED, &cell, 1);
    struct report_chart *c = report_add_chart(NULL, "a", "b", "c", &(struct report_chart_options){.kind = REPORT_BARS});
    report_chart_add_category(c, "a", NULL);
    report_chart_add_series(c, &(struct report_series){.name = "a"}, NULL, 0);
    report_gallery_add(report_add_gallery(NULL, "a", "b", "c", 0), &(struct report_picture){.title = "a"});
    assert_int_equal(report_table_print(t, 80, false, stdout, &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(report_write(NULL, "/tmp/nowhere", &error), LMVR_ERROR_RESOURCE);
    report_free(NULL);
}

/* A failed allocation is remembered: printing later reports it. */
static void test_a_failure_is_remembered(void **state)
{
    (void)state;
    lmvr_error error;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    r->region.failed = true;
    report_table_add_column(t, &(struct report_column){.name = "a"});
    assert_int_equal(t->column_count, 0);
    assert_null(report_add_table(r, "t", "", ""));
    assert_int_equal(report_table_print(t, 80, false, stdout, &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(report_write(r, "/tmp/nowhere", &error), LMVR_ERROR_RESOURCE);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_keys_are_made_of_headings),
        cmocka_unit_test(test_rows_fit_the_columns),
        cmocka_unit_test(test_a_reason_stands_once),
        cmocka_unit_test(test_marks_of_reasons),
        cmocka_unit_test(test_a_note_of_all_measured_rows_is_shared),
        cmocka_unit_test(test_intervals_are_shown_in_every_form),
        cmocka_unit_test(test_nothing_is_taken_for_nothing),
        cmocka_unit_test(test_a_failure_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
