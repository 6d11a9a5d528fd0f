#include "cmocka_all.h"
#include "image/kinds.h"

#include <string.h>

static void test_images_are_told_by_their_endings(void **state)
{
    (void)state;
    static const char *const images[] = {"a.jpg", "a.JPEG", "a.b.Png", "a.webp", "a.gif", "a.BMP", "a.tif", "a.tiff", "a.avif"};
    static const char *const others[] = {"a", "jpg", "a.jpg.txt", "a.", "", "a.heic", "a.tiffany"};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        assert_true(image_is_named(images[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(image_is_named(others[i]));
}

static enum image_kind kind_of(const char *bytes, size_t size)
{
    return image_kind_of((const uint8_t *)bytes, size);
}

#define KIND_OF(bytes) kind_of(bytes, sizeof(bytes) - 1)

static void test_images_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(KIND_OF("\xff\xd8\xff"), IMAGE_JPEG);
    assert_int_equal(KIND_OF("\x89PNG\r\n\x1a\n"), IMAGE_PNG);
    assert_int_equal(KIND_OF("RIFF\0\0\0\0WEBP"), IMAGE_WEBP);
    assert_int_equal(KIND_OF("RIFF\0\0\0\0WAVE"), IMAGE_NONE);
    assert_int_equal(KIND_OF("GIF87a"), IMAGE_GIF);
    assert_int_equal(KIND_OF("GIF89a"), IMAGE_GIF);
    assert_int_equal(KIND_OF("GIF88a"), IMAGE_NONE);
    assert_int_equal(KIND_OF("BM\1\1\1\1\1\1\1\1\1\1\1\1\x28\0\0\0"), IMAGE_BMP);
    assert_int_equal(KIND_OF("BM\1\1\1\1\1\1\1\1\1\1\1\1\x28\0\0"), IMAGE_NONE);
    assert_int_equal(KIND_OF("BMW is no picture, though it begins as one"), IMAGE_NONE);
    assert_int_equal(KIND_OF("II*\0"), IMAGE_TIFF);
    assert_int_equal(KIND_OF("MM\0*"), IMAGE_TIFF);
    assert_int_equal(KIND_OF("II+\0"), IMAGE_TIFF);
    assert_int_equal(KIND_OF("MM*\0"), IMAGE_NONE);
    assert_int_equal(KIND_OF("\0\0\0\x14"
                             "ftypavif\0\0\0\0mif1"),
                     IMAGE_AVIF);
    assert_int_equal(KIND_OF("\0\0\0\x18"
                             "ftypmif1\0\0\0\0mif1avif"),
                     IMAGE_AVIF);
    assert_int_equal(KIND_OF("\0\0\0\x14"
                             "ftypmif1\0\0\0\0mif1avif"),
                     IMAGE_NONE); /* after the box */
    assert_int_equal(KIND_OF("\0\0\0\x18"
                             "ftypheic\0\0\0\0mif1heic"),
                     IMAGE_NONE);
    assert_int_equal(KIND_OF(""), IMAGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_are_told_by_their_endings),
        cmocka_unit_test(test_images_are_told_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
