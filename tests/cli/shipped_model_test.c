/* Without -m the program uses the model that comes with it, and says what that does not know. */
#define PROGRAM "../lmvr"
#include "program.h"

#define GRADIENT LMVR_TEST_DATA "/golden/images/gradient.jpg"
#define SAID                                                                                                                   \
    "without -m, the small model that comes with lmvr is used: it was trained on drawn scenes and knows nothing of "           \
    "photographs"

static void test_the_shipped_model_says_what_it_does_not_know(void **state)
{
    (void)state;
    assert_ended(lmvr("describe --max-new-tokens 1 " GRADIENT), 0, "lmvr describe: " SAID);
    assert_ended(lmvr("embed -o out -f pixels " GRADIENT), 0, "lmvr embed: " SAID);
    assert_ended(lmvr("attend -o maps --token 0 --max-new-tokens 1 " GRADIENT), 0, "lmvr attend: " SAID);
    assert_null(strstr(strstr(run_done.err, SAID) + 1, SAID));
}

static void test_nothing_is_said_where_that_is_asked_or_a_model_is_given(void **state)
{
    (void)state;
    assert_ended(lmvr("describe -q --max-new-tokens 1 " GRADIENT), 0, NULL);
    assert_ended(lmvr("describe -m " LMVR_TEST_DATA "/golden/llava-old-f32 --max-new-tokens 1 " GRADIENT), 0, NULL);
    assert_ended(lmvr("info"), 0, NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_the_shipped_model_says_what_it_does_not_know),
        IN_FOLDER(test_nothing_is_said_where_that_is_asked_or_a_model_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
