/* Contact sheets with every number of words, image shape and kind of text. */
#include "cmocka_all.h"
#include "lab/figure/sheet.h"
#include "lab/figure/text.h"

#include <stdlib.h>
#include <string.h>

static float map[576];

static struct image plain(int width, int height, int gray)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    assert_non_null(image.rgb);
    memset(image.rgb, gray, (size_t)width * height * 3);
    return image;
}

/* Draws and decodes the sheet. */
static struct image drawn(const struct sheet *sheet)
{
    uint8_t *png;
    size_t size;
    struct image image;
    lmvr_error error;
    if (sheet_draw(sheet, &png, &size, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    if (image_decode(png, size, "the sheet", &image, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    free(png);
    return image;
}

static size_t count_pixels(const struct image *image, uint8_t r, uint8_t g, uint8_t b)
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++)
        count += image->rgb[3 * i] == r && image->rgb[3 * i + 1] == g && image->rgb[3 * i + 2] == b;
    return count;
}

static struct sheet sheet_of(const struct image *image, const struct sheet_word *words, size_t count)
{
    return (struct sheet){.title = "dog.jpg",
                          .image = image,
                          .width = image->width,
                          .height = image->height,
                          .response = "A dog with a ball",
                          .rows = 24,
                          .columns = 24,
                          .view = {0, 0, image->width, image->height},
                          .words = words,
                          .word_count = count};
}

/* An image of one rare color shows how large it is drawn, and how many times. */
static void the_image_and_a_panel_for_each_word_are_there(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 3, 8, 23, 40, SHEET_MOST_WORDS};
    struct sheet_word words[SHEET_MOST_WORDS];
    struct image image = plain(60, 60, 77);
    memset(map, 0, sizeof map); /* uniform maps leave a gray image unchanged */
    for (size_t i = 0; i < SHEET_MOST_WORDS; i++)
        words[i] = (struct sheet_word){"dog", map, 2, 5};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct sheet sheet = sheet_of(&image, words, counts[i]);
        struct image out = drawn(&sheet);
        size_t pixels = count_pixels(&out, 77, 77, 77), side = 150;
        while ((side + 10) * (side + 10) * (counts[i] + 1) <= pixels)
            side += 10;
        assert_true(pixels >= side * side * (counts[i] + 1) && pixels < side * side * (counts[i] + 1) + 4000);
        assert_true(out.width >= 700 && out.width <= 4000 && out.height <= 2 * out.width + 700);
        image_finish(&out);
    }
    image_finish(&image);
}

static void every_form_of_image_fits(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {5000, 3}, {3, 5000}, {640, 480}, {480, 640}, {4000, 3000}};
    struct sheet_word words[3] = {{"dog", map, 2, 5}, {"ball", map, 13, 17}, {"token 17", map, 0, 0}};
    for (int i = 0; i < 576; i++)
        map[i] = (float)(i % 50) / 5000;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image image = plain(sizes[i][0], sizes[i][1], 120);
        struct sheet sheet = sheet_of(&image, words, 3);
        struct image out = drawn(&sheet);
        assert_true(out.width < 2500 && out.height < 2500);
        image_finish(&out);
        image_finish(&image);
    }
}

/* The word's color is on the sheet, and more often if the word is also marked in the response. */
static void words_are_marked_in_the_response(void **state)
{
    (void)state;
    double color[3];
    struct image image = plain(50, 50, 120);
    struct sheet_word marked = {"ball", map, 13, 17}, unmarked = {"ball", map, 0, 0};
    struct sheet sheet = sheet_of(&image, &marked, 1);
    sheet_word_color(0, color);
    uint8_t rgb[3];
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)(color[c] * 255 + 0.5);
    struct image with = drawn(&sheet);
    sheet.words = &unmarked;
    struct image without = drawn(&sheet);
    assert_true(count_pixels(&without, rgb[0], rgb[1], rgb[2]) > 20);
    assert_true(count_pixels(&with, rgb[0], rgb[1], rgb[2]) > 3 * count_pixels(&without, rgb[0], rgb[1], rgb[2]) / 2);
    image_finish(&with);
    image_finish(&without);
    image_finish(&image);
}

static void any_text_can_be_set(void **state)
{
    (void)state;
    char *endless = malloc(100001);
    assert_non_null(endless);
    memset(endless, 'x', 100000);
    endless[100000] = '\0';
    const char *const texts[] = {"",
                                 "line\nline\n\nline",
                                 "\xFF\xC3 bad \x01\t\x7F",
                                 "犬がボールで遊んでいます。",
                                 "كلب مع كرة",
                                 "👩‍👩‍👧 🐕",
                                 "<b>&amp;</b>",
                                 endless};
    struct image image = plain(50, 50, 120);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sheet_word word = {texts[i], map, 3, 9};
        struct sheet sheet = sheet_of(&image, &word, 1);
        sheet.title = sheet.response = sheet.note = texts[i];
        struct image out = drawn(&sheet);
        assert_true(out.width == 972 && out.height < 20000);
        image_finish(&out);
        sheet.response = sheet.note = NULL;
        out = drawn(&sheet);
        image_finish(&out);
    }
    image_finish(&image);
    free(endless);
}

static void more_words_than_fit_are_refused(void **state)
{
    (void)state;
    struct image image = plain(5, 5, 1);
    struct sheet sheet = sheet_of(&image, NULL, SHEET_MOST_WORDS + 1);
    uint8_t *png;
    size_t size;
    lmvr_error error;
    assert_int_equal(sheet_draw(&sheet, &png, &size, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "401 words"));
    assert_null(png);
    image_finish(&image);
}

static void text_keeps_its_bytes_in_place(void **state)
{
    (void)state;
    char *text = text_showable("a\xFF\tb\nc\x7Fé", 100);
    assert_string_equal(text, "a? b\nc é");
    free(text);
    text = text_showable("abé", 3); /* a character is not cut */
    assert_string_equal(text, "ab");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_and_a_panel_for_each_word_are_there),
        cmocka_unit_test(every_form_of_image_fits),
        cmocka_unit_test(words_are_marked_in_the_response),
        cmocka_unit_test(any_text_can_be_set),
        cmocka_unit_test(more_words_than_fit_are_refused),
        cmocka_unit_test(text_keeps_its_bytes_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
