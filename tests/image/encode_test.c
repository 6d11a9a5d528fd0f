/* Images written and read again, compared with Pillow's files in golden/corrupt/, and what stops a write. */
#include "scratch.h"

#include "image/encode.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define GOLDEN LMVR_TEST_DATA "/golden/corrupt/"

static struct image speckles(int width, int height)
{
    size_t size = (size_t)width * height * 3;
    struct image image = {width, height, malloc(size)};
    assert_non_null(image.rgb);
    for (size_t i = 0; i < size; i++)
        image.rgb[i] = (uint8_t)(i * 2654435761U >> 24);
    return image;
}

static struct image read_picture(const char *path)
{
    struct image image;
    lmvr_error error;
    if (image_read(path, &image, NULL, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return image;
}

static void assert_same_picture(const struct image *a, const struct image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->rgb, b->rgb, (size_t)a->width * a->height * 3);
}

static void test_png_keeps_every_byte(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 700}, {700, 1}, {3, 7}, {256, 33}, {1000001, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image image = speckles(sizes[i][0], sizes[i][1]), back;
        struct encoded png;
        lmvr_error error;
        assert_int_equal(image_encode_png(&image, &png, &error), LMVR_OK);
        if (image_decode(png.bytes, png.size, "it", &back, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        assert_same_picture(&image, &back);
        encoded_finish(&png);
        image_finish(&image);
        image_finish(&back);
    }
}

static void assert_bytes_of(const char *path, const struct encoded *encoded)
{
    size_t size = 0;
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    assert_int_equal(size, encoded->size);
    assert_memory_equal(bytes, encoded->bytes, size);
    free(bytes);
}

static void test_jpeg_is_pillow_s_to_the_byte(void **state)
{
    (void)state;
    struct image image = read_picture(GOLDEN "small.jpg");
    struct encoded jpeg;
    assert_int_equal(image_encode_jpeg(&image, 85, true, &jpeg, NULL), LMVR_OK);
    assert_bytes_of(GOLDEN "small-85.jpg", &jpeg);
    encoded_finish(&jpeg);
    assert_int_equal(image_encode_jpeg(&image, 25, false, &jpeg, NULL), LMVR_OK);
    assert_bytes_of(GOLDEN "small-25.jpg", &jpeg);
    encoded_finish(&jpeg);
    image_finish(&image);
}

static void test_a_round_trip_is_the_file_s_picture(void **state)
{
    (void)state;
    struct image image = read_picture(GOLDEN "small.jpg"), expected = read_picture(GOLDEN "small-85.jpg");
    assert_int_equal(image_jpeg_round_trip(&image, 85, NULL), LMVR_OK);
    assert_same_picture(&image, &expected);
    image_finish(&image);
    image_finish(&expected);
}

/* Larger than libjpeg's buffer, and hardly anything. */
static void test_jpegs_of_all_sizes_are_whole(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {65500, 1}, {1, 65500}, {800, 600}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image image = speckles(sizes[i][0], sizes[i][1]);
        lmvr_error error;
        if (image_jpeg_round_trip(&image, 100, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        assert_int_equal(image.width, sizes[i][0]);
        assert_int_equal(image.height, sizes[i][1]);
        image_finish(&image);
    }
}

static void test_files_come_whole_or_not_at_all(void **state)
{
    (void)state;
    struct image image = speckles(100, 100);
    struct encoded png;
    lmvr_error error;
    assert_int_equal(image_encode_png(&image, &png, &error), LMVR_OK);
    write_text("a.png", "something older");
    assert_int_equal(encoded_write(&png, "a.png", &error), LMVR_OK);
    assert_bytes_of("a.png", &png);
    struct rlimit before, small = {1000, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(encoded_write(&png, "b.png", &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "b.png: cannot write: File too large");
    assert_int_equal(encoded_write(&png, "a.png", &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_bytes_of("a.png", &png); /* still the old one */
    assert_false(exists("b.png"));
    assert_int_equal(encoded_write(&png, "none/b.png", &error), LMVR_ERROR_INVALID);
    DIR *folder = opendir(".");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.' ? strcmp(entry->d_name, "a.png") != 0 : strlen(entry->d_name) > 2)
            fail_msg("%s is left", entry->d_name);
    closedir(folder);
    encoded_finish(&png);
    image_finish(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_keeps_every_byte),
        cmocka_unit_test(test_jpeg_is_pillow_s_to_the_byte),
        cmocka_unit_test(test_a_round_trip_is_the_file_s_picture),
        cmocka_unit_test(test_jpegs_of_all_sizes_are_whole),
        cmocka_unit_test_setup_teardown(test_files_come_whole_or_not_at_all, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
