#include "noise.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file's entry in the golden reference, in its own words. */
static void describe(const char *path, char *result, size_t size, lmvr_error *error)
{
    struct image image;
    lmvr_status status = image_read(path, &image, NULL, error);
    if (status == LMVR_OK) {
        uint64_t hash = hash_bytes(HASH_START, image.rgb, image_size(&image));
        snprintf(result, size, "%d %d %016" PRIx64, image.width, image.height, hash);
    } else {
        assert_int_equal(status, LMVR_ERROR_INPUT);
        assert_null(image.rgb);
        snprintf(result, size, "error");
    }
    image_finish(&image);
}

static void test_every_file_is_read_as_pillow_reads_it(void **state)
{
    (void)state;
    FILE *manifest = golden_manifest("decode.txt");
    char name[128], expected[128], path[512], result[128];
    int files = 0, wrong = 0;
    for (; fscanf(manifest, "%127s %127[^\n]", name, expected) == 2; files++) {
        lmvr_error error = {{0}};
        snprintf(path, sizeof path, GOLDEN "files/%s", name);
        describe(path, result, sizeof result, &error);
        if (strcmp(result, expected) != 0) {
            print_error("%s: expected %s, is %s %s\n", name, expected, result, error.message);
            wrong++;
        }
        if (strcmp(result, "error") == 0 && strncmp(error.message, path, strlen(path)) != 0)
            fail_msg("%s is not named in its error: %s", name, error.message);
    }
    fclose(manifest);
    assert_int_equal(wrong, 0);
    assert_true(files > 400);
}

/* Every prefix of a file of each kind is refused or read, without reading beyond it. */
static void test_every_truncation_ends_well(void **state)
{
    (void)state;
    static const char *const names[] = {
        "optimized.jpg", "progressive-odd.jpg", "color3-depth4-1.png", "many-parts.png", "lossy-alpha.webp",
        "lossless.webp", "plain.gif",           "top-down.bmp",        "rle8.bmp",       "strips.tif",
        "lzw.tif",       "saved-jpeg-ycbcr.tif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        static uint8_t bytes[65536];
        snprintf(path, sizeof path, GOLDEN "files/%s", names[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t cut = 0; cut < size; cut++) {
            uint8_t *part = malloc(cut + 1); /* exact size, so that a sanitizer sees any overrun */
            assert_non_null(part);
            memcpy(part, bytes, cut);
            struct image image;
            lmvr_error error;
            lmvr_status status = image_decode(part, cut, names[i], &image, &error);
            if (status == LMVR_OK && cut + 32 < size)
                fail_msg("%s is taken without its last %zu bytes", names[i], size - cut);
            image_finish(&image);
            free(part);
        }
    }
}

static void assert_refused(const char *path, const char *expected)
{
    struct image image;
    lmvr_error error = {{0}};
    assert_int_equal(image_read(path, &image, NULL, &error), LMVR_ERROR_INPUT);
    assert_null(image.rgb);
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%s: %s", path, expected);
    assert_string_equal(error.message, sentence);
}

static void test_a_refusal_says_what_is_wrong(void **state)
{
    (void)state;
    assert_refused(GOLDEN "files/text.jpg", "not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image");
    assert_refused(GOLDEN "files/empty", "the file is empty");
    assert_refused(GOLDEN "files/huge.jpg", "60000 x 60000 pixels are more than the limit of 178956970");
    assert_refused(GOLDEN "files/cut-2.jpg", "the image file is truncated");
    assert_refused(GOLDEN "files/huge.gif", "65535 x 65535 pixels are more than the limit of 178956970");
    assert_refused(GOLDEN "files/huge.bmp", "60000 x 60000 pixels are more than the limit of 178956970");
    assert_refused(GOLDEN "files/huge.tif", "60000 x 60000 pixels are more than the limit of 178956970");
    assert_refused(GOLDEN "files/huge-tiles.tif", "a TIFF file with strips or tiles of an unsupported size");
    assert_refused(GOLDEN "files/cut-40.gif", "the image file is truncated");
    assert_refused(GOLDEN "files/cut-150.bmp", "the image file is truncated");
    assert_refused(GOLDEN "files/no-frame.gif", "a GIF file without a picture");
    assert_refused(GOLDEN "files/bits-2.bmp", "a BMP file of 2 bits per pixel");
    assert_refused(GOLDEN "files/png-inside.bmp", "a BMP file with unsupported compression 5");
    assert_refused(GOLDEN "files/lab.tif", "a TIFF file with Lab colors");
    assert_refused(GOLDEN "files/raw.tif", "a TIFF file with a camera's raw data");
    assert_refused(GOLDEN "files/compression-odd.tif", "a TIFF file with an unsupported compression");
    assert_refused(GOLDEN "files/header-lower.png", "more image data than the header announces");
    assert_refused(GOLDEN "no such file", "No such file or directory");
}

#ifdef LMVR_AVIF

static int largest_difference(const struct image *a, const struct image *b)
{
    int largest = 0;
    for (size_t i = 0; i < image_size(a); i++)
        if (abs(a->rgb[i] - b->rgb[i]) > largest)
            largest = abs(a->rgb[i] - b->rgb[i]);
    return largest;
}

/* AVIF decoders differ in the last bit from version to version. */
static void test_avif_is_read_within_two_levels(void **state)
{
    (void)state;
    static const char *const names[] = {"alpha",         "animated",      "best",          "gray",          "lossy",
                                        "odd",           "orientation-2", "orientation-3", "orientation-4", "orientation-5",
                                        "orientation-6", "orientation-7", "orientation-8", "photo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct image image, expected;
        char path[512], png[520];
        lmvr_error error = {{0}};
        snprintf(path, sizeof path, GOLDEN "avif/%s.avif", names[i]);
        snprintf(png, sizeof png, "%s.png", path);
        if (image_read(path, &image, NULL, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        assert_int_equal(image_read(png, &expected, NULL, &error), LMVR_OK);
        assert_int_equal(image.width, expected.width);
        assert_int_equal(image.height, expected.height);
        int difference = largest_difference(&image, &expected);
        if (difference > 2)
            fail_msg("%s differs by %d levels", path, difference);
        image_finish(&image);
        image_finish(&expected);
    }
}

static void test_a_broken_avif_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[65536];
    FILE *file = fopen(GOLDEN "avif/photo.avif", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct image image;
    for (size_t cut = 32; cut < size; cut += 7) {
        lmvr_error error = {{0}};
        assert_int_equal(image_decode(bytes, cut, "cut", &image, &error), LMVR_ERROR_INPUT);
        assert_int_equal(strncmp(error.message, "cut: ", 5), 0);
        assert_null(image.rgb);
    }
    uint8_t *width = memmem(bytes, size, "ispe", 4);
    assert_non_null(width);
    memset(width + 9, 0xff, 2); /* 65,000 and more pixels in each direction */
    memset(width + 13, 0xff, 2);
    assert_int_equal(image_decode(bytes, size, "huge", &image, NULL), LMVR_ERROR_INPUT);
}

#else

static void test_avif_is_refused_with_the_reason(void **state)
{
    (void)state;
    assert_refused(GOLDEN "avif/photo.avif", "an AVIF image, which this build cannot read: it was built without libavif");
}

#endif

/* A FIFO without a writer would hang, a device would never end. */
static void test_only_regular_files_are_read(void **state)
{
    (void)state;
    assert_refused("/dev/zero", "not a regular file");
    assert_refused("/tmp", "is a folder, expected an image file");
    char fifo[] = "/tmp/lmvr-fifo-XXXXXX";
    int fd = mkstemp(fifo);
    assert_true(fd >= 0);
    close(fd);
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_refused(fifo, "not a regular file");
    unlink(fifo);
}

/* 2 GiB that take no disk space: refused before allocating. */
static void test_a_giant_file_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/lmvr-giant-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)2 << 30), 0);
    close(fd);
    assert_refused(path, "larger than 1 GiB, the limit for image files");
    unlink(path);
}

static void test_the_hash_is_of_the_file_s_bytes(void **state)
{
    (void)state;
    struct image image;
    lmvr_error error;
    uint64_t one, same, other;
    assert_int_equal(image_read(GOLDEN "files/one-pixel.jpg", &image, &one, &error), LMVR_OK);
    image_finish(&image);
    assert_int_equal(image_read(GOLDEN "files/one-pixel.jpg", &image, &same, &error), LMVR_OK);
    image_finish(&image);
    assert_int_equal(image_read(GOLDEN "files/orientation-1.jpg", &image, &other, &error), LMVR_OK);
    image_finish(&image);
    assert_true(one == same && one != other);
}

static void test_finishing_twice_does_no_harm(void **state)
{
    (void)state;
    struct image image = noise(3, 2);
    image_finish(&image);
    assert_null(image.rgb);
    image_finish(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_is_read_as_pillow_reads_it), cmocka_unit_test(test_every_truncation_ends_well),
        cmocka_unit_test(test_a_refusal_says_what_is_wrong),
#ifdef LMVR_AVIF
        cmocka_unit_test(test_avif_is_read_within_two_levels),        cmocka_unit_test(test_a_broken_avif_is_refused),
#else
        cmocka_unit_test(test_avif_is_refused_with_the_reason),
#endif
        cmocka_unit_test(test_only_regular_files_are_read),           cmocka_unit_test(test_a_giant_file_is_refused),
        cmocka_unit_test(test_the_hash_is_of_the_file_s_bytes),       cmocka_unit_test(test_finishing_twice_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
