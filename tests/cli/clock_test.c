/* Runs of the real program while the clock jumps: nothing waits by it, and nothing of it is in the results. */
#define PROGRAM "../lmvr"
#include "parts.h"
#include "program.h"

#define EMBED "embed -q -m " LMVR_TEST_DATA "/golden/llava-old-f32 --max-new-tokens 4 -f llm -f encoder -o "

static void test_a_clock_that_jumps_changes_nothing(void **state)
{
    (void)state;
#ifndef JUMPING_CLOCK /* sanitizers want to be loaded first themselves */
    skip();
#else
    static const char images[] = LMVR_TEST_DATA "/../examples/scenes";
    assert_ended(lmvr(EMBED "whole --rows-per-part 2 %s", images), 0, NULL);
    setenv("LD_PRELOAD", JUMPING_CLOCK, 1);
    lmvr(EMBED "out --rows-per-part 2 %s", images);
    unsetenv("LD_PRELOAD");
    assert_ended(&run_done, 0, NULL);
    assert_same_tree("out", "whole");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_clock_that_jumps_changes_nothing, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
