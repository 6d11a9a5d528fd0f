/* A filter changes what the model sees, and nothing else. */
#include "cmocka_all.h"
#include "error.h"
#include "image/image.h"
#include "lmvr.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE LMVR_TEST_DATA "/golden/images/gradient.jpg"

static lmvr_status invert(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    (void)index;
    (void)hash;
    (void)user;
    (void)error;
    for (int i = 0; i < 3 * pixels->width * pixels->height; i++)
        pixels->rgb[i] = (uint8_t)~pixels->rgb[i];
    return LMVR_OK;
}

static lmvr_status replace_by_gray(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    uint8_t gray[3 * 5 * 7];
    (void)index;
    *(uint64_t *)user = hash;
    memset(gray, 128, sizeof gray);
    lmvr_status status = lmvr_pixels_replace(pixels, 5, 7, gray, error);
    assert_true(pixels->width == 5 && pixels->height == 7 && pixels->rgb != gray);
    assert_memory_equal(pixels->rgb, gray, sizeof gray);
    return status;
}

/* As this is part of a program of its own, whose allocator may be another. */
static lmvr_status pretend_to_replace(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    static uint8_t own[3];
    (void)index;
    (void)hash;
    (void)user;
    (void)error;
    *pixels = (lmvr_pixels){1, 1, own};
    return LMVR_OK;
}

static lmvr_status fail_first(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    (void)pixels;
    (void)hash;
    (void)user;
    return index == 0 ? error_set(error, LMVR_ERROR_INVALID, "this one not") : LMVR_OK;
}

struct kept {
    float row[32];
    int good, bad;
};

static int keep(const lmvr_result *result, void *user)
{
    struct kept *kept = user;
    if (result->status == LMVR_OK) {
        memcpy(kept->row, result->features[0], sizeof kept->row);
        kept->good++;
    } else {
        assert_int_equal(result->status, LMVR_ERROR_INPUT);
        assert_non_null(strstr(result->error, ".jpg: this one not"));
        kept->bad++;
    }
    return 0;
}

static struct kept embed(lmvr_filter_fn *filter, void *user, const lmvr_image *images, size_t count)
{
    static const char *const features[] = {"encoder:cls"};
    struct kept kept = {.good = 0};
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_error error = {{0}};
    if (lmvr_model_open(LMVR_TEST_DATA "/golden/llava-odd-f32", LMVR_DTYPE_F32, 0, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = 1;
    options.filter = filter;
    options.filter_user = user;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK ||
        lmvr_embed(session, images, count, keep, &kept, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    lmvr_session_free(session);
    lmvr_model_free(model);
    return kept;
}

static void the_model_sees_what_the_filter_made(void **state)
{
    (void)state;
    lmvr_error error;
    struct image image;
    uint64_t hash;
    lmvr_image file = {.path = IMAGE};
    assert_int_equal(image_read(IMAGE, &image, &hash, &error), LMVR_OK);
    lmvr_image pixels = {.rgb = image.rgb, .width = image.width, .height = image.height};
    struct kept filtered = embed(invert, NULL, &file, 1), of_pixels = embed(invert, NULL, &pixels, 1);
    lmvr_pixels view = {image.width, image.height, image.rgb};
    invert(&view, 0, 0, NULL, NULL); /* the filter did not change the caller's pixels */
    struct kept inverted = embed(NULL, NULL, &pixels, 1), plain = embed(NULL, NULL, &file, 1);
    assert_memory_equal(filtered.row, inverted.row, sizeof filtered.row);
    assert_memory_equal(of_pixels.row, inverted.row, sizeof filtered.row);
    assert_memory_not_equal(plain.row, inverted.row, sizeof filtered.row);
    image_finish(&image);
}

static void a_filter_may_put_other_pixels_there_and_knows_the_bytes_hash(void **state)
{
    (void)state;
    lmvr_error error;
    struct image image;
    uint64_t expected, hash = 0;
    uint8_t gray[3 * 5 * 7];
    memset(gray, 128, sizeof gray);
    lmvr_image file = {.path = IMAGE}, pixels = {.rgb = gray, .width = 5, .height = 7};
    struct kept replaced = embed(replace_by_gray, &hash, &file, 1), plain = embed(NULL, NULL, &pixels, 1);
    assert_memory_equal(replaced.row, plain.row, sizeof plain.row);
    assert_int_equal(image_read(IMAGE, &image, &expected, &error), LMVR_OK);
    assert_true(hash == expected);
    image_finish(&image);
}

static void pixels_that_a_filter_does_not_hand_over_are_not_taken(void **state)
{
    (void)state;
    lmvr_image file = {.path = IMAGE};
    struct kept pretended = embed(pretend_to_replace, NULL, &file, 1), plain = embed(NULL, NULL, &file, 1);
    assert_memory_equal(pretended.row, plain.row, sizeof plain.row);
}

static void a_filter_that_fails_fails_its_image_alone(void **state)
{
    (void)state;
    lmvr_image files[] = {{.path = IMAGE}, {.path = IMAGE}, {.path = IMAGE}};
    struct kept kept = embed(fail_first, NULL, files, 3);
    assert_int_equal(kept.good, 2);
    assert_int_equal(kept.bad, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_sees_what_the_filter_made),
        cmocka_unit_test(a_filter_may_put_other_pixels_there_and_knows_the_bytes_hash),
        cmocka_unit_test(pixels_that_a_filter_does_not_hand_over_are_not_taken),
        cmocka_unit_test(a_filter_that_fails_fails_its_image_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
