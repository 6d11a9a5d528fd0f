#include "rendered.h"

/* Serialized and parsed again, as a program would read it. */
static json_t *round_trip(const struct report *report)
{
    json_error_t error;
    json_t *files = json_array(), *json = render_json(report, files);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_INDENT(2));
    assert_non_null(text);
    json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!read)
        fail_msg("%s", error.text);
    free(text);
    json_decref(json);
    json_decref(files);
    return read;
}

static const json_t *block(const json_t *report, const char *type, size_t index)
{
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(report, "content"), i,
                       value) if (strcmp(json_string_value(json_object_get(value, "type")), type) == 0 &&
                                  index-- == 0) return value;
    fail_msg("no %s", type);
    return NULL;
}

static const json_t *row(const json_t *table, size_t index)
{
    return json_array_get(json_object_get(table, "rows"), index);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_tables_come_back_in_full(void **state)
{
    (void)state;
    struct report *r = sample_create();
    json_t *json = round_trip(r);
    const json_t *table = block(json, "table", 0), *last = row(table, 5), *values = json_object_get(last, "values");
    assert_int_equal(json_array_size(json_object_get(table, "rows")), 6);
    assert_int_equal(json_array_size(json_object_get(table, "columns")), 9);
    assert_string_equal(text_of(table, "file"), "tables/design.csv");
    assert_string_equal(text_of(values, "design"), "mean over all output tokens, last layer");
    assert_true(json_real_value(json_object_get(values, "map")) == 93.77);
    assert_true(json_real_value(json_object_get(values, "map_paper")) == 93.8);
    assert_string_equal(text_of(values, "model"), MODEL_PRINT);
    assert_int_equal(json_array_size(json_object_get(last, "best")), 3);
    assert_string_equal(text_of(last, "kind"), "measured");
    const json_t *first = row(table, 0);
    assert_true(json_is_null(json_object_get(json_object_get(first, "values"), "map_paper")));
    assert_string_equal(text_of(json_object_get(first, "missing"), "map_paper"), "the paper names it and gives no number");
    const json_t *paper = json_array_get(json_object_get(table, "columns"), 3);
    assert_string_equal(text_of(paper, "kind"), "paper");
    assert_string_equal(text_of(paper, "better"), "higher");
    json_decref(json);
    report_free(r);
}

/* JSON has no NaN: the value is null, and "missing" says what it was. */
static void test_numbers_that_json_lacks(void **state)
{
    (void)state;
    struct report *r = sample_create();
    json_t *json = round_trip(r);
    const json_t *table = block(json, "table", 3);
    const char *key = text_of(json_array_get(json_object_get(table, "columns"), 1), "key");
    assert_true(json_is_null(json_object_get(json_object_get(row(table, 1), "values"), key)));
    assert_string_equal(text_of(json_object_get(row(table, 1), "missing"), key), "NaN");
    assert_string_equal(text_of(json_object_get(row(table, 2), "missing"), key), "-inf");
    assert_string_equal(text_of(row(table, 3), "kind"), "paper");
    json_decref(json);
    report_free(r);
}

static void test_groups_and_figures(void **state)
{
    (void)state;
    struct report *r = sample_create();
    json_t *json = round_trip(r);
    assert_string_equal(text_of(row(block(json, "table", 2), 0), "group"), "Noise");
    assert_true(json_is_null(json_object_get(row(block(json, "table", 0), 0), "group")));
    const json_t *chart = block(json, "chart", 0);
    const json_t *series = json_array_get(json_object_get(chart, "series"), 1);
    assert_string_equal(text_of(chart, "kind"), "bars");
    assert_string_equal(text_of(series, "name"), "LMVR");
    assert_int_equal(json_array_size(json_object_get(series, "values")), 15);
    assert_true(json_real_value(json_array_get(json_object_get(series, "values"), 14)) == 76.2);
    const json_t *pictures = json_object_get(block(json, "pictures", 0), "pictures");
    assert_int_equal(json_array_size(pictures), 2);
    assert_string_equal(text_of(json_array_get(pictures, 0), "file"), "figures/responses-1.png");
    assert_true(json_is_null(json_object_get(json_array_get(pictures, 1), "file")));
    json_decref(json);
    report_free(r);
}

static void test_text_comes_back_as_it_was(void **state)
{
    (void)state;
    struct report *r = report_create("a \"quoted\" \\ title\n\u202E");
    report_add_fact(r, "name", "%s", HOSTILE_TAG);
    report_add_section(r, "section");
    json_t *json = round_trip(r);
    assert_string_equal(text_of(json, "title"), "a \"quoted\" \\ title\n\u202E");
    assert_string_equal(text_of(json_array_get(json_object_get(json, "facts"), 0), "value"), HOSTILE_TAG);
    assert_string_equal(text_of(block(json, "section", 0), "text"), "section");
    assert_string_equal(text_of(json, "lmvr"), LMVR_VERSION);
    json_decref(json);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_come_back_in_full),
        cmocka_unit_test(test_numbers_that_json_lacks),
        cmocka_unit_test(test_groups_and_figures),
        cmocka_unit_test(test_text_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
