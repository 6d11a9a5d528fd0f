/* Packed products: correct to f32's precision, and each row independent of the others. */
#include "cmocka_all.h"
#include "tensor/cpu/dnnl.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/product.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#define MOST_ROWS 61

static float *random_floats(int64_t count, unsigned seed)
{
    float *values = malloc((size_t)(count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return values;
}

static struct product *make(int64_t out, int64_t in, enum dtype dtype, enum product_maker maker, const float *weights)
{
    struct product *product;
    lmvr_error error, notice = {""};
    assert_int_equal(product_create_by(out, in, dtype, maker, &product, &error), LMVR_OK);
    assert_int_equal(product_set(product, 0, out / 3, weights, &error), LMVR_OK); /* in two pieces, like stacked layers */
    assert_int_equal(product_set(product, out / 3, out - out / 3, weights + out / 3 * in, &error), LMVR_OK);
    assert_int_equal(product_seal(product, &notice, &error), LMVR_OK);
    assert_string_equal(notice.message, "");
    return product;
}

static const int64_t shapes[][2] = {{1, 1},    {1, 40},    {7, 5},     {16, 16},   {33, 20},  {48, 64},
                                    {96, 130}, {100, 300}, {257, 513}, {64, 1030}, {33, 4200}};

static float rounded(enum dtype dtype, float x)
{
    return dtype == BF16 ? bf16_to_f32(bf16_from_f32(x)) : x;
}

/* `gap` elements between the rows of the result, which must not change. */
static void check_values(int64_t out, int64_t in, enum dtype dtype, enum product_maker maker, int64_t gap)
{
    int64_t stride = out + gap;
    float *w = random_floats(out * in, 1), *x = random_floats(MOST_ROWS * in, 2), *y = random_floats(MOST_ROWS * stride, 3);
    float *bias = random_floats(out, 4), *before = random_floats(MOST_ROWS * stride, 3);
    struct product *product = make(out, in, dtype, maker, w);
    struct arena arena;
    lmvr_error error;
    arena_init(&arena);
    assert_int_equal(product_run(product, &arena, MOST_ROWS, x, in, bias, true, y, stride, &error), LMVR_OK);
    bool narrow = dtype == BF16 && maker != PANELS;
    double difference = 0, size = 0;
    for (int64_t r = 0; r < MOST_ROWS; r++) {
        for (int64_t o = out; o < stride; o++)
            assert_true(y[r * stride + o] == before[r * stride + o]);
        for (int64_t o = 0; o < out; o++) {
            double sum = (double)before[r * stride + o] + (double)bias[o];
            for (int64_t i = 0; i < in; i++)
                sum += (double)(narrow ? rounded(BF16, x[r * in + i]) : x[r * in + i]) * (double)rounded(dtype, w[o * in + i]);
            difference += pow(sum - (double)y[r * stride + o], 2);
            size += sum * sum;
        }
    }
    assert_true(sqrt(difference / size) < 2e-6);
    product_free(product);
    arena_finish(&arena);
    free(w), free(x), free(y), free(bias), free(before);
}

static void products_are_right_for_every_shape(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int64_t gap = 0; gap < 8; gap += 3) {
            int64_t out = shapes[s][0], in = shapes[s][1]; /* by all, whomever this processor would choose */
            check_values(out, in, F32, PANELS, gap);
            check_values(out, in, F32, LIBRARY, gap);
            check_values(out, in, BF16, PANELS, gap);
            if (dnnl_packs(BF16))
                check_values(out, in, BF16, LIBRARY, gap);
            if (product_maker(BF16) == TILED)
                check_values(out, in, BF16, TILED, gap);
        }
}

static void a_row_is_the_same_bytes_at_any_number_of_rows_and_threads(void **state)
{
    (void)state;
    struct arena arena;
    lmvr_error error;
    arena_init(&arena);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int d = 0; d < 2; d++) {
            int64_t out = shapes[s][0], in = shapes[s][1];
            float *w = random_floats(out * in, 1), *x = random_floats(MOST_ROWS * in, 2);
            float *all = calloc((size_t)(MOST_ROWS * out), sizeof *all),
                  *part = calloc((size_t)(MOST_ROWS * out), sizeof *part);
            struct product *product = make(out, in, (enum dtype)d, product_maker((enum dtype)d), w);
            omp_set_num_threads(1);
            for (int64_t r = 0; r < MOST_ROWS; r++) /* each alone */
                product_run(product, &arena, 1, x + r * in, in, NULL, false, all + r * out, out, &error);
            for (int threads = 1; threads <= 5; threads += 2)
                for (int64_t rows = 1; rows <= MOST_ROWS; rows++) {
                    omp_set_num_threads(threads);
                    product_run(product, &arena, rows, x, in, NULL, false, part, out, &error);
                    assert_memory_equal(part, all, (size_t)(rows * out) * sizeof *all);
                }
            product_free(product);
            free(w), free(x), free(all), free(part);
        }
    arena_finish(&arena);
}

/* More rows than are multiplied while a part of the weights is in a cache. */
static void many_rows_are_those_of_each_alone(void **state)
{
    (void)state;
    const int64_t rows = 300, out = 70, in = 4200;
    struct arena arena;
    lmvr_error error;
    arena_init(&arena);
    float *w = random_floats(out * in, 1), *x = random_floats(rows * in, 2), *all = calloc((size_t)(rows * out), sizeof *all),
          *alone = calloc((size_t)out, sizeof *alone);
    for (int d = 0; d < 2; d++) {
        struct product *product = make(out, in, (enum dtype)d, product_maker((enum dtype)d), w);
        assert_int_equal(product_run(product, &arena, rows, x, in, NULL, false, all, out, &error), LMVR_OK);
        for (int64_t r = 0; r < rows; r++) {
            assert_int_equal(product_run(product, &arena, 1, x + r * in, in, NULL, false, alone, out, &error), LMVR_OK);
            assert_memory_equal(alone, all + r * out, (size_t)out * sizeof *all);
        }
        product_free(product);
    }
    arena_finish(&arena);
    free(w), free(x), free(all), free(alone);
}

/* ---- every instruction set that this processor has ----------------------------------------------------------------------- */

static int list_kernels(const struct kernels **sets)
{
    int count = 0;
    sets[count++] = &kernels_generic;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        sets[count++] = &kernels_avx2;
    if (cpu_has_avx512())
        sets[count++] = &kernels_avx512;
    if (cpu_has_bf16())
        sets[count++] = &kernels_avx512bf16;
#endif
    return count;
}

static void activations_are_right_at_every_size(void **state)
{
    (void)state;
    const struct kernels *sets[4];
    int count = list_kernels(sets);
    for (int s = 0; s < count; s++) {
        float x[803], gelu[803], quick[803], silu[803], tanhs[803], relu[803];
        for (int i = 0; i < 803; i++)
            x[i] = gelu[i] = quick[i] = silu[i] = tanhs[i] = relu[i] = (float)(i - 401) * 0.05f;
        sets[s]->gelu(803, gelu);
        sets[s]->quick_gelu(803, quick);
        sets[s]->silu(803, silu);
        sets[s]->gelu_tanh(803, tanhs);
        sets[s]->relu(803, relu);
        for (int i = 0; i < 803; i++) {
            double v = (double)x[i];
            assert_true(fabs((double)gelu[i] - v / 2 * (1 + erf(v / sqrt(2)))) < 4e-6);
            assert_true(fabs((double)quick[i] - v / (1 + exp(-1.702 * v))) < 2e-6);
            assert_true(fabs((double)silu[i] - v / (1 + exp(-v))) < 2e-6);
            assert_true(fabs((double)tanhs[i] - v / 2 * (1 + tanh(sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v)))) <
                        4e-6);
            assert_true(relu[i] == (x[i] > 0 ? x[i] : 0));
        }
    }
}

static void norms_are_right_at_odd_widths(void **state)
{
    (void)state;
    const struct kernels *sets[4];
    int count = list_kernels(sets);
    for (int s = 0; s < count; s++)
        for (int64_t n = 1; n < 70; n++) {
            float *x = random_floats(n, 5), *w = random_floats(n, 6), *b = random_floats(n, 7), y[70], z[70];
            double mean = 0, squares = 0, variance = 0;
            for (int i = 0; i < n; i++)
                mean += (double)x[i] / (double)n;
            for (int i = 0; i < n; i++) {
                squares += (double)x[i] * (double)x[i] / (double)n;
                variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
            }
            sets[s]->layer_norm(1, n, x, w, b, 1e-5f, y);
            sets[s]->rms_norm(1, n, x, w, 1e-5f, z);
            for (int i = 0; i < n; i++) {
                assert_true(fabs((double)y[i] - (((double)x[i] - mean) / sqrt(variance + 1e-5) * (double)w[i] + (double)b[i])) <
                            1e-5);
                assert_true(fabs((double)z[i] - (double)x[i] / sqrt(squares + 1e-5) * (double)w[i]) < 1e-5);
            }
            free(x), free(w), free(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right_for_every_shape),
        cmocka_unit_test(a_row_is_the_same_bytes_at_any_number_of_rows_and_threads),
        cmocka_unit_test(many_rows_are_those_of_each_alone),
        cmocka_unit_test(activations_are_right_at_every_size),
        cmocka_unit_test(norms_are_right_at_odd_widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
