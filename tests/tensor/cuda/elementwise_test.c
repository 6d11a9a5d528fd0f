#include "operands.h"

#include "tensor/cuda/kernels.h"

/* ---- norms -------------------------------------------------------------------------------------------------------------- */

static const int64_t widths[] = {1, 3, 4, 7, 32, 100, 768, 1023, 1024, 1025, 1028, 2050, 4100};
#define WIDTHS (sizeof widths / sizeof *widths)

static struct cuda_norm norm_of(int64_t width, bool rms)
{
    return (struct cuda_norm){.weight = operand_random(F32, width, 1, 2),
                              .bias = rms ? NULL : operand_random(F32, width, 2, 1),
                              .eps = 1e-5f,
                              .rms = rms};
}

static void norm_free(struct cuda_norm *norm)
{
    free((void *)norm->weight);
    free((void *)norm->bias);
}

/* Both from their definitions, in double. */
static double norm_reference(const struct cuda_norm *norm, int64_t width, const float *x, int64_t at)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < width && !norm->rms; i++)
        mean += (double)x[i] / (double)width;
    for (int64_t i = 0; i < width; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)width;
    double y = ((double)x[at] - mean) / sqrt(squares + (double)norm->eps) * (double)norm->weight[at];
    return norm->rms ? y : y + (double)norm->bias[at];
}

static void check_norm(int64_t rows, int64_t width, bool rms, enum dtype dtype)
{
    struct cuda_norm norm = norm_of(width, rms);
    float *x = operand_random(F32, rows * width, 3, 4);
    for (int64_t i = 0; i < width; i++) /* far from zero, as one-pass variances do not like it */
        x[i] += rms ? 0 : 100;
    void *y = operand_empty(dtype, rows * width);
    cuda_norm(NULL, &norm, rows, width, x, dtype, y);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i<width; i += width> 1000 ? 37 : 1)
            assert_near(dtype, y, r * width + i, norm_reference(&norm, width, x + r * width, i), r == 0 && !rms ? 1e-4 : 2e-6);
    assert_margin(dtype, y, rows * width);
    if (dtype == F32) {
        cuda_norm(NULL, &norm, rows, width, x, F32, x);
        assert_same(F32, x, y, rows * width);
    }
    free(x);
    free(y);
    norm_free(&norm);
}

static void test_norms_equal_their_definitions_at_any_width(void **state)
{
    (void)state;
    for (size_t w = 0; w < WIDTHS; w++)
        for (int which = 0; which < 4; which++) {
            check_norm(1, widths[w], which % 2, which / 2 ? BF16 : F32);
            check_norm(9, widths[w], which % 2, which / 2 ? BF16 : F32);
        }
}

/* Each row alone, also where it is not aligned, is the same as among the others. */
static void test_a_norm_of_a_row_is_the_same_in_company(void **state)
{
    (void)state;
    for (size_t w = 0; w < WIDTHS; w++) {
        int64_t width = widths[w], rows = 11;
        for (int which = 0; which < 4; which++) {
            enum dtype dtype = which / 2 ? BF16 : F32;
            struct cuda_norm norm = norm_of(width, which % 2);
            float *x = operand_random(F32, rows * width, 3, 4), *shifted = operand_empty(F32, width + 1);
            void *y = operand_empty(dtype, rows * width), *alone = operand_empty(dtype, width + 1);
            cuda_norm(NULL, &norm, rows, width, x, dtype, y);
            for (int64_t r = 0; r < rows; r++) {
                cuda_norm(NULL, &norm, 1, width, x + r * width, dtype, alone);
                assert_same(dtype, alone, operand_from(dtype, y, r * width), width);
            }
            memcpy(shifted + 1, x, (size_t)width * sizeof *x);
            cuda_norm(NULL, &norm, 1, width, shifted + 1, dtype, operand_from(dtype, alone, 1));
            assert_same(dtype, operand_from(dtype, alone, 1), y, width);
            free(x);
            free(shifted);
            free(y);
            free(alone);
            norm_free(&norm);
        }
    }
}

static void test_a_bad_element_spoils_only_its_row(void **state)
{
    (void)state;
    for (int64_t width = 100; width <= 2000; width += 1900) {
        struct cuda_norm norm = norm_of(width, false);
        float *x = operand_random(F32, 3 * width, 3, 4);
        x[width + 50] = NAN;
        cuda_norm(NULL, &norm, 3, width, x, F32, x);
        for (int64_t i = 0; i < 3 * width; i++)
            assert_int_equal(isnan(x[i]), i / width == 1);
        free(x);
        norm_free(&norm);
    }
}

/* ---- activations -------------------------------------------------------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double activation_reference(enum activation activation, double x)
{
    switch (activation) {
    case ACTIVATION_GELU:
        return 0.5 * x * erfc(-x / sqrt(2));
    case ACTIVATION_QUICK_GELU:
        return x * sigmoid(1.702 * x);
    case ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ACTIVATION_SILU:
        return x * sigmoid(x);
    default:
        return x > 0 ? x : 0;
    }
}

static void check_activation(enum activation activation, int64_t count, int shift, enum dtype dtype)
{
    void *memory = operand_random(dtype, count + shift, 5, 12), *x = operand_from(dtype, memory, shift);
    void *before = operand_copy(dtype, count + shift, memory);
    cuda_activate(NULL, activation, count, dtype, x);
    for (int64_t i = 0; i < count; i++) {
        double value = operand_value(dtype, before, i + shift);
        assert_near(dtype, x, i, activation_reference(activation, value), 1e-6 * fabs(value));
    }
    assert_same(dtype, memory, before, shift);
    assert_margin(dtype, memory, count + shift);
    free(memory);
    free(before);
}

static void test_activations_equal_their_definitions(void **state)
{
    (void)state;
    const int64_t counts[] = {1, 3, 4, 7, 8, 9, 250, 2048, 4099};
    for (int activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (int which = 0; which < 4; which++)
                check_activation((enum activation)activation, counts[c], which / 2, which % 2 ? BF16 : F32);
}

static void test_activations_of_the_largest_values(void **state)
{
    (void)state;
    for (int activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++)
        for (int which = 0; which < 2; which++) {
            enum dtype dtype = which ? BF16 : F32;
            const float values[] = {1e30f, -1e30f, 90, -90, 0, INFINITY, NAN};
            const float expected[] = {1e30f, 0, 90, 0, 0, INFINITY, NAN};
            void *x = operand_empty(dtype, 7);
            for (int i = 0; i < 7; i++)
                operand_set(dtype, x, i, values[i]);
            cuda_activate(NULL, (enum activation)activation, 7, dtype, x);
            for (int i = 0; i < 7; i++)
                assert_near(dtype, x, i, (double)expected[i], 1e-30);
            free(x);
        }
}

static void check_gate(enum activation activation, int64_t rows, int64_t width, enum dtype dtype)
{
    void *both = operand_random(dtype, rows * 2 * width, 6, 3), *y = operand_empty(dtype, rows * width);
    void *alone = operand_empty(dtype, width);
    cuda_gate(NULL, activation, rows, width, dtype, both, y);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < width; i++) {
            double gate = operand_value(dtype, both, r * 2 * width + i),
                   up = operand_value(dtype, both, (r * 2 + 1) * width + i);
            assert_near(dtype, y, r * width + i, activation_reference(activation, gate) * up, 1e-6 * fabs(gate * up));
        }
        cuda_gate(NULL, activation, 1, width, dtype, operand_from(dtype, both, r * 2 * width), alone);
        assert_same(dtype, alone, operand_from(dtype, y, r * width), width);
    }
    assert_margin(dtype, y, rows * width);
    free(both);
    free(y);
    free(alone);
}

static void test_gates_multiply_what_is_beside_them(void **state)
{
    (void)state;
    const int64_t sizes[] = {1, 6, 8, 30, 64, 1000, 2056};
    for (int activation = ACTIVATION_GELU; activation <= ACTIVATION_RELU; activation++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int which = 0; which < 4; which++)
                check_gate((enum activation)activation, which / 2 ? 5 : 1, sizes[s], which % 2 ? BF16 : F32);
}

/* ---- conversions -------------------------------------------------------------------------------------------------------- */

static void test_conversions_round_to_nearest(void **state)
{
    (void)state;
    const int64_t counts[] = {1, 4, 5, 1023, 1024};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int shift = 0; shift < 2; shift++) {
            int64_t count = counts[c];
            float *x = operand_random(F32, count + 1, 7, 1e3f), *f32 = operand_empty(F32, count);
            bf16 *half = operand_empty(BF16, count);
            x[shift] = NAN;
            cuda_convert(NULL, count, 0.3f, x + shift, F32, f32);
            cuda_convert(NULL, count, 0.3f, x + shift, BF16, half);
            assert_true(isnan(f32[0]) && isnan(bf16_to_f32(half[0])));
            for (int64_t i = 1; i < count; i++) {
                assert_true(f32[i] == 0.3f * x[i + shift]);
                assert_int_equal(half[i], bf16_from_f32(0.3f * x[i + shift]));
            }
            assert_margin(F32, f32, count);
            assert_margin(BF16, half, count);
            free(x);
            free(f32);
            free(half);
        }
}

static void test_no_rows_are_no_launch(void **state)
{
    (void)state;
    struct cuda_norm norm = norm_of(4, true);
    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    cuda_norm(NULL, &norm, 0, 4, x, F32, y);
    cuda_activate(NULL, ACTIVATION_RELU, 0, F32, y);
    cuda_gate(NULL, ACTIVATION_RELU, 0, 2, F32, x, y);
    cuda_convert(NULL, 0, 1, x, F32, y);
    for (int i = 0; i < 4; i++)
        assert_true(y[i] == 0);
    norm_free(&norm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norms_equal_their_definitions_at_any_width),
        cmocka_unit_test(test_a_norm_of_a_row_is_the_same_in_company),
        cmocka_unit_test(test_a_bad_element_spoils_only_its_row),
        cmocka_unit_test(test_activations_equal_their_definitions),
        cmocka_unit_test(test_activations_of_the_largest_values),
        cmocka_unit_test(test_gates_multiply_what_is_beside_them),
        cmocka_unit_test(test_conversions_round_to_nearest),
        cmocka_unit_test(test_no_rows_are_no_launch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
