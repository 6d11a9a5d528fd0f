#include "lab/report/markup.h"
#include "rendered.h"

#include "lab/report/terminal_line.h"

/* No line is too wide, and nothing moves the cursor. */
static void assert_fits(const char *text, int width)
{
    for (const char *c = text; *c;) {
        size_t size = strcspn(c, "\n");
        if (line_width(c, size) > width)
            fail_msg("wider than %d: %.*s", width, (int)size, c);
        for (size_t i = 0; i < size; i++)
            assert_true((unsigned char)c[i] >= ' ' && c[i] != 127);
        c += size + (c[size] == '\n');
    }
}

static void assert_line(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line \"%s\" in\n%s", line, text);
}

static void test_every_table_fits_every_width(void **state)
{
    (void)state;
    static const int widths[] = {40, 60, 80, 100, 200};
    struct report *r = report_create("");
    struct report_table *const tables[] = {sample_add_design(r), sample_add_components(r), sample_add_corruption(r),
                                           sample_add_hostile(r)};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 5; k++) {
            char *text = rendered_terminal(tables[i], widths[k], false);
            assert_fits(text, widths[k]);
            free(text);
        }
    report_free(r);
}

static void test_columns_are_aligned(void **state)
{
    (void)state;
    struct report *r = report_create("");
    char *text = rendered_terminal(sample_add_components(r), 100, false);
    assert_line(text, "encoder (CLIP)       91.2  (91.3)   79.4  (79.5)");
    assert_line(text, "with adaptor         90.9  (91.0)  \u2013 [a]  (78.5)");
    assert_line(text, "with language model  93.8  (93.8)   83.9  (84.0)");
    assert_line(text, "[a] stopped: the disk was full");
    assert_line(text, "(In parentheses): the paper's numbers.");
    free(text);
    report_free(r);
}

static void test_wide_characters_have_two_columns(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "Class"});
    report_table_add_column(t, &(struct report_column){.name = "AP", .decimals = 1});
    static const char *const names[] = {"犬とボール", "e\u0301t\u00e9", "שלום", "\U0001F415", "dog"};
    for (size_t i = 0; i < 5; i++)
        report_table_add_row(t, REPORT_MEASURED, (struct report_cell[]){report_text(names[i]), report_number(9.5)}, 2);
    char *text = rendered_terminal(t, 80, false);
    assert_line(text, "犬とボール  9.5");
    assert_line(text, "e\u0301t\u00e9         9.5");
    assert_line(text, "שלום        9.5");
    assert_line(text, "\U0001F415          9.5");
    assert_line(text, "dog         9.5");
    free(text);
    report_free(r);
}

static void test_styles_are_for_terminals_only(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = sample_add_components(r);
    char *plain = rendered_terminal(t, 100, false), *styled = rendered_terminal(t, 100, true);
    assert_null(strchr(plain, '\x1b'));
    assert_non_null(strstr(styled, "\x1b[1m93.8\x1b[0m"));
    assert_int_equal(count_of(styled, "\x1b[1m"), 5); /* the title, 4 best */
    assert_int_equal(count_of(styled, "\x1b[0m"), count_of(styled, "\x1b[") / 2);
    free(plain);
    free(styled);
    report_free(r);
}

/* A class name from a file must not color the terminal, ring its bell, or change its text direction. */
static void test_hostile_strings_do_no_harm(void **state)
{
    (void)state;
    struct report *r = report_create("");
    char *text = rendered_terminal(sample_add_hostile(r), 100, false);
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "\u202E"));
    assert_non_null(strstr(text, "override"));
    free(text);
    report_free(r);
}

static void test_columns_that_do_not_fit_stand_below(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "", "");
    report_table_add_column(t, &(struct report_column){.name = "Class"});
    struct report_cell cells[31] = {report_text("dog")};
    for (int i = 1; i <= 30; i++) {
        char name[16];
        snprintf(name, sizeof name, "column%d", i);
        report_table_add_column(t, &(struct report_column){.name = name, .decimals = 1});
        cells[i] = report_number(i);
    }
    report_table_add_row(t, REPORT_MEASURED, cells, 31);
    char *text = rendered_terminal(t, 60, false);
    assert_fits(text, 60);
    assert_non_null(strstr(text, "column1 "));
    assert_non_null(strstr(text, "column30"));
    assert_non_null(strstr(text, "30.0"));
    assert_int_equal(count_of(text, "\ndog"), count_of(text, "\nClass"));
    assert_true(count_of(text, "\ndog") > 3);
    free(text);
    report_free(r);
}

static void test_lines_break_at_spaces_or_anywhere(void **state)
{
    (void)state;
    struct line lines[LINE_MOST];
    assert_int_equal(line_wrap("", 5, lines), 1);
    assert_int_equal(lines[0].size, 0);
    assert_int_equal(line_wrap("a dog runs", 5, lines), 2);
    assert_int_equal(lines[0].size, 5);
    assert_int_equal(lines[1].size, 4);
    assert_int_equal(line_wrap("abcdefgh", 3, lines), 3);
    assert_int_equal(line_wrap("a\n\nb", 3, lines), 3);
    assert_int_equal(line_wrap("犬犬", 1, lines), 2); /* wider than the column: one at a time */
    char text[500];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(line_wrap(text, 1, lines), LINE_MOST);
}

static void test_a_table_may_be_empty(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_table *t = report_add_table(r, "t", "title", "");
    char *text = rendered_terminal(t, 80, false);
    assert_string_equal(text, "title\n");
    free(text);
    report_table_add_column(t, &(struct report_column){.name = ""});
    text = rendered_terminal(t, 80, false);
    assert_fits(text, 80);
    free(text);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_table_fits_every_width),      cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_wide_characters_have_two_columns),  cmocka_unit_test(test_styles_are_for_terminals_only),
        cmocka_unit_test(test_hostile_strings_do_no_harm),        cmocka_unit_test(test_columns_that_do_not_fit_stand_below),
        cmocka_unit_test(test_lines_break_at_spaces_or_anywhere), cmocka_unit_test(test_a_table_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
