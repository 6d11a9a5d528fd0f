/* Stacked tensors are contiguous, and the rounded copy follows the value. */
#include "cmocka_all.h"

#include "train/tape/parameter.h"

#include <stdlib.h>
#include <string.h>

static struct parameter *add(struct parameters *parameters, const struct parameter_shape *shapes, int count, bool trained)
{
    struct parameter *parameter;
    lmvr_error error;
    if (parameters_add(parameters, shapes, count, trained, &parameter, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return parameter;
}

static void test_tensors_are_stacked(void **state)
{
    (void)state;
    const struct parameter_shape matrices[] = {{"q", 2, {4, 3}}, {"k", 2, {2, 3}}, {"v", 2, {2, 3}}};
    const struct parameter_shape vectors[] = {{"q.bias", 1, {4}}, {"k.bias", 1, {2}}};
    const struct parameter_shape others[] = {{"patches", 4, {8, 3, 2, 2}}, {"scale", 0, {0}}};
    struct parameters parameters;
    parameters_init(&parameters, F32);
    struct parameter *matrix = add(&parameters, matrices, 3, true), *vector = add(&parameters, vectors, 2, true);
    struct parameter *patches = add(&parameters, &others[0], 1, false), *scalar = add(&parameters, &others[1], 1, true);
    assert_int_equal(matrix->rows, 8);
    assert_int_equal(matrix->columns, 3);
    assert_int_equal(matrix->parts[1].first, 12);
    assert_int_equal(matrix->parts[1].count, 6);
    assert_string_equal(matrix->parts[2].name, "v");
    assert_int_equal(vector->rows, 1);
    assert_int_equal(vector->columns, 6);
    assert_int_equal(vector->parts[1].first, 4);
    assert_int_equal(patches->rows, 8);
    assert_int_equal(patches->columns, 12);
    assert_int_equal(scalar->rows * scalar->columns, 1);
    assert_true(matrix->decays && patches->decays && !vector->decays && !scalar->decays);
    assert_true(matrix->gradient && !patches->gradient && patches->value && !matrix->half);
    assert_int_equal(parameters_size(&parameters, true), 24 + 6 + 1);
    assert_int_equal(parameters_size(&parameters, false), 24 + 6 + 1 + 96);
    parameters_finish(&parameters);
}

static void test_rounded_copies_follow(void **state)
{
    (void)state;
    const struct parameter_shape matrix = {"w", 2, {2, 2}}, vector = {"b", 1, {2}};
    const float values[] = {1.0f, 1.00390625f, -0.1f};
    float read[4];
    struct parameters parameters;
    parameters_init(&parameters, BF16);
    struct parameter *trained = add(&parameters, &matrix, 1, true), *frozen = add(&parameters, &matrix, 1, false);
    struct parameter *bias = add(&parameters, &vector, 1, false);
    assert_true(trained->value && trained->half && !frozen->value && frozen->half && bias->value && !bias->half);
    parameter_set(trained, 1, 3, values);
    parameter_set(frozen, 1, 3, values);
    parameter_get(trained, 0, 4, read);
    assert_memory_equal(read + 1, values, sizeof values);
    assert_true(read[0] == 0);
    parameter_get(frozen, 0, 4, read);
    for (int i = 0; i < 3; i++) {
        assert_true(read[i + 1] == bf16_to_f32(bf16_from_f32(values[i])));
        assert_int_equal(trained->half[i + 1], bf16_from_f32(values[i]));
    }
    trained->value[0] = 3;
    trained->gradient[2] = 1;
    parameter_round(trained);
    parameters_clear(&parameters);
    assert_int_equal(trained->half[0], bf16_from_f32(3));
    assert_true(trained->gradient[2] == 0);
    parameters_finish(&parameters);
}

static void test_too_large_is_an_error(void **state)
{
    (void)state;
    const struct parameter_shape shape = {"huge", 3, {INT64_MAX / 2, 3, 4}};
    struct parameters parameters;
    struct parameter *parameter;
    lmvr_error error = {{0}};
    parameters_init(&parameters, F32);
    assert_int_equal(parameters_add(&parameters, &shape, 1, true, &parameter, &error), LMVR_ERROR_RESOURCE);
    assert_null(parameter);
    assert_non_null(strstr(error.message, "huge"));
    parameters_finish(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_are_stacked),
        cmocka_unit_test(test_rounded_copies_follow),
        cmocka_unit_test(test_too_large_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
