/* Images side by side: where each is, what is below it, and how many fit. */
#include "cmocka_all.h"
#include "lab/figure/comparison.h"

#include <stdlib.h>
#include <string.h>

static struct image plain(int width, int height, int gray)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    assert_non_null(image.rgb);
    memset(image.rgb, gray, (size_t)width * height * 3);
    return image;
}

static void add(struct comparison *c, int width, int height, int gray, const char *response, bool new_row)
{
    struct image image = plain(width, height, gray);
    lmvr_error error;
    if (comparison_add(c, &image, "title", response, new_row, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    image_finish(&image);
}

static struct image drawn(const struct comparison *c)
{
    uint8_t *png;
    size_t size;
    struct image image;
    lmvr_error error;
    if (comparison_draw(c, &png, &size, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    if (image_decode(png, size, "the sheet", &image, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    free(png);
    return image;
}

static int gray_at(const struct image *image, int x, int y)
{
    assert_in_range(x, 0, image->width - 1);
    assert_in_range(y, 0, image->height - 1);
    return image->rgb[3 * ((size_t)y * image->width + x)];
}

/* The number of pixels in a rectangle that are not white. */
static int ink(const struct image *image, int left, int top, int width, int height)
{
    int count = 0;
    for (int y = top; y < top + height && y < image->height; y++)
        for (int x = left; x < left + width; x++)
            count += gray_at(image, x, y) < 200;
    return count;
}

/* Margins of 28, columns of 420, gaps of 24. */
static void test_two_stand_side_by_side_with_text_below(void **state)
{
    (void)state;
    struct comparison c = {.columns = 2};
    add(&c, 224, 224, 60, "A dog.", true);
    add(&c, 224, 112, 120, "A dog and a cat, which sleeps on a red sofa beside a window, and five more cats.", false);
    struct image sheet = drawn(&c);
    assert_int_equal(sheet.width, 28 + 420 + 24 + 420 + 28);
    assert_int_equal(gray_at(&sheet, 28 + 210, 28 + 210), 60);
    assert_int_equal(gray_at(&sheet, 28 + 420 + 24 + 210, 28 + 419), 120); /* on the bottom of its row */
    assert_int_equal(gray_at(&sheet, 28 + 420 + 24 + 210, 28 + 100), 255);
    assert_true(ink(&sheet, 28, 448, 420, 100) > 100);
    assert_true(ink(&sheet, 28 + 444, 480, 420, 100) > ink(&sheet, 28, 480, 420, 100));
    image_finish(&sheet);
    comparison_finish(&c);
}

static void test_a_new_row_begins_where_it_is_asked_for_or_the_last_is_full(void **state)
{
    (void)state;
    struct comparison c = {.columns = 2};
    add(&c, 10, 10, 0, "", true);
    add(&c, 10, 10, 0, "", false);
    add(&c, 10, 10, 0, "", false);
    add(&c, 10, 10, 0, "", true);
    static const int places[4][2] = {{0, 0}, {0, 1}, {1, 0}, {2, 0}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c.panels[i].row, places[i][0]);
        assert_int_equal(c.panels[i].column, places[i][1]);
    }
    comparison_finish(&c);
}

/* The largest possible sheet: every panel as high, and every response as long, as they can be. */
static void test_the_largest_sheet_can_be_drawn(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int columns = 1; columns <= COMPARISON_MOST_COLUMNS; columns += 4) {
        struct comparison c = {.columns = columns};
        lmvr_error error;
        for (int i = 0; i < COMPARISON_MOST_ROWS; i++)
            add(&c, 100, 3000, 90, text, true);
        struct image sheet = drawn(&c), one = plain(1, 1, 0);
        assert_true(sheet.height > 32 * 400 && sheet.height < 32767);
        assert_int_equal(comparison_add(&c, &one, "", "", true, &error), LMVR_ERROR_INVALID);
        assert_string_equal(error.message, "a sheet has room for 32 rows of images");
        image_finish(&one);
        image_finish(&sheet);
        comparison_finish(&c);
    }
}

static void test_no_picture_is_an_error(void **state)
{
    (void)state;
    struct comparison c = {.columns = 2};
    uint8_t *png;
    size_t size;
    lmvr_error error;
    assert_int_equal(comparison_draw(&c, &png, &size, &error), LMVR_ERROR_INVALID);
    assert_null(png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_stand_side_by_side_with_text_below),
        cmocka_unit_test(test_a_new_row_begins_where_it_is_asked_for_or_the_last_is_full),
        cmocka_unit_test(test_the_largest_sheet_can_be_drawn),
        cmocka_unit_test(test_no_picture_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
