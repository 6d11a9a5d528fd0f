/* Position tables resized for another input size, compared with transformers. */
#include "cmocka_all.h"

#include "format/safetensors.h"
#include "vision/patches.h"

#include <stdio.h>
#include <stdlib.h>

#define SIDE  3
#define WIDTH 5

/* malloc'ed */
static float *read_tensor(const struct safetensors *file, const char *name, size_t count)
{
    const struct safetensors_entry *entry = safetensors_find(file, name);
    float *values = malloc(count * sizeof *values);
    lmvr_error error;
    assert_true(entry && values);
    assert_int_equal(entry->size, count * sizeof *values);
    assert_int_equal(safetensors_read_f32(file, entry, 0, count, values, &error), LMVR_OK);
    return values;
}

static void test_positions_are_interpolated_as_transformers_does(void **state)
{
    (void)state;
    static const int sides[] = {2, 3, 4, 7};
    struct safetensors *golden;
    lmvr_error error;
    assert_int_equal(safetensors_open(LMVR_TEST_DATA "/golden/positions/positions.safetensors", &golden, &error), LMVR_OK);
    float *table = read_tensor(golden, "table", (1 + SIDE * SIDE) * WIDTH);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        char name[32];
        size_t count = (size_t)(1 + sides[i] * sides[i]) * WIDTH;
        float resized[(1 + 7 * 7) * WIDTH];
        snprintf(name, sizeof name, "resized/%d", sides[i]);
        float *expected = read_tensor(golden, name, count);
        patches_resize_positions(table, SIDE, sides[i], WIDTH, resized);
        for (size_t j = 0; j < count; j++)
            assert_float_equal(resized[j], expected[j], 2e-6);
        free(expected);
    }
    free(table);
    safetensors_close(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_are_interpolated_as_transformers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
