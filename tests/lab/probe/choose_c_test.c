/* How far the search for C goes, and where it stops. */
#include "lab/probe/choose_c.h"

#include "cmocka_all.h"

#include <math.h>

/* Runs the search on these scores, repeating the last one; returns the chosen C. */
static double walk(const double *scores, int count, struct choice *choice)
{
    double c, best = 0;
    for (choice_init(choice); (c = choice_next(choice)) > 0;) {
        int at = choice->count < count ? choice->count : count - 1;
        if (choice_take(choice, scores[at]))
            best = c;
    }
    return best;
}

#define WALK(choice, ...) walk((const double[]){__VA_ARGS__}, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), choice)

static void close_to(double c, double power)
{
    assert_true(fabs(log10(c) - power) < 1e-9);
}

static void the_plateau_of_low_c_does_not_end_the_search(void **state)
{
    (void)state;
    struct choice choice;
    /* seen in a table of the small model: the search chose 1e-6 */
    double c = WALK(&choice, .0778, .0774, .0774, .0775, .0776, .08, .09, .13, .18, .21, .231, .22, .21, .2, .19, .18, .17);
    close_to(c, -1);
    assert_int_equal(choice.count, 15); /* four below the best, and no more */
    assert_false(choice_is_at_an_end(&choice));
}

static void noise_does_not_end_the_search(void **state)
{
    (void)state;
    struct choice choice;
    double c = WALK(&choice, .5, .51, .503, .502, .504, .503, .502, .61, .6, .5, .5, .5);
    (void)c;
    assert_int_equal(choice.best_trial, 1); /* it rose by a point and fell again: four in a row end it */
    c = WALK(&choice, .5, .504, .5, .499, .4985, .5, .5, .61, .6, .5, .5, .5);
    close_to(c, -2.5);
}

static void a_curve_that_only_falls_is_walked_to_its_end(void **state)
{
    (void)state;
    struct choice choice;
    double c = WALK(&choice, .9, .8, .7, .6, .5, .4, .3, .2, .1, 0);
    close_to(c, -6);
    assert_int_equal(choice.count, 17);
    assert_true(choice_is_at_an_end(&choice));
    close_to(WALK(&choice, .9, .898, .9, .899, .9), -6); /* flat: nothing better is beyond */
    assert_false(choice_is_at_an_end(&choice));
}

static void the_grid_grows_where_scores_still_rise(void **state)
{
    (void)state;
    struct choice choice;
    double scores[21];
    for (int i = 0; i < 21; i++)
        scores[i] = .5 + .01 * (i < 19 ? i : 36 - i);
    close_to(walk(scores, 21, &choice), 3);
    assert_false(choice_is_at_an_end(&choice));
    for (int i = 0; i < 21; i++)
        scores[i] = .5 + .01 * i;
    close_to(walk(scores, 21, &choice), 4);
    assert_int_equal(choice.count, 21);
    assert_true(choice_is_at_an_end(&choice));
}

static void the_smaller_of_equals_is_taken(void **state)
{
    (void)state;
    struct choice choice;
    close_to(WALK(&choice, .5, .6, .7, .7, .7, .6, .6, .6, .6, .6), -5);
    assert_int_equal(choice.count, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plateau_of_low_c_does_not_end_the_search),
        cmocka_unit_test(noise_does_not_end_the_search),
        cmocka_unit_test(a_curve_that_only_falls_is_walked_to_its_end),
        cmocka_unit_test(the_grid_grows_where_scores_still_rise),
        cmocka_unit_test(the_smaller_of_equals_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
