#include "cmocka_all.h"

#include "tensor/cpu/kernel_resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The best set for this processor, and the one for all. */
static const struct resample_kernels *sets[2];

static uint32_t state = 1;

static int32_t any(int32_t below)
{
    state = state * 1664525U + 1013904223U;
    return (int32_t)(state >> 8) % below;
}

static void fill_with_bytes(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)any(256);
}

static uint8_t rounded(int64_t sum)
{
    int64_t value = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void test_a_weight_is_the_sum_of_its_parts(void **unused)
{
    (void)unused;
    static const int32_t weights[] = {0, 1, -1, 2047, 2048, -2048, -2049, 4095, 4096, 1 << 22, -(1 << 21), 5242879};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        struct weight_pair pair = weight_pair(weights[i], -weights[i]);
        assert_int_equal(pair.high[0] * (1 << WEIGHT_LOW_BITS) + pair.low[0], weights[i]);
        assert_int_equal(pair.high[1] * (1 << WEIGHT_LOW_BITS) + pair.low[1], -weights[i]);
    }
}

#define MOST_TAPS 9
#define STRIDE    130

/* Weights of either sign whose sum is about 1, so that results lie on both sides of both limits. */
static void expect_sum(const struct resample_kernels *kernels, int taps, size_t n, bool has_fill)
{
    int32_t weights[MOST_TAPS + 1] = {0}, outside = has_fill ? any(1 << 22) - (1 << 21) : 0;
    struct weight_pair pairs[(MOST_TAPS + 1) / 2];
    uint8_t *rows = malloc((size_t)(MOST_TAPS - 1) * STRIDE + n), fill[STRIDE], out[STRIDE + 1]; /* not a byte more is read */
    assert_non_null(rows);
    fill_with_bytes(rows, (size_t)(MOST_TAPS - 1) * STRIDE + n);
    fill_with_bytes(fill, sizeof fill);
    for (int t = 0; t < taps; t++)
        weights[t] = (1 << 22) / taps + any(1 << 21) - (1 << 20);
    for (int t = 0; t < taps; t += 2)
        pairs[t / 2] = weight_pair(weights[t], weights[t + 1]);
    struct weighted_sum sum = {.rows = rows + (size_t)(MOST_TAPS - (taps ? taps : 1)) * STRIDE,
                               .stride = STRIDE,
                               .taps = taps,
                               .weights = pairs,
                               .fill = has_fill ? fill : NULL,
                               .fill_weight = weight_pair(outside, 0)};
    memset(out, 77, sizeof out);
    kernels->weigh(&sum, n, out);
    for (size_t i = 0; i < n; i++) {
        int64_t total = (int64_t)outside * fill[i];
        for (int t = 0; t < taps; t++)
            total += (int64_t)weights[t] * sum.rows[t * STRIDE + i];
        assert_int_equal(out[i], rounded(total));
    }
    assert_int_equal(out[n], 77);
    free(rows);
}

static void test_rows_are_weighed_exactly(void **unused)
{
    (void)unused;
    for (int set = 0; set < 2; set++)
        for (int taps = 0; taps <= MOST_TAPS; taps++)
            for (size_t n = 1; n <= STRIDE; n += n < 34 ? 1 : 31)
                for (int has_fill = 0; has_fill < 2; has_fill++)
                    expect_sum(sets[set], taps, n, has_fill);
}

static void test_rows_are_interleaved_and_separated_again(void **unused)
{
    (void)unused;
    uint8_t mixed[100 * RESAMPLE_ROWS + 1], back[RESAMPLE_ROWS * 101];
    const uint8_t *rows[RESAMPLE_ROWS];
    for (int set = 0; set < 2; set++)
        for (size_t n = 1; n <= 100; n += 3)
            for (int count = 1; count <= RESAMPLE_ROWS; count += 5) {
                uint8_t *in = malloc(RESAMPLE_ROWS * n);
                assert_non_null(in);
                fill_with_bytes(in, RESAMPLE_ROWS * n);
                for (int r = 0; r < RESAMPLE_ROWS; r++)
                    rows[r] = in + r * n;
                sets[set]->interleave(rows, n, mixed);
                for (size_t i = 0; i < n * RESAMPLE_ROWS; i++)
                    assert_int_equal(mixed[i], rows[i % RESAMPLE_ROWS][i / RESAMPLE_ROWS]);
                memset(back, 77, sizeof back);
                sets[set]->separate(mixed, n, count, back, 101);
                for (int r = 0; r < count; r++) {
                    assert_memory_equal(back + (size_t)r * 101, rows[r], n);
                    assert_int_equal(back[(size_t)r * 101 + n], 77);
                }
                assert_true(count == RESAMPLE_ROWS || back[(size_t)count * 101] == 77);
                free(in);
            }
}

static void test_floats_are_spread_into_planes(void **unused)
{
    (void)unused;
    struct levels levels = {.scale = {0.0039215689F, -1.6e-10F}, .mean = {0.5F, 0.25F, -1}, .std = {0.5F, 0.3F, 2}};
    float out[3 * 101 + 1];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            levels.table[c][i] = (fmaf((float)i, levels.scale[0], (float)i * levels.scale[1]) - levels.mean[c]) / levels.std[c];
    for (int set = 0; set < 2; set++)
        for (int formula = 0; formula < 2; formula++)
            for (size_t n = 1; n <= 100; n += 3) {
                uint8_t *rgb = malloc(3 * n); /* not a byte more is read */
                assert_non_null(rgb);
                fill_with_bytes(rgb, 3 * n);
                for (size_t i = 0; i < sizeof out / sizeof *out; i++)
                    out[i] = 77;
                levels.formula = formula;
                sets[set]->spread(&levels, rgb, n, out, 101);
                for (size_t i = 0; i < 3 * n; i++)
                    assert_true(out[i % 3 * 101 + i / 3] == levels.table[i % 3][rgb[i]]);
                assert_true(out[n] == 77 && out[101 + n] == 77 && out[202 + n] == 77);
                free(rgb);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_are_spread_into_planes),
        cmocka_unit_test(test_a_weight_is_the_sum_of_its_parts),
        cmocka_unit_test(test_rows_are_weighed_exactly),
        cmocka_unit_test(test_rows_are_interleaved_and_separated_again),
    };
    sets[0] = resample_kernels_get();
    sets[1] = &resample_kernels_generic;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
