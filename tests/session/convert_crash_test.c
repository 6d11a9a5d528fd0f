/* A conversion that is killed, or whose disk is full, at any of its calls leaves a whole model or none. */
#include "faults.h"
#include "golden.h"
#include "lmvr.h"
#include "scratch.h"

#define MODEL LMVR_TEST_DATA "/golden/clip-f32"

static int convert(const void *argument)
{
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT8, .replace = argument != NULL};
    return (int)lmvr_model_convert(MODEL, &options, "c", NULL);
}

static uint64_t fingerprint(const char *path)
{
    lmvr_model_info info;
    lmvr_error error = {{0}};
    CHECK(lmvr_model_inspect(path, LMVR_DTYPE_DEFAULT, &info, &error));
    return info.fingerprint;
}

/* Whatever was left, the next conversion succeeds. */
static void assert_whole_or_none(int calls, uint64_t whole)
{
    if (exists("c") && fingerprint("c") != whole)
        fail_msg("stopped at call %d, half a model is left", calls);
    if (convert("replace") != LMVR_OK || fingerprint("c") != whole || exists("c.tmp"))
        fail_msg("stopped at call %d, it cannot be converted again", calls);
}

static void killed_anywhere_leaves_a_whole_model_or_none(void **state)
{
    (void)state;
    int calls = 0, outcome = STOPPED_BY_KILL;
    assert_int_equal(convert(NULL), LMVR_OK);
    uint64_t whole = fingerprint("c");
    remove_tree("c");
    for (; outcome == STOPPED_BY_KILL; calls++) {
        outcome = run_with_fault(KILL, calls, convert, NULL);
        assert_whole_or_none(calls, whole);
        remove_tree("c");
    }
    assert_int_equal(outcome, LMVR_OK);
    assert_true(calls > 50);
}

static void a_replaced_model_is_the_old_or_the_new_one(void **state)
{
    (void)state;
    const lmvr_convert_options older = {.size = sizeof older, .dtype = LMVR_DTYPE_BF16};
    int calls = 0, outcome = STOPPED_BY_KILL;
    assert_int_equal(convert(NULL), LMVR_OK);
    uint64_t whole = fingerprint("c");
    assert_int_equal(lmvr_model_convert(MODEL, &older, "old", NULL), LMVR_OK);
    uint64_t old = fingerprint("old");
    for (; outcome == STOPPED_BY_KILL; calls += 5) {
        remove_tree("c");
        assert_int_equal(lmvr_model_convert(MODEL, &older, "c", NULL), LMVR_OK);
        outcome = run_with_fault(KILL, calls, convert, "replace");
        if (fingerprint("c") != old)
            assert_int_equal(fingerprint("c"), whole);
        assert_int_equal(convert("replace"), LMVR_OK);
    }
    assert_int_equal(outcome, LMVR_OK);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    int outcome = LMVR_ERROR_RESOURCE;
    for (int calls = 0; outcome != LMVR_OK; calls++) {
        outcome = run_with_fault(FULL_FROM_THEN_ON, calls, convert, NULL);
        if (outcome != LMVR_OK)
            assert_int_equal(outcome, LMVR_ERROR_RESOURCE);
        if (outcome != LMVR_OK && (exists("c") || exists("c.tmp")))
            fail_msg("full at call %d, something is left", calls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_anywhere_leaves_a_whole_model_or_none, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_replaced_model_is_the_old_or_the_new_one, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_nothing, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
