/* Pools of single numbers. */
#include "cmocka_all.h"
#include "represent/pool.h"

#include <math.h>

static lmvr_error error;

/* The pool of numbers that come one at a time. */
static float pool_of(enum feature_pool kind, int count, const float *numbers)
{
    struct arena arena;
    float result = -1;
    arena_init(&arena);
    struct pool pool = {.device = device_cpu(), .value = device_cpu()->operations->allocate(device_cpu(), sizeof(double))};
    for (int i = 0; i < count; i++)
        pool_add(&pool, &arena, kind, 1, 1, 1, numbers + i);
    assert_int_equal(pool_read(&pool, &arena, kind, 1, &result, &error), LMVR_OK);
    pool_finish(&pool);
    arena_finish(&arena);
    return result;
}

static void numbers_are_averaged_compared_or_replaced(void **state)
{
    (void)state;
    static const float numbers[] = {-3, 5, -8};
    assert_float_equal(pool_of(POOL_MEAN, 3, numbers), -2, 0);
    assert_float_equal(pool_of(POOL_MAX, 3, numbers), 5, 0);
    assert_float_equal(pool_of(POOL_MAX, 1, numbers), -3, 0);
    assert_float_equal(pool_of(POOL_LAST, 3, numbers), -8, 0);
    assert_float_equal(pool_of(POOL_MEAN, 0, numbers), 0, 0);
}

static void a_nan_stays_wherever_it_comes(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++) {
        float numbers[] = {-3, 5, -8};
        numbers[at] = NAN;
        assert_true(isnan(pool_of(POOL_MAX, 3, numbers)));
        assert_true(isnan(pool_of(POOL_MEAN, 3, numbers)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_averaged_compared_or_replaced),
        cmocka_unit_test(a_nan_stays_wherever_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
