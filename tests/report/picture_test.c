#include "cmocka_all.h"

#include "report/document.h"

#include <stdlib.h>
#include <string.h>

static struct picture inspect(const void *bytes, size_t size)
{
    struct picture p = {.type = PICTURE_NONE};
    /* a copy of just the size, so that AddressSanitizer sees a byte too much */
    void *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    report_picture_inspect(&p, copy, size);
    free(copy);
    return p;
}

static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\x2c\0\0\0\xc8\x08\2\0\0\0";
static const char jpeg[] = "\xff\xd8\xff\xe0\0\4ab\xff\xff\xc4\0\3x\xff\xc2\0\x11\x08\1\x77\1\xf4\3";

static void test_reads_sizes(void **state)
{
    (void)state;
    struct picture p = inspect(png, sizeof png - 1);
    assert_int_equal(p.type, PICTURE_PNG);
    assert_int_equal(p.width, 300);
    assert_int_equal(p.height, 200);
    p = inspect(jpeg, sizeof jpeg - 1);
    assert_int_equal(p.type, PICTURE_JPEG);
    assert_int_equal(p.width, 500);
    assert_int_equal(p.height, 375);
}

static void test_any_cut_is_taken(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof png; size++)
        assert_int_equal(inspect(png, size).type, size < 8 ? PICTURE_NONE : PICTURE_PNG);
    for (size_t size = 0; size < sizeof jpeg; size++)
        assert_int_equal(inspect(jpeg, size).type, size < 3 ? PICTURE_NONE : PICTURE_JPEG);
}

static void test_any_changed_byte_is_taken(void **state)
{
    (void)state;
    char bytes[sizeof jpeg];
    for (size_t i = 0; i < sizeof jpeg - 1; i++)
        for (int value = 0; value < 256; value++) {
            memcpy(bytes, jpeg, sizeof jpeg);
            bytes[i] = (char)value;
            struct picture p = inspect(bytes, sizeof jpeg - 1);
            assert_true((p.width > 0) == (p.height > 0));
        }
}

static void test_a_size_of_nothing_is_unknown(void **state)
{
    (void)state;
    char bytes[sizeof png];
    memcpy(bytes, png, sizeof png);
    memset(bytes + 20, 0, 4);
    assert_int_equal(inspect(bytes, sizeof png - 1).height, 0);
    assert_int_equal(inspect(bytes, sizeof png - 1).width, 0);
    memset(bytes + 16, 0xff, 8);
    assert_int_equal(inspect(bytes, sizeof png - 1).width, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_sizes),
        cmocka_unit_test(test_any_cut_is_taken),
        cmocka_unit_test(test_any_changed_byte_is_taken),
        cmocka_unit_test(test_a_size_of_nothing_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
