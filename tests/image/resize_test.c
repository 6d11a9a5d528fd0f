#include "noise.h"

#include "image/resize.h"

static struct image resized(const struct image *in, int width, int height, enum image_filter filter)
{
    struct image out;
    lmvr_error error;
    if (image_resize(in, width, height, filter, &out, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(out.width, width);
    assert_int_equal(out.height, height);
    return out;
}

static void test_resizing_is_pillow_s_to_the_last_bit(void **state)
{
    (void)state;
    FILE *manifest = golden_manifest("resize.txt");
    int width, height, new_width, new_height, filter, cases = 0;
    uint64_t expected;
    for (; fscanf(manifest, "%d %d %d %d %d %" SCNx64, &width, &height, &new_width, &new_height, &filter, &expected) == 6;
         cases++) {
        struct image in = noise(width, height), out = resized(&in, new_width, new_height, (enum image_filter)filter);
        if (hash_bytes(HASH_START, out.rgb, image_size(&out)) != expected)
            fail_msg("%d x %d to %d x %d by filter %d differs", width, height, new_width, new_height, filter);
        image_finish(&in);
        image_finish(&out);
    }
    fclose(manifest);
    assert_true(cases > 300);
}

/* Every crop of a resized image equals that part of the whole: preprocessing computes only the crop. */
static void test_a_window_shows_what_the_whole_would(void **state)
{
    (void)state;
    struct image in = noise(30, 17);
    struct canvas canvas = {.image = &in, .width = 40, .height = 41, .left = 5, .top = 12, .fill = {200, 100, 50}};
    struct image full = {40, 41, malloc(40 * 41 * 3)};
    assert_non_null(full.rgb);
    canvas_copy(&canvas, &(struct window){0, 0, full.width, full.height}, full.rgb, (size_t)full.width * 3);
    static const struct window windows[] = {{0, 0, 1, 1}, {3, 4, 9, 11}, {0, 5, 21, 1}, {20, 22, 1, 1}, {7, 0, 2, 23}};
    for (enum image_filter filter = FILTER_NEAREST; filter <= FILTER_HAMMING; filter++)
        for (int turn = 0; turn < 2; turn++) {
            int width = turn ? 60 : 21, height = turn ? 25 : 23;
            struct image whole = resized(&full, width, height, filter);
            for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
                const struct window *w = &windows[i];
                uint8_t part[23 * 21 * 3];
                size_t stride = (size_t)w->width * 3;
                assert_int_equal(resize_window(&canvas, width, height, filter, w, part, stride, NULL), LMVR_OK);
                for (int y = 0; y < w->height; y++)
                    assert_memory_equal(part + y * stride, whole.rgb + ((size_t)(w->y + y) * width + w->x) * 3, stride);
            }
            image_finish(&whole);
        }
    image_finish(&in);
    image_finish(&full);
}

/* A line in the middle of a square: of some filters and sizes no output sees any of it. */
static void expect_line_on_canvas(int width, int height, enum image_filter filter, int side)
{
    struct image in = noise(width, height), full = {61, 61, malloc(61 * 61 * 3)};
    struct canvas canvas = {
        .image = &in, .width = 61, .height = 61, .left = (61 - width) / 2, .top = (61 - height) / 2, .fill = {9, 200, 100}};
    uint8_t part[40 * 40 * 3];
    assert_non_null(full.rgb);
    canvas_copy(&canvas, &(struct window){0, 0, 61, 61}, full.rgb, 61 * 3);
    struct image whole = resized(&full, side, side, filter);
    assert_int_equal(resize_window(&canvas, side, side, filter, &(struct window){0, 0, side, side}, part, side * 3, NULL),
                     LMVR_OK);
    assert_memory_equal(part, whole.rgb, image_size(&whole));
    image_finish(&in);
    image_finish(&full);
    image_finish(&whole);
}

static void test_a_line_on_a_canvas_is_resized_as_the_canvas_would_be(void **state)
{
    (void)state;
    for (enum image_filter filter = FILTER_NEAREST; filter <= FILTER_HAMMING; filter++)
        for (int side = 1; side <= 40; side++) {
            expect_line_on_canvas(61, 1, filter, side);
            expect_line_on_canvas(1, 61, filter, side);
            expect_line_on_canvas(1, 1, filter, side);
        }
}

static void test_the_same_size_is_a_copy(void **state)
{
    (void)state;
    struct image in = noise(19, 23);
    for (enum image_filter filter = FILTER_NEAREST; filter <= FILTER_HAMMING; filter++) {
        struct image out = resized(&in, 19, 23, filter);
        assert_memory_equal(in.rgb, out.rgb, image_size(&in));
        image_finish(&out);
    }
    image_finish(&in);
}

static void test_no_size_is_an_error(void **state)
{
    (void)state;
    struct image in = noise(2, 2), out;
    lmvr_error error;
    assert_int_equal(image_resize(&in, 0, 5, FILTER_BICUBIC, &out, &error), LMVR_ERROR_INPUT);
    assert_int_equal(image_resize(&in, 5, -1, FILTER_BICUBIC, &out, &error), LMVR_ERROR_INPUT);
    assert_null(out.rgb);
    image_finish(&in);
}

static void test_a_side_beyond_exact_coordinates_is_an_error(void **state)
{
    (void)state;
    struct image in = {(1 << 24) + 1, 1, NULL}, out; /* refused before reading a pixel */
    lmvr_error error;
    assert_int_equal(image_resize(&in, 5, 5, FILTER_BICUBIC, &out, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, "an image with a side of more than 16777216 pixels");
    assert_null(out.rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resizing_is_pillow_s_to_the_last_bit),
        cmocka_unit_test(test_a_window_shows_what_the_whole_would),
        cmocka_unit_test(test_a_line_on_a_canvas_is_resized_as_the_canvas_would_be),
        cmocka_unit_test(test_the_same_size_is_a_copy),
        cmocka_unit_test(test_no_size_is_an_error),
        cmocka_unit_test(test_a_side_beyond_exact_coordinates_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
