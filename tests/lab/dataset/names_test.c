#include "lab/dataset/names.h"

#include "scratch.h"

static void test_a_name_keeps_its_number(void **state)
{
    (void)state;
    struct names names = {0};
    int64_t number;
    assert_int_equal(names_find(&names, "a"), -1);
    assert_int_equal(names_add(&names, "a", &number, NULL), LMVR_OK);
    assert_int_equal(number, 0);
    assert_int_equal(names_add(&names, "", &number, NULL), LMVR_OK);
    assert_int_equal(number, 1);
    assert_int_equal(names_add(&names, "a", &number, NULL), LMVR_OK);
    assert_int_equal(number, 0);
    assert_int_equal(names.count, 2);
    assert_int_equal(names_find(&names, ""), 1);
    assert_int_equal(names_find(&names, "b"), -1);
    names_finish(&names);
    assert_int_equal(names.count, 0);
}

static void test_many_names_are_found_again_before_and_after_sorting(void **state)
{
    (void)state;
    char name[32];
    struct names names = {0};
    int64_t number;
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%d", i * 7919 % 20000);
        assert_int_equal(names_add(&names, name, &number, NULL), LMVR_OK);
        assert_int_equal(number, i);
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%d", i * 7919 % 20000);
        assert_int_equal(names_find(&names, name), i);
        assert_string_equal(names_get(&names, i), name);
    }
    assert_int_equal(names_sort(&names, NULL), LMVR_OK);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(names_find(&names, names_get(&names, i)), i);
        if (i > 0)
            assert_true(strcmp(names_get(&names, i - 1), names_get(&names, i)) < 0);
    }
    assert_int_equal(names_find(&names, "n20000"), -1);
    names_finish(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_keeps_its_number),
        cmocka_unit_test(test_many_names_are_found_again_before_and_after_sorting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
