/* Images scaled to fit, and read back from the files they are written to. */
#include "cmocka_all.h"
#include "lab/figure/picture.h"

#include <stdlib.h>
#include <string.h>

static struct image slope(int width, int height)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    assert_non_null(image.rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.rgb + ((size_t)y * width + x) * 3;
            p[0] = (uint8_t)(255L * x / width);
            p[1] = (uint8_t)(255L * y / height);
            p[2] = 80;
        }
    return image;
}

static struct image decoded(const uint8_t *bytes, size_t size)
{
    struct image image;
    lmvr_error error;
    if (image_decode(bytes, size, "the file", &image, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return image;
}

static void a_png_comes_back_to_the_bit(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {37, 23}, {1, 500}, {300, 2}};
    for (size_t i = 0; i < 4; i++) {
        struct image image = slope(sizes[i][0], sizes[i][1]);
        uint8_t *bytes;
        size_t size;
        assert_int_equal(picture_png(&image, &bytes, &size, NULL), LMVR_OK);
        assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
        struct image back = decoded(bytes, size);
        assert_int_equal(back.width, image.width);
        assert_int_equal(back.height, image.height);
        assert_memory_equal(back.rgb, image.rgb, (size_t)image.width * image.height * 3);
        image_finish(&image);
        image_finish(&back);
        free(bytes);
    }
}

static void a_jpeg_comes_back_closely(void **state)
{
    (void)state;
    struct image image = slope(64, 48);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(picture_jpeg(&image, 95, &bytes, &size, NULL), LMVR_OK);
    struct image back = decoded(bytes, size);
    assert_int_equal(back.width, 64);
    assert_int_equal(back.height, 48);
    for (size_t i = 0; i < (size_t)64 * 48 * 3; i++)
        assert_true(abs(back.rgb[i] - image.rgb[i]) <= 12);
    image_finish(&image);
    image_finish(&back);
    free(bytes);
}

static void a_thumbnail_fits_and_is_not_enlarged(void **state)
{
    (void)state;
    static const int cases[][5] = {/* size, side, size */
                                   {400, 200, 100, 100, 50}, {200, 400, 100, 50, 100}, {60, 30, 100, 60, 30},
                                   {1, 1, 100, 1, 1},        {3000, 1, 64, 64, 1},     {1, 3000, 64, 1, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int format = THUMBNAIL_PNG; format <= THUMBNAIL_JPEG; format++) {
            struct image image = slope(cases[i][0], cases[i][1]);
            uint8_t *bytes;
            size_t size;
            assert_int_equal(thumbnail(&image, cases[i][2], (enum thumbnail_format)format, &bytes, &size, NULL), LMVR_OK);
            assert_memory_equal(bytes, format == THUMBNAIL_PNG ? "\x89PNG" : "\xFF\xD8\xFF\xE0", 4);
            struct image back = decoded(bytes, size);
            assert_int_equal(back.width, cases[i][3]);
            assert_int_equal(back.height, cases[i][4]);
            image_finish(&image);
            image_finish(&back);
            free(bytes);
        }
}

static void enlarging_is_for_those_who_ask(void **state)
{
    (void)state;
    struct image image = slope(10, 5), out;
    assert_int_equal(picture_fit(&image, 100, 100, true, &out, NULL), LMVR_OK);
    assert_int_equal(out.width, 100);
    assert_int_equal(out.height, 50);
    image_finish(&out);
    image_finish(&image);
}

/* Sizes that a format cannot hold are errors with a message; the pixels are never read. */
static void too_large_is_an_error(void **state)
{
    (void)state;
    struct image wide = slope(70000, 1);
    uint8_t *bytes;
    size_t size;
    lmvr_error error;
    assert_int_equal(picture_png(&wide, &bytes, &size, &error), LMVR_ERROR_INVALID);
    assert_null(bytes);
    assert_true(strlen(error.message) > 10);
    assert_int_equal(picture_jpeg(&wide, 90, &bytes, &size, &error), LMVR_ERROR_INPUT);
    assert_null(bytes);
    assert_non_null(strstr(error.message, "JPEG"));
    image_finish(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_png_comes_back_to_the_bit),
        cmocka_unit_test(a_jpeg_comes_back_closely),
        cmocka_unit_test(a_thumbnail_fits_and_is_not_enlarged),
        cmocka_unit_test(enlarging_is_for_those_who_ask),
        cmocka_unit_test(too_large_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
