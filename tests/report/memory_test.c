#include "cmocka_all.h"

#include "report/memory.h"

#include <stdlib.h>
#include <string.h>

static void test_keeps_what_is_written(void **state)
{
    (void)state;
    struct memory memory;
    FILE *out = memory_open(&memory);
    assert_non_null(out);
    for (int i = 0; i < 100000; i++)
        fprintf(out, "%05d\n", i);
    fwrite("\0end", 1, 4, out);
    assert_true(memory_close(&memory, out));
    assert_int_equal(memory.size, 600004);
    assert_memory_equal(memory.bytes, "00000\n00001\n", 12);
    assert_memory_equal(memory.bytes + 599994, "99999\n\0end", 11);
    free(memory.bytes);
}

static void test_nothing_is_an_empty_string(void **state)
{
    (void)state;
    struct memory memory;
    FILE *out = memory_open(&memory);
    assert_true(memory_close(&memory, out));
    assert_int_equal(memory.size, 0);
    assert_string_equal(memory.bytes, "");
    free(memory.bytes);
    assert_false(memory_close(&memory, NULL));
}

/* One write that failed is a failure, though later ones could succeed. */
static void test_a_failure_is_remembered(void **state)
{
    (void)state;
    struct memory memory;
    FILE *out = memory_open(&memory);
    fputs("before", out);
    fflush(out);
    memory.failed = true;
    fputs("lost", out);
    fflush(out);
    memory.failed = false;
    fputs("after", out);
    assert_false(memory_close(&memory, out));
    assert_null(memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_what_is_written),
        cmocka_unit_test(test_nothing_is_an_empty_string),
        cmocka_unit_test(test_a_failure_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
