#include "noise.h"

#include "image/picture.h"

#include <math.h>

enum { RESIZE = 1, CROP = 2, RESCALE = 4, NORMALIZE = 8 };

struct golden_case {
    int in_width, in_height, out_width, out_height;
    struct preprocess recipe;
    uint64_t hash;
};

static bool read_case(FILE *manifest, struct golden_case *c)
{
    struct preprocess *p = &c->recipe;
    int pad, filter, steps;
    preprocess_init_clip(p);
    if (fscanf(manifest, "%d %d %d %d %d %d %d %d %d %d %d %d %" SCNx64, &c->in_width, &c->in_height, &p->shortest_edge,
               &p->width, &p->height, &p->crop_width, &p->crop_height, &pad, &filter, &steps, &c->out_width, &c->out_height,
               &c->hash) != 13)
        return false;
    p->pad_to_square = pad;
    p->filter = (enum image_filter)filter;
    p->do_resize = steps & RESIZE;
    p->do_center_crop = steps & CROP;
    p->do_rescale = steps & RESCALE;
    p->do_normalize = steps & NORMALIZE;
    return true;
}

static float *preprocessed(const struct preprocess *p, const struct image *in, int *width, int *height)
{
    lmvr_error error;
    preprocess_output_size(p, in->width, in->height, width, height);
    float *pixels = malloc((size_t)*width * *height * 3 * sizeof *pixels);
    assert_non_null(pixels);
    if (preprocess_image(p, in, pixels, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return pixels;
}

static void expect_a_picture_of_one_view(const struct preprocess *p, const struct image *in, int width, int height,
                                         const float *pixels)
{
    struct picture picture;
    lmvr_error error;
    double area[4];
    if (preprocess_picture(p, in, &picture, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    preprocess_view(p, in->width, in->height, area);
    assert_int_equal(picture.view_count, 1);
    assert_true(picture.width == in->width && picture.height == in->height);
    assert_true(picture.tile_rows == 0 && picture.tile_columns == 0);
    const struct view *view = &picture.views[0];
    assert_true(view->width == width && view->height == height && view->row == -1 && view->column == -1);
    assert_memory_equal(view->area, area, sizeof area);
    assert_int_equal(picture.pixel_count, (size_t)width * height * 3);
    assert_memory_equal(picture.pixels + view->first, pixels, picture.pixel_count * sizeof *pixels);
    picture_finish(&picture);
}

static void test_the_tensor_is_transformers_to_the_last_bit(void **state)
{
    (void)state;
    FILE *manifest = golden_manifest("preprocess.txt");
    struct golden_case c;
    int cases = 0, width, height;
    for (; read_case(manifest, &c); cases++) {
        struct image in = noise(c.in_width, c.in_height);
        float *pixels = preprocessed(&c.recipe, &in, &width, &height);
        assert_int_equal(width, c.out_width);
        assert_int_equal(height, c.out_height);
        if (hash_bytes(HASH_START, pixels, (size_t)width * height * 3 * sizeof *pixels) != c.hash)
            fail_msg("case %d, %d x %d to %d x %d, differs", cases + 1, c.in_width, c.in_height, width, height);
        expect_a_picture_of_one_view(&c.recipe, &in, width, height, pixels);
        free(pixels);
        image_finish(&in);
    }
    fclose(manifest);
    assert_true(cases > 90);
}

static void test_the_default_is_clip(void **state)
{
    (void)state;
    struct preprocess p;
    int width, height;
    preprocess_init_clip(&p);
    preprocess_output_size(&p, 500, 375, &width, &height);
    assert_int_equal(width, 224);
    assert_int_equal(height, 224);
    p.do_center_crop = false;
    preprocess_output_size(&p, 500, 375, &width, &height);
    assert_int_equal(width, 298); /* 298.67, cut off */
    assert_int_equal(height, 224);
}

/* A line of 200,000 pixels would be 45 million wide after resizing; only the crop may ever be computed. */
static void test_an_elongated_image_takes_little_memory(void **state)
{
    (void)state;
    struct image in = noise(200000, 1);
    struct preprocess p;
    int width, height;
    preprocess_init_clip(&p);
    for (int pad = 0; pad < 2; pad++) {
        p.pad_to_square = pad;
        float *pixels = preprocessed(&p, &in, &width, &height);
        assert_true(isfinite(pixels[0]) && isfinite(pixels[3 * width * height - 1]));
        free(pixels);
    }
    image_finish(&in);
}

static void test_an_image_too_elongated_for_its_sizes_is_refused(void **state)
{
    (void)state;
    struct image in = noise(10000000, 1);
    struct preprocess p;
    lmvr_error error;
    float *pixels = calloc(3 * 224 * 224, sizeof *pixels);
    preprocess_init_clip(&p);
    assert_int_equal(preprocess_image(&p, &in, pixels, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, "an image of 10000000 x 1 pixels is too elongated to be resized");
    p.pad_to_square = true;
    assert_int_equal(preprocess_image(&p, &in, pixels, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, "an image of 10000000 x 1 pixels is too elongated to be resized");
    free(pixels);
    image_finish(&in);
}

static void test_the_input_is_not_changed(void **state)
{
    (void)state;
    struct image in = noise(31, 17), same = noise(31, 17);
    struct preprocess p;
    int width, height;
    preprocess_init_clip(&p);
    p.pad_to_square = true;
    free(preprocessed(&p, &in, &width, &height));
    assert_memory_equal(in.rgb, same.rgb, image_size(&in));
    image_finish(&in);
    image_finish(&same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tensor_is_transformers_to_the_last_bit),
        cmocka_unit_test(test_the_default_is_clip),
        cmocka_unit_test(test_an_elongated_image_takes_little_memory),
        cmocka_unit_test(test_an_image_too_elongated_for_its_sizes_is_refused),
        cmocka_unit_test(test_the_input_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
