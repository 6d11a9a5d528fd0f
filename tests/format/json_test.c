#include "format/hash.h"
#include "format/json.h"
#include "format/safetensors_file.h"

static lmvr_error error;

static lmvr_status parse(const char *text, json_t **root)
{
    return json_parse("config.json", text, strlen(text), root, &error);
}

static void assert_refused(const char *text, const char *part)
{
    json_t *root;
    assert_int_equal(parse(text, &root), LMVR_ERROR_INVALID);
    assert_null(root);
    assert_contains(error.message, "config.json: ");
    assert_contains(error.message, part);
}

static void broken_json_is_refused_with_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": ,\n}", "line 2, column 8");
    assert_refused("", "line 1");
    assert_refused("{\"a\": 1} x", "line 1, column 10");
    assert_refused("{\"a\": NaN}", "line 1");
    assert_refused("{\"a\": 1e999}", "overflow");
    assert_refused("{\"a\": 99999999999999999999}", "integer");
    assert_refused("{\"a\": \"\xff\"}", "unable to decode byte 0xff");
    assert_refused("{\"a\": 1, \"a\": 1}", "duplicate");
    assert_refused("[1, 2]", "is not a JSON object");
}

static void nesting_without_end_is_refused(void **state)
{
    (void)state;
    char text[20001];
    memset(text, '[', 20000);
    memcpy(text, "{\"a\":", 5);
    text[20000] = '\0';
    assert_refused(text, "depth");
}

static void only_regular_files_are_read(void **state)
{
    (void)state;
    json_t *root;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(json_read("pipe", NULL, &root, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "pipe: is not a file");
    assert_int_equal(json_read(".", NULL, &root, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, ".: is a folder, expected a file");
    assert_int_equal(json_read("none", NULL, &root, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "none: cannot open");
    write_text("huge", "{}");
    assert_int_equal(truncate("huge", (off_t)1 << 40), 0);
    assert_int_equal(json_read("huge", NULL, &root, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "huge: has 1099511627776 bytes");
    assert_null(root);
}

static void the_hash_is_of_the_bytes_of_all_files_in_order(void **state)
{
    (void)state;
    json_t *root;
    uint64_t hash = HASH_START;
    write_text("a", "{}");
    write_text("b", "{ }");
    assert_int_equal(json_read("a", &hash, &root, &error), LMVR_OK);
    json_decref(root);
    assert_int_equal(json_read("b", &hash, &root, &error), LMVR_OK);
    json_decref(root);
    assert_true(hash == hash_bytes(HASH_START, "{}{ }", 5));
    assert_true(hash_bytes(HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c)); /* the definition's own example */
}

static const char sample[] = "{\"i\": 3, \"f\": 2.0, \"h\": 2.5, \"s\": \"x\", \"t\": true, \"n\": null, \"e\": [],"
                             " \"l\": [1, 2], \"m\": [1, \"x\"], \"o\": {\"p\": {\"q\": -7}},"
                             " \"long\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";

static int open_sample(void **state)
{
    return parse(sample, (json_t **)state) == LMVR_OK ? 0 : -1;
}

static int close_sample(void **state)
{
    json_decref(*state);
    return 0;
}

static void values_come_with_their_type(void **state)
{
    struct json_node node = json_node_root("config.json", *state), child, inner;
    int i = 0, list[2], count = 0;
    double d = 0;
    float f = 0;
    bool b = false;
    const char *s = NULL;
    assert_int_equal(json_node_int(&node, "i", 0, 9, &i, &error), LMVR_OK);
    assert_int_equal(i, 3);
    assert_int_equal(json_node_int(&node, "f", 0, 9, &i, &error), LMVR_OK);
    assert_int_equal(i, 2);
    assert_int_equal(json_node_double(&node, "h", 0, 9, &d, &error), LMVR_OK);
    assert_true(d == 2.5);
    assert_int_equal(json_node_float(&node, "i", 0, 9, &f, &error), LMVR_OK);
    assert_true(f == 3);
    assert_int_equal(json_node_bool(&node, "t", &b, &error), LMVR_OK);
    assert_true(b);
    assert_int_equal(json_node_string(&node, "s", &s, &error), LMVR_OK);
    assert_string_equal(s, "x");
    assert_int_equal(json_node_ints(&node, "l", 0, 9, 2, list, &count, &error), LMVR_OK);
    assert_true(count == 2 && list[0] == 1 && list[1] == 2);
    assert_int_equal(json_node_ints(&node, "i", 0, 9, 2, list, &count, &error), LMVR_OK);
    assert_true(count == 1 && list[0] == 3);
    assert_int_equal(json_node_object(&node, "o", &child, &error), LMVR_OK);
    assert_int_equal(json_node_object(&child, "p", &inner, &error), LMVR_OK);
    assert_int_equal(json_node_int(&inner, "q", -9, 9, &i, &error), LMVR_OK);
    assert_int_equal(i, -7);
}

static void null_and_absent_keys_leave_the_default(void **state)
{
    struct json_node node = json_node_root("config.json", *state), child;
    const char *keys[] = {"n", "absent"};
    for (int k = 0; k < 2; k++) {
        int i = 5, list[1] = {6}, count = 1;
        double d = 7;
        bool b = true;
        const char *s = "y";
        assert_int_equal(json_node_int(&node, keys[k], 0, 9, &i, &error), LMVR_OK);
        assert_int_equal(json_node_ints(&node, keys[k], 0, 9, 1, list, &count, &error), LMVR_OK);
        assert_int_equal(json_node_double(&node, keys[k], 0, 9, &d, &error), LMVR_OK);
        assert_int_equal(json_node_bool(&node, keys[k], &b, &error), LMVR_OK);
        assert_int_equal(json_node_string(&node, keys[k], &s, &error), LMVR_OK);
        assert_int_equal(json_node_object(&node, keys[k], &child, &error), LMVR_OK);
        assert_int_equal(json_node_int(&child, "anything", 0, 9, &i, &error), LMVR_OK);
        assert_true(i == 5 && list[0] == 6 && count == 1 && d == 7 && b && s[0] == 'y' && !child.object);
    }
}

static void wrong_values_are_refused_by_the_way_to_them(void **state)
{
    struct json_node node = json_node_root("config.json", *state), child, inner;
    static const struct json_name names[] = {{"a", 1}, {"b", 2}, {"c", 3}};
    int i, list[2], count;
    double d;
    bool b;
    const char *s;
    assert_int_equal(json_node_int(&node, "s", 1, 9, &i, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: s is \"x\", expected a whole number from 1 to 9");
    assert_int_equal(json_node_int(&node, "h", 1, 9, &i, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: h is 2.5, expected a whole number from 1 to 9");
    assert_int_equal(json_node_int(&node, "t", 1, 9, &i, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_int(&node, "i", 4, 9, &i, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_double(&node, "i", 4, 9, &d, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: i is 3, expected a number from 4 to 9");
    assert_int_equal(json_node_double(&node, "s", 4, 9, &d, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_bool(&node, "i", &b, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_string(&node, "i", &s, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_object(&node, "l", &child, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: l is [1,2], expected an object");
    assert_int_equal(json_node_ints(&node, "l", 0, 9, 1, list, &count, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_ints(&node, "m", 0, 9, 2, list, &count, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_ints(&node, "l", 2, 9, 2, list, &count, &error), LMVR_ERROR_INVALID);
    assert_int_equal(json_node_object(&node, "o", &child, &error), LMVR_OK);
    assert_int_equal(json_node_object(&child, "p", &inner, &error), LMVR_OK);
    assert_int_equal(json_node_int(&inner, "q", 1, 9, &i, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: o.p.q is -7, expected a whole number from 1 to 9");
    assert_int_equal(json_node_name(&node, "s", names, 3, &i, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: s is \"x\", expected a, b or c");
    assert_int_equal(json_node_name(&node, "long", names, 3, &i, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "xxx..., expected a, b or c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_json_is_refused_with_line_and_column),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test_setup_teardown(only_regular_files_are_read, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(the_hash_is_of_the_bytes_of_all_files_in_order, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(values_come_with_their_type, open_sample, close_sample),
        cmocka_unit_test_setup_teardown(null_and_absent_keys_leave_the_default, open_sample, close_sample),
        cmocka_unit_test_setup_teardown(wrong_values_are_refused_by_the_way_to_them, open_sample, close_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
