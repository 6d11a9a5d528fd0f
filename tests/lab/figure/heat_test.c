/* Heat maps: their colors, and that heat is drawn where its cell is. */
#include "cmocka_all.h"
#include "lab/figure/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct image plain(int width, int height, int gray)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    assert_non_null(image.rgb);
    memset(image.rgb, gray, (size_t)width * height * 3);
    return image;
}

static const uint8_t *pixel(const struct image *image, int x, int y)
{
    return image->rgb + ((size_t)y * image->width + x) * 3;
}

static struct image overlaid(const struct image *image, const struct heat *heat)
{
    struct image out;
    lmvr_error error;
    if (heat_overlay(image, heat, &out, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(out.width, image->width);
    assert_int_equal(out.height, image->height);
    return out;
}

/* ---- colors ---- */

static double linear(uint8_t value)
{
    double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* CIE lightness, from a different color model than the one that the colors are computed in. */
static double lightness(const uint8_t rgb[3])
{
    double y = 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
    return 116 * cbrt(y) - 16;
}

static void colors_get_lighter_evenly(void **state)
{
    (void)state;
    uint8_t colors[HEAT_COLORS][3];
    heat_colors(colors);
    double first = lightness(colors[0]), last = lightness(colors[HEAT_COLORS - 1]);
    assert_true(first < 20 && last > 90);
    for (int i = 0; i < HEAT_COLORS; i++) {
        double even = first + (last - first) * i / (HEAT_COLORS - 1);
        assert_true(fabs(lightness(colors[i]) - even) < 12);
        if (i >= 8)
            assert_true(lightness(colors[i]) > lightness(colors[i - 8]) + 0.5);
        for (int c = 0; c < 3 && i > 0; c++)
            assert_true(abs(colors[i][c] - colors[i - 1][c]) <= 8); /* no jump */
    }
}

/* ---- places ---- */

/* How much a pixel differs from the same image without heat. */
static int heat_at(const struct image *with, const struct image *without, int x, int y)
{
    int sum = 0;
    for (int c = 0; c < 3; c++)
        sum += abs(pixel(with, x, y)[c] - pixel(without, x, y)[c]);
    return sum;
}

/* One hot cell of a 4 x 4 grid: heat is strongest at its center in the image, and there is none a cell away. */
static void assert_lands(int width, int height, lmvr_view view, int row, int column)
{
    float weights[16] = {0}, zeros[16] = {0};
    weights[row * 4 + column] = 0.3f;
    struct image gray = plain(width, height, 120);
    struct heat hot = {weights, 4, 4, view}, cold = {zeros, 4, 4, view};
    struct image with = overlaid(&gray, &hot), without = overlaid(&gray, &cold);
    double x = view.x + (column + 0.5) * view.width / 4, y = view.y + (row + 0.5) * view.height / 4;
    double sum = 0, sum_x = 0, sum_y = 0;
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++) {
            int heat = heat_at(&with, &without, i, j);
            bool near = fabs(i + 0.5 - x) < view.width / 4 && fabs(j + 0.5 - y) < view.height / 4;
            if (heat > 0 && !near)
                fail_msg("heat at (%d, %d), far from (%g, %g)", i, j, x, y);
            sum += heat;
            sum_x += heat * (i + 0.5);
            sum_y += heat * (j + 0.5);
        }
    assert_true(sum > 0);
    assert_true(fabs(sum_x / sum - x) < 0.1 && fabs(sum_y / sum - y) < 0.1);
    struct heat_peak peak = heat_peak(&hot, width, height);
    assert_int_equal(peak.row, row);
    assert_int_equal(peak.column, column);
    assert_true(peak.x == x && peak.y == y && peak.weight == 0.3f);
    image_finish(&gray);
    image_finish(&with);
    image_finish(&without);
}

static void a_hot_cell_lands_where_it_was_seen(void **state)
{
    (void)state;
    for (int row = 1; row <= 2; row++)
        for (int column = 1; column <= 2; column++) {
            assert_lands(96, 96, (lmvr_view){0, 0, 96, 96}, row, column);      /* a square */
            assert_lands(200, 96, (lmvr_view){52, 0, 96, 96}, row, column);    /* the center of a wide image */
            assert_lands(96, 144, (lmvr_view){0, 24, 96, 96}, row, column);    /* and of a tall one */
            assert_lands(160, 80, (lmvr_view){0, 0, 160, 80}, row, column);    /* stretched */
            assert_lands(61, 83, (lmvr_view){0, 0, 61, 83}, row, column);      /* odd sizes */
            assert_lands(160, 150, (lmvr_view){0, -5, 160, 160}, row, column); /* padded above and below */
        }
}

/* What the model did not see looks the same whatever the map. */
static void outside_the_view_there_is_no_heat(void **state)
{
    (void)state;
    float weights[4] = {1, 2, 3, 4}, zeros[4] = {0};
    struct image gray = plain(60, 20, 100);
    struct heat hot = {weights, 2, 2, {20, 0, 20, 20}}, cold = {zeros, 2, 2, {20, 0, 20, 20}};
    struct image with = overlaid(&gray, &hot), without = overlaid(&gray, &cold);
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 60; x++) {
            bool inside = x >= 20 && x < 40;
            assert_int_equal(pixel(&without, x, y)[0] > 150, !inside);
            if (!inside)
                assert_int_equal(heat_at(&with, &without, x, y), 0);
        }
    assert_true(heat_at(&with, &without, 39, 19) > 0);
    image_finish(&gray);
    image_finish(&with);
    image_finish(&without);
}

/* Cells in the padding are ignored, both for the colors and for the peak. */
static void padding_does_not_count(void **state)
{
    (void)state;
    float weights[16] = {9, 9, 9, 9, 0, 0.1f, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9};
    struct heat heat = {weights, 4, 4, {0, -10, 40, 40}};
    struct heat_peak peak = heat_peak(&heat, 40, 20);
    float low, high;
    assert_int_equal(peak.row, 1);
    assert_int_equal(peak.column, 1);
    assert_true(peak.x == 15 && peak.y == 5);
    heat_range(&heat, 40, 20, &low, &high);
    assert_true(low == 0 && high <= 0.1f);
    heat.view.y = -1000; /* no cell's center is visible: then all count */
    assert_true(heat_peak(&heat, 40, 20).weight == 9);
}

static void a_few_large_weights_leave_color_to_the_others(void **state)
{
    (void)state;
    float weights[400], low, high;
    for (int i = 0; i < 400; i++)
        weights[i] = (float)i / 400;
    weights[7] = 5;
    struct heat heat = {weights, 20, 20, {0, 0, 20, 20}};
    heat_range(&heat, 20, 20, &low, &high);
    assert_true(low == 0 && high > 0.95f && high < 1);
    weights[7] = 1000; /* but not without limit */
    heat_range(&heat, 20, 20, &low, &high);
    assert_true(high == 100);
}

/* Interpolation stays between its neighbors: with cells of two values nothing is hotter than the hot one. */
static void interpolation_does_not_overshoot(void **state)
{
    (void)state;
    float checks[36];
    for (int i = 0; i < 36; i++)
        checks[i] = (i / 6 + i % 6) % 3 == 0 ? 1 : 0;
    float ones[36];
    for (int i = 0; i < 36; i++)
        ones[i] = i ? 1 : 0;
    struct image black = plain(120, 120, 0);
    struct heat heat = {checks, 6, 6, {0, 0, 120, 120}}, hot = {ones, 6, 6, {0, 0, 120, 120}};
    struct image out = overlaid(&black, &heat), most = overlaid(&black, &hot);
    const uint8_t *hottest = pixel(&most, 119, 119);
    for (int row = 0; row < 6; row++)
        for (int column = 0; column < 6; column++)
            if (checks[row * 6 + column] > 0) /* it is exact at centers, which lie between four pixels */
                assert_true(abs(pixel(&out, column * 20 + 10, row * 20 + 10)[1] - hottest[1]) <= 6);
    for (int y = 0; y < 120; y++)
        for (int x = 0; x < 120; x++)
            assert_true(pixel(&out, x, y)[1] <= hottest[1]);
    image_finish(&black);
    image_finish(&out);
    image_finish(&most);
}

static void a_map_without_difference_leaves_the_image(void **state)
{
    (void)state;
    float zeros[9] = {0}, equal[9];
    for (int i = 0; i < 9; i++)
        equal[i] = 0.25f;
    struct image gray = plain(30, 30, 77);
    struct heat heat = {zeros, 3, 3, {0, 0, 30, 30}};
    struct image out = overlaid(&gray, &heat);
    assert_memory_equal(out.rgb, gray.rgb, 30 * 30 * 3);
    image_finish(&out);
    heat.weights = equal;
    out = overlaid(&gray, &heat);
    assert_memory_equal(out.rgb, gray.rgb, 30 * 30 * 3);
    image_finish(&out);
    image_finish(&gray);
}

static void what_is_not_finite_counts_as_nothing(void **state)
{
    (void)state;
    float weights[4] = {NAN, 0.5f, INFINITY, -INFINITY}, clean[4] = {0, 0.5f, 0, 0}, low, high;
    struct image gray = plain(16, 16, 60);
    struct heat heat = {weights, 2, 2, {0, 0, 16, 16}}, same = {clean, 2, 2, {0, 0, 16, 16}};
    struct image out = overlaid(&gray, &heat), expected = overlaid(&gray, &same);
    assert_memory_equal(out.rgb, expected.rgb, 16 * 16 * 3);
    heat_range(&heat, 16, 16, &low, &high);
    assert_true(low == 0 && high <= 0.5f && heat_peak(&heat, 16, 16).weight == 0.5f);
    image_finish(&gray);
    image_finish(&out);
    image_finish(&expected);
}

/* Any size of image and grid: all pixels are drawn, and a sanitizer sees no access outside. */
static void every_size_works(void **state)
{
    (void)state;
    static const int sizes[][4] = {{1, 1, 1, 1},         {1, 1, 24, 24}, {1, 900, 24, 24}, {900, 1, 24, 24},
                                   {2000, 1500, 24, 24}, {7, 5, 1, 40},  {7, 5, 40, 1},    {3, 3, 100, 100}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int *s = sizes[i];
        float *weights = malloc((size_t)s[2] * s[3] * sizeof *weights);
        assert_non_null(weights);
        for (int j = 0; j < s[2] * s[3]; j++)
            weights[j] = (float)(j * 37 % 101) / 1000;
        struct image gray = plain(s[0], s[1], 90);
        int side = s[0] > s[1] ? s[0] : s[1];
        lmvr_view views[] = {
            {0, 0, s[0], s[1]}, {(s[0] - side) / 2.0, (s[1] - side) / 2.0, side, side}, {0.4, 0.4, 0.01, 0.01}};
        for (int v = 0; v < 3; v++) {
            struct heat heat = {weights, s[2], s[3], views[v]};
            struct image out = overlaid(&gray, &heat);
            image_finish(&out);
        }
        image_finish(&gray);
        free(weights);
    }
}

static void a_map_over_nothing_is_refused(void **state)
{
    (void)state;
    float weight = 1;
    static const lmvr_view views[] = {{0, 0, 0, 1}, {0, 0, 1, -1}, {NAN, 0, 1, 1}, {0, 0, INFINITY, 1}};
    struct image gray = plain(2, 2, 0), out;
    lmvr_error error;
    for (size_t i = 0; i < 4; i++) {
        struct heat heat = {&weight, 1, 1, views[i]};
        assert_int_equal(heat_overlay(&gray, &heat, &out, &error), LMVR_ERROR_INVALID);
        assert_non_null(strstr(error.message, "heat map"));
        assert_null(out.rgb);
    }
    image_finish(&gray);
}

static void a_view_is_resized_with_its_image(void **state)
{
    (void)state;
    struct heat heat = {NULL, 2, 2, {10, -20, 100, 140}}, half = heat_resized(&heat, 120, 100, 60, 25);
    assert_true(half.view.x == 5 && half.view.width == 50 && half.view.y == -5 && half.view.height == 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_get_lighter_evenly),
        cmocka_unit_test(a_hot_cell_lands_where_it_was_seen),
        cmocka_unit_test(outside_the_view_there_is_no_heat),
        cmocka_unit_test(padding_does_not_count),
        cmocka_unit_test(a_few_large_weights_leave_color_to_the_others),
        cmocka_unit_test(interpolation_does_not_overshoot),
        cmocka_unit_test(a_map_without_difference_leaves_the_image),
        cmocka_unit_test(what_is_not_finite_counts_as_nothing),
        cmocka_unit_test(every_size_works),
        cmocka_unit_test(a_map_over_nothing_is_refused),
        cmocka_unit_test(a_view_is_resized_with_its_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
