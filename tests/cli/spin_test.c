/* How long OpenMP's threads busy-wait, as its library prints with OMP_DISPLAY_ENV at each start of the program. */
#include "program.h"

#define MOST_STARTS  4
#define LIBRARYS_OWN 300000 /* rounds, unless a number is given */

/* The numbers of rounds printed by the starts of one call. */
static int starts_of_a_call(long rounds[MOST_STARTS])
{
    int count = 0;
    assert_ended(lmvr("describe -m m a%%20picture.jpg"), 0, "GOMP_SPINCOUNT");
    assert_ptr_equal(strstr(run_done.out, "a picture.jpg\t"), run_done.out);
    for (const char *c = run_done.err; (c = strstr(c, "GOMP_SPINCOUNT = '")) != NULL; count++) {
        assert_true(count < MOST_STARTS);
        c += strlen("GOMP_SPINCOUNT = '");
        rounds[count] = strtol(c, NULL, 10);
    }
    return count;
}

static int enter(void **state)
{
    if (enter_folder_with_model(state) != 0)
        return -1;
    write_image("a picture.jpg", "words");
    unsetenv("OMP_WAIT_POLICY");
    unsetenv("GOMP_SPINCOUNT");
    return setenv("OMP_DISPLAY_ENV", "verbose", 1);
}

static void test_threads_spin_more_briefly_than_the_library_has_it(void **state)
{
    (void)state;
    long rounds[MOST_STARTS];
    assert_int_equal(starts_of_a_call(rounds), 2);
    assert_int_equal(rounds[0], LIBRARYS_OWN);
    assert_in_range(rounds[1], 100, LIBRARYS_OWN - 1);
}

static void test_the_callers_word_stands(void **state)
{
    (void)state;
    long rounds[MOST_STARTS];
    setenv("GOMP_SPINCOUNT", "123", 1);
    assert_int_equal(starts_of_a_call(rounds), 1);
    assert_int_equal(rounds[0], 123);
    unsetenv("GOMP_SPINCOUNT");
    setenv("OMP_WAIT_POLICY", "passive", 1);
    assert_int_equal(starts_of_a_call(rounds), 1);
    assert_int_equal(rounds[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_spin_more_briefly_than_the_library_has_it, enter, leave_folder),
        cmocka_unit_test_setup_teardown(test_the_callers_word_stands, enter, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
