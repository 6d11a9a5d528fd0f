#include "cmocka_all.h"
#include "format/half.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* By the definition of IEEE binary16: 1 sign bit, 5 of exponent, 10 of fraction. */
static float by_definition(unsigned half)
{
    double sign = half >> 15 ? -1 : 1, fraction = half & 0x3ff;
    int exponent = (int)(half >> 10 & 0x1f);
    if (exponent == 0)
        return (float)(sign * ldexp(fraction, -24));
    if (exponent == 31)
        return fraction > 0 ? NAN : (float)sign * INFINITY;
    return (float)(sign * ldexp(1024 + fraction, exponent - 25));
}

static void every_f16_is_widened_to_its_definition(void **state)
{
    (void)state;
    static uint16_t in[1 << 16];
    static float out[1 << 16];
    for (unsigned i = 0; i < 1 << 16; i++)
        in[i] = (uint16_t)i;
    half_widen_f16(in, 1 << 16, out);
    for (unsigned i = 0; i < 1 << 16; i++) {
        float expected = by_definition(i);
        if (isnan(expected))
            assert_int_equal(bits_of(out[i]), (i & 0x8000u) << 16 | 0x7f800000u | (i & 0x3ffu) << 13);
        else
            assert_int_equal(bits_of(out[i]), bits_of(expected));
    }
}

static void every_bf16_is_the_upper_half_of_its_f32(void **state)
{
    (void)state;
    static uint16_t in[1 << 16];
    static float out[1 << 16];
    for (unsigned i = 0; i < 1 << 16; i++)
        in[i] = (uint16_t)i;
    half_widen_bf16(in, 1 << 16, out);
    for (unsigned i = 0; i < 1 << 16; i++)
        assert_int_equal(bits_of(out[i]), i << 16);
}

static uint16_t narrowed(float value)
{
    uint16_t half;
    half_narrow_f16(&value, 1, &half);
    return half;
}

/* Each f16, what lies halfway to the next, and what lies beside that. */
static void floats_are_rounded_to_the_nearest_f16_and_ties_to_even(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x7c00; i++)
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            float value = by_definition(i), next = i == 0x7bff ? 65536 : by_definition(i + 1), by = sign ? -1 : 1;
            float middle = (value + next) / 2;
            assert_int_equal(narrowed(by * value), i | sign);
            assert_int_equal(narrowed(by * middle), (i + (i & 1)) | sign);
            assert_int_equal(narrowed(by * nextafterf(middle, 0)), i | sign);
            assert_int_equal(narrowed(by * nextafterf(middle, INFINITY)), (i + 1) | sign);
        }
    assert_int_equal(narrowed(INFINITY), 0x7c00);
    assert_int_equal(narrowed(-1e30f), 0xfc00);
    assert_int_equal(narrowed(NAN) & 0x7e00, 0x7e00);
}

static void any_count_is_widened_and_nothing_beyond_it(void **state)
{
    (void)state;
    uint16_t in[100];
    for (int i = 0; i < 100; i++)
        in[i] = 0x3c00; /* 1 */
    for (size_t count = 0; count < 100; count++) {
        float out[101] = {0};
        half_widen_f16(in, count, out);
        for (size_t i = 0; i <= 100; i++)
            assert_true(out[i] == (i < count ? 1.0f : 0.0f));
    }
}

static void one_value_that_is_not_finite_is_found_anywhere(void **state)
{
    (void)state;
    const float bad[] = {INFINITY, -INFINITY, NAN, -NAN};
    float values[100];
    for (size_t i = 0; i < 100; i++)
        values[i] = i % 2 ? 3.4028235e38f : -1e-45f;
    for (size_t count = 0; count <= 100; count++)
        assert_true(half_all_finite(values, count));
    for (size_t i = 0; i < 100; i++) {
        float good = values[i];
        values[i] = bad[i % 4];
        assert_false(half_all_finite(values, 100));
        assert_true(half_all_finite(values, i));
        values[i] = good;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_is_widened_to_its_definition),
        cmocka_unit_test(every_bf16_is_the_upper_half_of_its_f32),
        cmocka_unit_test(floats_are_rounded_to_the_nearest_f16_and_ties_to_even),
        cmocka_unit_test(any_count_is_widened_and_nothing_beyond_it),
        cmocka_unit_test(one_value_that_is_not_finite_is_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
