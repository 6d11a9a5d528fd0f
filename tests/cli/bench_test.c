/* `lmvr bench --json`: what it says an image takes in the whole model is made of the parts that it has measured, and where. */
#include "bench_report.h"

#define POSITIONS (64 + 40) /* of the shape's prompt */

static void test_an_image_of_the_whole_model_is_the_sum_of_its_parts(void **state)
{
#ifdef __SANITIZE_ADDRESS__ /* half a minute of rows that the time of an image has too */
    skip();
#endif
    static const int batches[] = {1, 4}, groups[] = {1, 16};
    lmvr_error error;
    json_t *report;
    (void)state;
    assert_ended(lmvr("bench --shape tiny --layers 2 --device cpu --dtype f32 --quick --json"), 0, NULL);
    if (json_read("stdout", NULL, &report, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    const json_t *whole = json_object_get(report, "whole_model"), *images = json_object_get(whole, "images");
    assert_is(whole, "blocks", "4");
    assert_is(whole, "measured_blocks", "[2,1]");
    assert_is(whole, "new_tokens", "64");
    assert_is(whole, "extrapolated", "[\"prompt_s\",\"decode_s\",\"image_s\"]");
    assert_int_equal(json_array_size(images), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *image = json_array_get(images, i);
        double encode = number(image, "encode_s"), prompt = number(image, "prompt_s"), decode = number(image, "decode_s");
        assert_int_equal(json_integer_value(json_object_get(image, "batch")), batches[i]);
        assert_near(encode, 1 / speed(report, "encode", groups[i]));
        assert_near(prompt, POSITIONS / speed(report, "prompt", 1) + 2 * number(image, "prompt_block_s"));
        assert_near(decode, 64 / speed(report, "decode", batches[i]) + 2 * number(image, "decode_block_s"));
        assert_near(number(image, "image_s"), encode + prompt + decode);
    }
    json_decref(report);
}

/* Small models are measured whole; a dual encoder has no response. */
static void test_the_time_of_an_image_is_measured_in_each_type(void **state)
{
    static const char *const models[] = {"llava-old-f32", "clip-f32"}, *const types[] = {"f32", "bf16", "int8", "int4"};
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        lmvr_error error;
        json_t *report;
        assert_ended(lmvr("info --time --json -m " LMVR_TEST_DATA "/golden/%s", models[m]), 0, NULL);
        if (json_read("stdout", NULL, &report, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        const json_t *time = json_object_get(report, "time"), *images = json_object_get(time, "image");
        bool language = m == 0;
        assert_int_equal(json_integer_value(json_object_get(time, "new_tokens")), language ? 64 : 0);
        assert_int_equal(json_integer_value(json_object_get(time, "prompt_positions")) > 0, language);
        assert_true(json_equal(json_object_get(time, "blocks"), json_object_get(time, "measured_blocks")));
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            const json_t *image = json_object_get(images, types[t]);
            assert_true(number(image, "alone_s") > 0 && number(image, "at_batch_s") > 0);
            assert_true(json_integer_value(json_object_get(image, "batch")) > 1);
        }
        json_decref(report);
    }
}

static void test_what_is_measured_on_the_processor_takes_no_device(void **state)
{
    (void)state;
    assert_ended(lmvr("bench --corruptions --device cuda"), 2, "without --device");
    assert_ended(lmvr("bench --train --device cuda:all"), 2, "one device is used here, so it is cuda or cuda:N");
    assert_ended(lmvr("bench --train --device cpu --shape tiny"), 2, "the shape \"tiny\" cannot be trained");
    assert_ended(lmvr("bench --train --fast"), 2, "so without --fast");
}

static void test_types_that_a_measurement_does_not_have_are_refused(void **state)
{
    (void)state;
    assert_ended(lmvr("bench --train --dtype int8"), 2, "--train multiplies in f32 or bf16, so not with --dtype int8");
    assert_ended(lmvr("bench --train --dtype int4"), 2, "so not with --dtype int4");
    assert_ended(lmvr("bench --train --cache-dtype f32"), 2, "--train has no key-value cache");
    assert_ended(lmvr("bench --corruptions --cache-dtype int8"), 2, "of the other options it takes --json alone");
    assert_ended(lmvr("bench --train --mmproj some.gguf"), 2, "not without -m");
    assert_ended(lmvr("bench --shape tiny --mmproj some.gguf"), 2, "not without -m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_image_of_the_whole_model_is_the_sum_of_its_parts, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_what_is_measured_on_the_processor_takes_no_device, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_the_time_of_an_image_is_measured_in_each_type, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_types_that_a_measurement_does_not_have_are_refused, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
