/* lmvr describe --corrupt and --sheet, with the real program on a small random model. */
#define PROGRAM "../lmvr"
#include "program.h"

#include "image/encode.h"

#include <jansson.h>
#include <math.h>

#define DESCRIBE "describe -m " LMVR_TEST_DATA "/golden/llava-old-f32 --max-new-tokens 6 "

static void write_png(const char *path, int width, int height, int phase)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    struct encoded png;
    assert_non_null(image.rgb);
    for (int i = 0; i < width * height * 3; i++)
        image.rgb[i] =
            (uint8_t)(128 + 100 * sin((double)(i / 3 % width + phase) / 5 + i % 3) * cos((double)(i / 3 / width) / 7));
    assert_int_equal(image_encode_png(&image, &png, NULL), LMVR_OK);
    assert_int_equal(encoded_write(&png, path, NULL), LMVR_OK);
    encoded_finish(&png);
    image_finish(&image);
}

/* Line `number` (from 0) of the output; to be freed. */
static char *line_of(int number)
{
    const char *line = run_done.out;
    for (; number > 0; number--)
        line = strchr(line, '\n') + 1;
    return strndup(line, strcspn(line, "\n"));
}

/* What follows the last tab of a line; to be freed. */
static char *response_of(int number)
{
    char *line = line_of(number), *response = strdup(strrchr(line, '\t') + 1);
    free(line);
    return response;
}

/* The responses must equal those to the files that lmvr corrupt writes. */
static void test_each_image_is_described_clean_and_corrupted(void **state)
{
    (void)state;
    static const char *const views[] = {"clean", "contrast:5", "gaussian_noise:5"};
    write_png("a.png", 90, 60, 0);
    write_png("b.png", 50, 70, 3);
    assert_ended(lmvr("corrupt --type contrast,gaussian_noise --severity 5 --seed 4 -o c a.png b.png"), 0, NULL);
    assert_ended(
        lmvr(DESCRIBE "a.png c/contrast/5/a.png c/gaussian_noise/5/a.png b.png c/contrast/5/b.png c/gaussian_noise/5/b.png"), 0,
        NULL);
    char *expected[6];
    for (int i = 0; i < 6; i++)
        expected[i] = response_of(i);
    assert_string_not_equal(expected[0], expected[1]); /* or nothing would be seen of a corruption */
    assert_ended(lmvr(DESCRIBE "--corrupt contrast:5,gaussian_noise:5 --seed 4 a.png b.png"), 0, NULL);
    for (int i = 0; i < 6; i++) {
        char begin[64], *line = line_of(i), *response = response_of(i);
        snprintf(begin, sizeof begin, "%s\t%s\t", i < 3 ? "a.png" : "b.png", views[i % 3]);
        assert_ptr_equal(strstr(line, begin), line);
        assert_string_equal(response, expected[i]);
        free(line);
        free(response);
        free(expected[i]);
    }
}

static void test_json_names_the_corruption(void **state)
{
    (void)state;
    write_png("a.png", 30, 30, 0);
    assert_ended(lmvr(DESCRIBE "--json --corrupt spatter:2 a.png"), 0, NULL);
    char *clean = line_of(0), *corrupted = line_of(1);
    json_t *first = json_loads(clean, 0, NULL), *second = json_loads(corrupted, 0, NULL);
    assert_null(json_object_get(first, "corruption"));
    assert_string_equal(json_string_value(json_object_get(second, "corruption")), "spatter");
    assert_int_equal(json_integer_value(json_object_get(second, "severity")), 2);
    assert_string_equal(json_string_value(json_object_get(second, "path")), "a.png");
    json_decref(first);
    json_decref(second);
    free(clean);
    free(corrupted);
}

static struct image read_sheet(const char *path)
{
    struct image image;
    lmvr_error error;
    if (image_read(path, &image, NULL, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return image;
}

/* Two columns of 420 pixels; the corrupted image has a twentieth of the contrast. */
static void test_a_sheet_shows_both_pictures(void **state)
{
    (void)state;
    write_png("a.png", 60, 60, 0);
    assert_ended(lmvr(DESCRIBE "--corrupt contrast:5 --sheet s.png a.png"), 0, NULL);
    struct image sheet = read_sheet("s.png");
    assert_int_equal(sheet.width, 28 + 420 + 24 + 420 + 28);
    int least[2] = {255, 255}, most[2] = {0, 0};
    for (int y = 40; y < 440; y++)
        for (int x = 40; x < 440; x++)
            for (int side = 0; side < 2; side++) {
                int value = sheet.rgb[3 * (y * sheet.width + x + side * 444)];
                least[side] = value < least[side] ? value : least[side];
                most[side] = value > most[side] ? value : most[side];
            }
    assert_true(most[0] - least[0] > 180);
    assert_true(most[1] - least[1] < 15);
    image_finish(&sheet);
}

/* Two images without corruptions are also shown side by side, such as one of each domain. */
static void test_a_sheet_of_images_as_they_are(void **state)
{
    (void)state;
    write_png("a.png", 60, 60, 0);
    write_png("b.png", 60, 60, 2);
    assert_ended(lmvr(DESCRIBE "--sheet s.png a.png b.png"), 0, NULL);
    struct image sheet = read_sheet("s.png");
    assert_int_equal(sheet.width, 28 + 420 + 24 + 420 + 28);
    image_finish(&sheet);
}

static void test_a_sheet_is_replaced_only_where_that_is_asked_for(void **state)
{
    (void)state;
    write_png("a.png", 30, 30, 0);
    write_text("s.png", "mine");
    assert_ended(lmvr(DESCRIBE "--sheet s.png a.png"), 2, "s.png: already exists; --force replaces it\n");
    assert_string_equal(run_done.out, "");
    assert_int_equal(size_of_file("s.png"), 4);
    assert_ended(lmvr(DESCRIBE "--sheet s.png --force a.png"), 0, NULL);
    assert_true(size_of_file("s.png") > 1000);
    assert_ended(lmvr(DESCRIBE "--sheet none/s.png a.png"), 2, "none/s.png: cannot write: No such file or directory\n");
    assert_ended(lmvr(DESCRIBE "--sheet . a.png"), 2, ".: is not a file, --sheet has to name one\n");
}

static void test_a_bad_image_is_told_of_once_and_left_out(void **state)
{
    (void)state;
    write_png("a.png", 30, 30, 0);
    write_text("bad.png", "bad");
    assert_ended(
        lmvr(DESCRIBE "--corrupt fog:1,frost:2 --sheet s.png bad.png a.png"), 1,
        "lmvr describe: bad.png: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\nlmvr describe: 1 of 2 inputs failed\n");
    struct image sheet = read_sheet("s.png");
    assert_true(sheet.height < 600); /* one row */
    image_finish(&sheet);
}

static void test_wrong_calls_are_one_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *call, *sentence;
    } wrong[] = {
        {"--corrupt fog a.png", "--corrupt takes NAME:SEVERITY, such as fog:3, not \"fog\"\n"},
        {"--corrupt fog:6 a.png", "--corrupt takes NAME:SEVERITY, such as fog:3, not \"fog:6\"\n"},
        {"--corrupt fog:1,:2 a.png", "there is no corruption \"\"; lmvr corrupt --help lists them\n"},
        {"--corrupt smoke:1 a.png", "there is no corruption \"smoke\"; lmvr corrupt --help lists them\n"},
        {"--corrupt frost:1 --textures none a.png", "none: cannot be read as a folder of textures"},
        {"--corrupt all:all,extra:all --sheet s.png a.png a.png a.png",
         "--sheet has room for 32 rows of images, but 60 are needed\n"},
    };
    write_png("a.png", 4, 4, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_ended(lmvr(DESCRIBE "%s", wrong[i].call), 2, wrong[i].sentence);
    assert_false(exists("s.png"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_image_is_described_clean_and_corrupted),
        TEST(test_json_names_the_corruption),
        TEST(test_a_sheet_shows_both_pictures),
        TEST(test_a_sheet_of_images_as_they_are),
        TEST(test_a_sheet_is_replaced_only_where_that_is_asked_for),
        TEST(test_a_bad_image_is_told_of_once_and_left_out),
        TEST(test_wrong_calls_are_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
