#include "format/csv.h"
#include "scratch.h"

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

/* The whole table as "a|b;1|2;", each record prefixed with the line that it begins on: "1:a|b;2:1|2;"; or the error message. */
static const char *read_table_of(const void *bytes, size_t size)
{
    static char text[4096];
    struct csv csv;
    lmvr_error error = {{0}};
    bool more = true;
    size_t used = 0;
    write_bytes("t.csv", bytes, size);
    lmvr_status status = csv_open("t.csv", &csv, &error);
    for (size_t i = 0; status == LMVR_OK && i < csv.columns; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", csv.header[i], i + 1 < csv.columns ? "|" : ";");
    while (status == LMVR_OK) {
        status = csv_next(&csv, &more, &error);
        if (status != LMVR_OK || !more)
            break;
        used += (size_t)snprintf(text + used, sizeof text - used, "%zu:", csv.line);
        for (size_t i = 0; i < csv.columns; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", csv.fields[i], i + 1 < csv.columns ? "|" : ";");
    }
    csv_close(&csv);
    assert_null(csv.source);
    if (status == LMVR_OK)
        return text;
    assert_int_equal(status, LMVR_ERROR_INVALID);
    snprintf(text, sizeof text, "%s", error.message);
    return text;
}

static const char *read_table(const char *bytes)
{
    return read_table_of(bytes, strlen(bytes));
}

static void test_records_are_split_at_commas_and_line_ends(void **state)
{
    (void)state;
    assert_string_equal(read_table("a,b\n1,2\n3,4\n"), "a|b;2:1|2;3:3|4;");
    assert_string_equal(read_table("a,b\r\n1,2\r\n3,4"), "a|b;2:1|2;3:3|4;");
    assert_string_equal(read_table("a\n1"), "a;2:1;");
    assert_string_equal(read_table("a,b\n,\n 1 ,\n"), "a|b;2:|;3: 1 |;");
    assert_string_equal(read_table("a,b\r"), "a|b;");
}

static void test_quotes_hold_commas_line_ends_and_quotes(void **state)
{
    (void)state;
    assert_string_equal(read_table("\"a,\"\"x\"\"\",b\n\"1\n2\r\n\",\"\"\n3,4\n"), "a,\"x\"|b;2:1\n2\r\n|;5:3|4;");
    assert_string_equal(read_table("a\n\"\"\n"), "a;2:;");
    assert_string_equal(read_table("a\n\"\"\"\""), "a;2:\";");
}

static void test_a_mark_and_empty_lines_are_passed_over(void **state)
{
    (void)state;
    assert_string_equal(read_table("\xEF\xBB\xBF\n\r\na,b\n\n1,2\n\n\n3,4\n\n"), "a|b;5:1|2;8:3|4;");
    assert_string_equal(read_table("\xEF\xBB\xBF\"a\"\n1\n"), "a;2:1;");
    assert_string_equal(read_table("\xEF\xBBx\n"), "\xEF\xBBx;");
}

static void test_what_is_not_well_formed_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "is empty"},
        {"\n\n", "is empty"},
        {"\xEF\xBB\xBF", "is empty"},
        {"a,b\n1\n", "line 2: has 1 fields where the header has 2"},
        {"a,b\n\n1,2,3\n", "line 3: has 3 fields where the header has 2"},
        {"a,b\n1,\"2\n3,4\n", "line 2: the quote that opens here is never closed"},
        {"a\n\"1\"x\n", "line 2: expected a comma after the closing quote"},
        {"a\n1\"x\"\n", "line 2: has a quote inside an unquoted field"},
        {"a\n1\r2\n", "line 2: has a carriage return that does not end the line"},
        {"a,a\n1,2\n", "duplicate column 'a'"},
        {"a,,\n1,2,3\n", "duplicate column ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *sentence = read_table(cases[i].text);
        if (!strstr(sentence, cases[i].words) || strncmp(sentence, "t.csv: ", 7) != 0)
            fail_msg("expected '%s' in: %s", cases[i].words, sentence);
    }
    assert_non_null(strstr(read_table_of("a\n1\0002\n", 6), "line 2: has a zero byte"));
    assert_non_null(strstr(read_table_of("a\n\"\0\"\n", 6), "line 2: has a zero byte"));
}

static void test_columns_are_found_by_name(void **state)
{
    (void)state;
    struct csv csv;
    lmvr_error error;
    write_text("t.csv", "path,a b,\n1,2,3\n");
    assert_int_equal(csv_open("t.csv", &csv, &error), LMVR_OK);
    assert_int_equal(csv_column(&csv, "path"), 0);
    assert_int_equal(csv_column(&csv, "a b"), 1);
    assert_int_equal(csv_column(&csv, ""), 2);
    assert_int_equal(csv_column(&csv, "a"), -1);
    csv_close(&csv);
    assert_int_equal(csv_open("no.csv", &csv, &error), LMVR_ERROR_INVALID);
    assert_null(csv.source);
}

/* Fields, quotes and line ends of every length, so that each is cut by the boundary of a block read from the file. */
static void test_long_files_are_read_as_short_ones(void **state)
{
    (void)state;
    struct csv csv;
    lmvr_error error;
    bool more;
    static char field[40000];
    memset(field, 'x', sizeof field);
    FILE *file = fopen("t.csv", "we");
    assert_non_null(file);
    fputs("number,text\r\n", file);
    for (int i = 0; i < 30000; i++)
        fprintf(file, "%d,\"%.*s\"\"\n,\"\r\n", i, i % 31, field);
    fprintf(file, "-1,%.*s\r\n", 40000, field);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(csv_open("t.csv", &csv, &error), LMVR_OK);
    for (int i = 0; i < 30000; i++) {
        assert_int_equal(csv_next(&csv, &more, &error), LMVR_OK);
        assert_true(more);
        assert_int_equal(atoi(csv.fields[0]), i);
        assert_int_equal(csv.line, 2 + 2 * i);
        assert_int_equal(strlen(csv.fields[1]), i % 31 + 3);
        assert_string_equal(csv.fields[1] + i % 31, "\"\n,");
    }
    assert_int_equal(csv_next(&csv, &more, &error), LMVR_OK);
    assert_int_equal(strlen(csv.fields[1]), 40000);
    assert_int_equal(csv_next(&csv, &more, &error), LMVR_OK);
    assert_false(more);
    csv_close(&csv);
}

static void test_records_without_an_end_are_bounded(void **state)
{
    (void)state;
    size_t size = CSV_MAX_RECORD + 100;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'x', size);
    memcpy(bytes, "a\n\"", 3);
    assert_non_null(strstr(read_table_of(bytes, size), "line 2: the record that begins here is longer than 16 MiB"));
    memset(bytes, ',', size);
    assert_non_null(strstr(read_table_of(bytes, size), "line 1: has more than 100000 fields"));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_records_are_split_at_commas_and_line_ends),
        IN_SCRATCH(test_quotes_hold_commas_line_ends_and_quotes),
        IN_SCRATCH(test_a_mark_and_empty_lines_are_passed_over),
        IN_SCRATCH(test_what_is_not_well_formed_is_refused_with_its_line),
        IN_SCRATCH(test_columns_are_found_by_name),
        IN_SCRATCH(test_long_files_are_read_as_short_ones),
        IN_SCRATCH(test_records_without_an_end_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
