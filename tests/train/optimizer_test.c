/* AdamW and clipping compared with torch (tests/golden/train/make_adamw.py), and the same bits with any number of threads. */
#include "cmocka_all.h"

#include "format/safetensors.h"
#include "train/run/optimizer.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 5

static double clip(struct optimizer *optimizer, double most)
{
    double norm;
    assert_int_equal(optimizer_clip(optimizer, most, &norm, NULL), LMVR_OK);
    return norm;
}

static const char *const names[] = {"a", "b", "c"};
static const struct parameter_shape shapes[] = {{"a", 2, {37, 13}}, {"b", 1, {29}}, {"c", 4, {5, 3, 2, 2}}};

static struct parameter *add(struct parameters *parameters, const struct parameter_shape *shape, bool trained)
{
    struct parameter *parameter;
    lmvr_error error;
    assert_int_equal(parameters_add(parameters, shape, 1, trained, &parameter, &error), LMVR_OK);
    return parameter;
}

static struct safetensors *open_golden(void)
{
    struct safetensors *file;
    lmvr_error error;
    if (safetensors_open(LMVR_TEST_DATA "/golden/train/adamw.safetensors", &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

static void read_golden(const struct safetensors *file, const char *name, int64_t count, float *values)
{
    lmvr_error error;
    const struct safetensors_entry *entry = safetensors_find(file, name);
    assert_non_null(entry);
    assert_int_equal(entry->size, count * sizeof(float));
    assert_int_equal(safetensors_read_f32(file, entry, 0, (uint64_t)count, values, &error), LMVR_OK);
}

static void assert_golden(const struct safetensors *file, const char *name, int64_t count, const float *values)
{
    float expected[512];
    read_golden(file, name, count, expected);
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(values[i] - expected[i]) <= 1e-6f * fabsf(expected[i]) + 1e-9f))
            fail_msg("%s[%lld] is %.9g, and torch has %.9g", name, (long long)i, values[i], expected[i]);
}

static void test_steps_are_torchs(void **state)
{
    (void)state;
    static const double rates[STEPS] = {1e-3, 2e-3, 5e-4, 1e-2, 0};
    double norms[STEPS];
    char name[32];
    lmvr_error error;
    struct parameters parameters;
    struct optimizer optimizer;
    struct safetensors *file = open_golden();
    assert_int_equal(safetensors_read_raw(file, safetensors_find(file, "norm"), 0, STEPS, norms, &error), LMVR_OK);
    parameters_init(&parameters, F32);
    for (int i = 0; i < 3; i++) {
        struct parameter *p = add(&parameters, &shapes[i], true);
        snprintf(name, sizeof name, "value/%s", names[i]);
        read_golden(file, name, p->rows * p->columns, p->value);
    }
    assert_int_equal(optimizer_init(&optimizer, &parameters, &error), LMVR_OK);
    for (int step = 0; step < STEPS; step++) {
        struct adamw adamw = {.learning_rate = rates[step], .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-6, .weight_decay = 0.1};
        for (int i = 0; i < 3; i++) {
            struct parameter *p = parameters.items[i];
            snprintf(name, sizeof name, "gradient/%d/%s", step, names[i]);
            read_golden(file, name, p->rows * p->columns, p->gradient);
        }
        double norm = clip(&optimizer, 1.0);
        assert_true(fabs(norm - norms[step]) < 1e-6 * norms[step]);
        optimizer_step(&optimizer, &adamw);
        for (int i = 0; i < 3; i++) {
            struct parameter *p = parameters.items[i];
            snprintf(name, sizeof name, "after/%d/%s", step, names[i]);
            assert_golden(file, name, p->rows * p->columns, p->value);
        }
    }
    for (int i = 0; i < 3; i++) {
        struct parameter *p = parameters.items[i];
        snprintf(name, sizeof name, "first/%s", names[i]);
        assert_golden(file, name, p->rows * p->columns, optimizer.first[i]);
        snprintf(name, sizeof name, "second/%s", names[i]);
        assert_golden(file, name, p->rows * p->columns, optimizer.second[i]);
    }
    assert_int_equal(optimizer.steps, STEPS);
    optimizer_finish(&optimizer);
    parameters_finish(&parameters);
    safetensors_close(file);
}

/* A step from generated gradients with this many threads. Returns the norm. */
static double made_step(int threads, float *values, int64_t count, bool *halves_follow)
{
    const struct parameter_shape large = {"large", 2, {count / 100, 100}}, frozen = {"frozen", 2, {10, 10}};
    const struct adamw adamw = {.learning_rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01};
    int before = omp_get_max_threads();
    lmvr_error error;
    struct parameters parameters;
    struct optimizer optimizer;
    omp_set_num_threads(threads);
    parameters_init(&parameters, BF16);
    add(&parameters, &frozen, false);
    struct parameter *p = add(&parameters, &large, true);
    assert_int_equal(optimizer_init(&optimizer, &parameters, &error), LMVR_OK);
    assert_null(optimizer.first[0]);
    for (int64_t i = 0; i < count; i++)
        p->gradient[i] = sinf((float)i) * expf(-(float)(i % 17));
    double norm = clip(&optimizer, 3);
    optimizer_step(&optimizer, &adamw);
    *halves_follow = true;
    for (int64_t i = 0; i < count; i++)
        *halves_follow = *halves_follow && p->half[i] == bf16_from_f32(p->value[i]);
    memcpy(values, p->value, (size_t)count * sizeof *values);
    optimizer_finish(&optimizer);
    parameters_finish(&parameters);
    omp_set_num_threads(before);
    return norm;
}

static void test_threads_change_no_bit(void **state)
{
    (void)state;
    enum { COUNT = 100 * 1234 };
    bool halves_follow;
    float *one = malloc(COUNT * sizeof *one), *other = malloc(COUNT * sizeof *other);
    assert_true(one && other);
    double norm = made_step(1, one, COUNT, &halves_follow);
    assert_true(norm > 0 && halves_follow);
    for (int threads = 2; threads < 6; threads++) {
        assert_true(made_step(threads, other, COUNT, &halves_follow) == norm);
        assert_memory_equal(one, other, COUNT * sizeof *one);
        assert_true(halves_follow);
    }
    free(one);
    free(other);
}

static void test_small_gradients_are_not_scaled(void **state)
{
    (void)state;
    const struct parameter_shape shape = {"w", 1, {2}};
    lmvr_error error;
    struct parameters parameters;
    struct optimizer optimizer;
    parameters_init(&parameters, F32);
    struct parameter *p = add(&parameters, &shape, true);
    assert_int_equal(optimizer_init(&optimizer, &parameters, &error), LMVR_OK);
    p->gradient[0] = 3;
    p->gradient[1] = 4;
    assert_true(clip(&optimizer, 6) == 5 && p->gradient[0] == 3);
    assert_true(clip(&optimizer, 0) == 5 && p->gradient[0] == 3);
    assert_true(clip(&optimizer, 1) == 5 && fabsf(p->gradient[0] - 0.6f) < 1e-6f);
    p->gradient[1] = NAN;
    assert_true(isnan(clip(&optimizer, 1)));
    optimizer_finish(&optimizer);
    parameters_finish(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_torchs),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_small_gradients_are_not_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
