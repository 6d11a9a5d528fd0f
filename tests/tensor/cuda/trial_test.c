#include "operands.h"

#include "tensor/cuda/trial.h"

#define SEED 7

static void check_fill(int64_t width, int64_t gap, enum dtype dtype)
{
    const int64_t rows = 5, stride = width + gap, half = width / 2;
    void *all = operand_empty(dtype, rows * stride), *opposed = operand_empty(dtype, rows * stride);
    void *gaps = operand_empty(dtype, rows * stride), *part = operand_empty(dtype, 2 * stride);
    cuda_trial_fill(NULL, SEED, 0, rows, width, stride, CUDA_TRIAL_REPEATED, dtype, all);
    cuda_trial_fill(NULL, SEED, 0, rows, width, stride, CUDA_TRIAL_OPPOSED, dtype, opposed);
    cuda_trial_fill(NULL, SEED, 0, rows, width, stride, CUDA_TRIAL_GAPS, dtype, gaps);
    cuda_trial_fill(NULL, SEED, 3, 2, width, stride, CUDA_TRIAL_OPPOSED, dtype, part);
    double squares = 0;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < width; i++) {
            double value = operand_value(dtype, all, r * stride + i), other = operand_value(dtype, opposed, r * stride + i);
            assert_true(value >= -1 && value <= 1);
            squares += value * value;
            if (i >= half && i < 2 * half)
                assert_true(value == operand_value(dtype, all, r * stride + i - half));
            assert_true(other == (r % 2 == 0 || i < half ? value : i < 2 * half ? -value : 0.0));
            double sparse = operand_value(dtype, gaps, r * stride + i);
            assert_true(i % 2 == 1 ? sparse == 0 : sparse != 0 && (i >= half || sparse == value));
            if (r >= 3)
                assert_true(operand_value(dtype, part, (r - 3) * stride + i) == other);
        }
        for (int64_t i = width; i < stride; i++)
            assert_true(isnan(operand_value(dtype, all, r * stride + i)));
    }
    if (width > 100)
        assert_true(fabs(squares / (double)(rows * width) - 1.0 / 18) < 0.01);
    assert_margin(dtype, opposed, rows * stride);
    free(all);
    free(opposed);
    free(gaps);
    free(part);
}

static void test_operands_have_their_pattern_wherever_they_begin(void **state)
{
    (void)state;
    const int64_t widths[] = {1, 2, 7, 64, 999};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        check_fill(widths[w], 0, F32);
        check_fill(widths[w], 0, BF16);
        check_fill(widths[w], 3, BF16);
    }
}

static void test_seeds_make_different_operands(void **state)
{
    (void)state;
    float a[32], b[32];
    cuda_trial_fill(NULL, 0, 0, 1, 32, 32, CUDA_TRIAL_GAPS, F32, a);
    cuda_trial_fill(NULL, 1, 0, 1, 32, 32, CUDA_TRIAL_GAPS, F32, b);
    for (int i = 0; i < 32; i += 2)
        for (int j = 0; j < 32; j += 2)
            assert_true(a[i] != b[j]);
}

/* More elements than a launch has threads. */
static void test_a_bit_of_any_element_is_a_difference(void **state)
{
    (void)state;
    const int64_t count = 300000, places[] = {0, 1, 777, 299999};
    for (int dtype = F32; dtype <= BF16; dtype++) {
        void *a = operand_random((enum dtype)dtype, count, SEED, 1), *b = operand_copy((enum dtype)dtype, count, a);
        int32_t verdict = 0;
        cuda_trial_compare(NULL, count, (enum dtype)dtype, a, b, &verdict);
        assert_int_equal(verdict, 0);
        for (int i = 0; i < 4; i++) {
            char *at = operand_from((enum dtype)dtype, b, places[i]);
            *at ^= 1;
            cuda_trial_compare(NULL, count, (enum dtype)dtype, a, b, &verdict);
            assert_int_equal(verdict, 1);
            *at ^= 1;
            verdict = 0;
        }
        free(a);
        free(b);
    }
}

/* What is wrong with a product. */
enum fault { NONE, ROUNDED, OFF, LOST, NOT_A_NUMBER };

static float tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x1000) & 0xffffe000;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

static int32_t judge(enum dtype dtype, enum dtype y_dtype, bool biased, bool added, enum fault fault)
{
    const int64_t out = 35, in = 300;
    void *weights = operand_random(dtype, out * in, 1, 1), *x = operand_random(dtype, in, 2, 1);
    void *bias = operand_random(y_dtype, out, 3, 1), *y = operand_empty(y_dtype, out);
    float *before = operand_random(F32, out, 4, 1);
    for (int64_t o = 0; o < out; o++) {
        double sum = biased ? operand_value(y_dtype, bias, o) : 0;
        sum += added ? (double)before[o] : 0;
        for (int64_t i = 0; i < in - (fault == LOST && o == out - 1); i++) {
            float a = (float)operand_value(dtype, weights, o * in + i), b = (float)operand_value(dtype, x, i);
            sum += fault == ROUNDED ? (double)tf32(a) * (double)tf32(b) : (double)a * (double)b;
        }
        if (o == 20)
            sum = fault == OFF ? sum + 0.25 : fault == NOT_A_NUMBER ? (double)NAN : sum;
        operand_set(y_dtype, y, o, (float)sum);
    }
    struct cuda_trial_row row = {.out = out,
                                 .in = in,
                                 .dtype = dtype,
                                 .y_dtype = y_dtype,
                                 .weights = weights,
                                 .x = x,
                                 .bias = biased ? bias : NULL,
                                 .before = added ? before : NULL,
                                 .y = y};
    int32_t verdict = 0;
    cuda_trial_check(NULL, &row, &verdict);
    free(weights);
    free(x);
    free(bias);
    free(y);
    free(before);
    return verdict;
}

static void test_right_products_pass_and_wrong_ones_do_not(void **state)
{
    (void)state;
    for (int kind = 0; kind < 12; kind++) {
        enum dtype dtype = kind < 4 ? F32 : BF16, y_dtype = kind < 8 ? F32 : BF16;
        bool biased = kind % 2 == 1, added = kind % 4 >= 2 && y_dtype == F32;
        assert_int_equal(judge(dtype, y_dtype, biased, added, NONE), 0);
        assert_int_equal(judge(dtype, y_dtype, biased, added, OFF), 1);
        assert_int_equal(judge(dtype, y_dtype, biased, added, LOST), 1);
        assert_int_equal(judge(dtype, y_dtype, biased, added, NOT_A_NUMBER), 1);
        assert_int_equal(judge(dtype, y_dtype, biased, added, ROUNDED), dtype == F32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands_have_their_pattern_wherever_they_begin),
        cmocka_unit_test(test_seeds_make_different_operands),
        cmocka_unit_test(test_a_bit_of_any_element_is_a_difference),
        cmocka_unit_test(test_right_products_pass_and_wrong_ones_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
