/* A folder written by `lmvr train instruct --lora --save-dtype bf16`, and what transformers computes with it
 * (tests/golden/train/README.md). */
#include "train_made.h"

#include <math.h>

#define WRITTEN LMVR_TEST_DATA "/golden/train/written"
#define IMAGES  LMVR_TEST_DATA "/golden/images"
#define HEADER  128 /* bytes before a .npy's rows */

static int open_reference(void **state)
{
    *state = open_json(WRITTEN ".ref/reference.json");
    return 0;
}

static int close_reference(void **state)
{
    json_decref(*state);
    remove_tree("out");
    return 0;
}

static void test_the_loss_is_transformers(void **state)
{
    double loss, reference = json_real_value(json_object_get(*state, "loss"));
    assert_ended(lmvr("train instruct" NUMBERS "-m " WRITTEN " --data " WRITTEN ".ref/llava.json --images " IMAGES
                      " --batch 3 --steps 1 -o out"),
                 0, NULL);
    assert_int_equal(count_steps("out/loss.csv", &loss), 1);
    if (!(reference > 1 && fabs(loss - reference) < 1e-5 * reference))
        fail_msg("the loss is %.9g, not %.9g", loss, reference);
}

static void test_the_features_are_transformers(void **state)
{
    const json_t *images = json_object_get(*state, "images"), *features = json_object_get(*state, "features");
    double wrong = 0, all = 0;
    size_t size, rows = json_array_size(features), width = json_array_size(json_array_get(features, 0));
    assert_int_equal(json_array_size(images), 3);
    assert_ended(lmvr("embed --threads 1 --dtype f32 -q -m " WRITTEN " --before-generation -o out " IMAGES "/%s " IMAGES
                      "/%s " IMAGES "/%s",
                      json_string_value(json_array_get(images, 0)), json_string_value(json_array_get(images, 1)),
                      json_string_value(json_array_get(images, 2))),
                 0, NULL);
    char *bytes = read_bytes("out/llm_all_mean_-1.npy", &size);
    assert_non_null(bytes);
    assert_int_equal(size, HEADER + rows * width * sizeof(float));
    for (size_t i = 0; i < rows * width; i++) {
        double expected = json_real_value(json_array_get(json_array_get(features, i / width), i % width));
        float value;
        memcpy(&value, bytes + HEADER + i * sizeof value, sizeof value);
        wrong += (value - expected) * (value - expected);
        all += expected * expected;
    }
    free(bytes);
    assert_true(all > 0);
    if (!(wrong <= 1e-10 * all))
        fail_msg("the features are off by %.3g of their length", sqrt(wrong / all));
}

static int enter_scratch(void **state)
{
    (void)state;
    return mkdtemp(made) ? chdir(made) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_loss_is_transformers, open_reference, close_reference),
        cmocka_unit_test_setup_teardown(test_the_features_are_transformers, open_reference, close_reference),
    };
    return cmocka_run_group_tests(tests, enter_scratch, remove_parts);
}
