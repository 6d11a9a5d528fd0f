/* Rotary frequencies and axes. */
#include "cmocka_all.h"
#include "nn/rope.h"

#include <math.h>

static lmvr_error error;

static void sections_give_pairs_their_axes(void **state)
{
    (void)state;
    static const struct rope_config chunked = {.theta = 100, .factor = 1, .sections = {2, 3, 3}},
                                    woven = {.theta = 100, .factor = 1, .sections = {4, 2, 2}, .interleaved = true};
    static const uint8_t of_chunked[] = {0, 0, 1, 1, 1, 2, 2, 2}, of_woven[] = {0, 1, 2, 0, 1, 2, 0, 0};
    struct rope rope;
    assert_int_equal(rope_create(&rope, &chunked, 16, &error), LMVR_OK);
    assert_memory_equal(rope.axes, of_chunked, sizeof of_chunked);
    rope_finish(&rope);
    assert_int_equal(rope_create(&rope, &woven, 16, &error), LMVR_OK);
    assert_memory_equal(rope.axes, of_woven, sizeof of_woven);
    rope_finish(&rope);
}

/* LLaMA 3.1: long wavelengths are divided by the factor, short ones are kept, and between them it is a mixture. */
static void only_long_wavelengths_are_stretched(void **state)
{
    (void)state;
    static const struct rope_config plain = {.theta = 500000, .factor = 1}, scaled = {.theta = 500000,
                                                                                      .scaling = ROPE_LLAMA3,
                                                                                      .factor = 8,
                                                                                      .low_factor = 1,
                                                                                      .high_factor = 4,
                                                                                      .trained_positions = 8192};
    struct rope before, after;
    int kept = 0, divided = 0, between = 0;
    assert_int_equal(rope_create(&before, &plain, 128, &error), LMVR_OK);
    assert_int_equal(rope_create(&after, &scaled, 128, &error), LMVR_OK);
    for (int i = 0; i < 64; i++) {
        double ratio = (double)before.frequencies[i] / (double)after.frequencies[i];
        double wavelength = 2 * 3.14159265358979 / (double)before.frequencies[i];
        if (wavelength < 8192.0 / 4)
            kept += fabs(ratio - 1) < 1e-6;
        else if (wavelength > 8192)
            divided += fabs(ratio - 8) < 1e-5;
        else
            between += ratio > 1 && ratio < 8;
    }
    assert_int_equal(kept + divided + between, 64);
    assert_true(kept > 10 && divided > 10 && between > 1);
    rope_finish(&before);
    rope_finish(&after);
}

static void a_grid_turns_half_by_rows_and_half_by_columns(void **state)
{
    (void)state;
    struct rope rope;
    const struct position at = {{9, 2, 3}};
    float angles[8];
    assert_int_equal(rope_create_for_grid(&rope, 10000, 8, &error), LMVR_OK);
    rope_angles(&rope, 1, &at, angles);
    static const double expected[] = {2, 2 * 0.01, 3, 3 * 0.01};
    for (int i = 0; i < 4; i++) {
        assert_float_equal(angles[i], (float)cos(expected[i]), 1e-6f);
        assert_float_equal(angles[4 + i], (float)sin(expected[i]), 1e-6f);
    }
    rope_finish(&rope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_give_pairs_their_axes),
        cmocka_unit_test(only_long_wavelengths_are_stretched),
        cmocka_unit_test(a_grid_turns_half_by_rows_and_half_by_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
