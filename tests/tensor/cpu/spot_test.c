#include "tensor/cpu/spot.h"

#include "cmocka_all.h"

#include <math.h>

static void indices_are_ascending_within_range_and_hold_the_ends(void **state)
{
    (void)state;
    for (int64_t count = 1; count < 300; count++)
        for (int most = 1; most <= SPOT_COLUMNS; most++) {
            int64_t indices[SPOT_COLUMNS];
            int chosen = spot_choose(count, most, indices);
            assert_true(chosen >= 1 && chosen <= most && chosen <= count);
            assert_true(chosen == most || chosen >= (count < 3 ? count : 3));
            for (int i = 0; i < chosen; i++)
                assert_true(indices[i] >= 0 && indices[i] < count && (i == 0 || indices[i] > indices[i - 1]));
            assert_int_equal(indices[chosen - 1], count - 1);
            assert_true(most == 1 || indices[0] == 0);
        }
}

static void blocks_that_are_not_filled_are_looked_at(void **state)
{
    (void)state;
    int64_t indices[SPOT_COLUMNS];
    int chosen = spot_choose(1000, SPOT_COLUMNS, indices), in_last_block = 0;
    for (int i = 0; i < chosen; i++)
        in_last_block += indices[i] >= 960;
    assert_true(in_last_block >= 3);
}

static float random_float(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(int32_t)state * 0x1p-31f;
}

static void rounding_passes_and_a_lost_quarter_does_not(void **state)
{
    (void)state;
    enum { K = 4096 };
    static float a[2 * K], b[3 * K];
    static bf16 half[K];
    for (int i = 0; i < 2 * K; i++)
        a[i] = random_float();
    for (int i = 0; i < 3 * K; i++)
        b[i] = random_float();
    for (int i = 0; i < K; i++)
        half[i] = bf16_from_f32(a[i]);
    float sum = 0.5f, lost = 0.5f, halves = 0;
    for (int i = 0; i < K; i++) {
        float product = a[2 * i] * b[3 * i];
        sum += product;
        lost += i < 3 * K / 4 ? product : 0;
        halves += bf16_to_f32(half[i]) * b[3 * i];
    }
    struct spot_factor fa = {a, F32, 2}, fb = {b, F32, 3}, narrow = {half, BF16, 1};
    assert_true(spot_agrees(K, fa, fb, 0.5f, sum));
    assert_true(spot_agrees(K, narrow, fb, 0, halves));
    assert_false(spot_agrees(K, fa, fb, 0.5f, lost));
    assert_false(spot_agrees(K, fa, fb, 0, sum));
    assert_false(spot_agrees(K, fa, fb, 0.5f, NAN));
}

static void what_is_not_finite_is_not_compared(void **state)
{
    (void)state;
    float a[2] = {INFINITY, 1}, b[2] = {1, 1};
    assert_true(spot_agrees(2, (struct spot_factor){a, F32, 1}, (struct spot_factor){b, F32, 1}, 0, NAN));
    assert_true(spot_agrees(2, (struct spot_factor){b, F32, 1}, (struct spot_factor){b, F32, 1}, NAN, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indices_are_ascending_within_range_and_hold_the_ends),
        cmocka_unit_test(blocks_that_are_not_filled_are_looked_at),
        cmocka_unit_test(rounding_passes_and_a_lost_quarter_does_not),
        cmocka_unit_test(what_is_not_finite_is_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
