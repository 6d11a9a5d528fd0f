/* Working memory stops growing: uses of various sizes take no more than the largest needs. */
#include "cmocka_all.h"

#include "tensor/arena.h"

#include <string.h>

static void test_other_sizes_take_no_more(void **state)
{
    (void)state;
    struct arena arena;
    const int64_t pieces = 20, largest = 4 << 20;
    arena_init(&arena);
    for (int64_t use = 0; use < 30; use++) { /* increasing, then decreasing */
        int64_t size = largest - 4096 * (use < 15 ? 15 - use : use - 15);
        arena_reset(&arena);
        unsigned char *last = NULL;
        for (int64_t i = 0; i < pieces; i++) {
            unsigned char *piece = arena_alloc(&arena, size, 1);
            assert_non_null(piece);
            assert_true((uintptr_t)piece % 64 == 0);
            piece[0] = piece[size - 1] = (unsigned char)i;
            assert_true(!last || last[size - 1] == (unsigned char)(i - 1));
            last = piece;
        }
        assert_true(arena_bytes(&arena) <= (pieces + 1) * largest);
    }
    arena_finish(&arena);
}

static void test_marks_give_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    arena_reset(&arena);
    assert_true(arena_bytes(&arena) == 0);
    float *kept = arena_floats(&arena, 100);
    assert_non_null(kept);
    kept[99] = 7;
    struct arena_mark mark = arena_mark(&arena);
    float *first = arena_floats(&arena, 3 << 20);
    assert_non_null(first);
    arena_release(&arena, mark);
    assert_true(arena_floats(&arena, 3 << 20) == first && kept[99] == 7);
    assert_null(arena_alloc(&arena, INT64_MAX, 8));
    assert_null(arena_alloc(&arena, -1, 1));
    arena_finish(&arena);
}

static void test_a_larger_block_replaces_empty_ones(void **state)
{
    (void)state;
    struct arena arena;
    const int64_t unit = 2 << 20;
    arena_init(&arena);
    unsigned char *kept = arena_alloc(&arena, unit, 1);
    assert_non_null(kept);
    memset(kept, 7, (size_t)unit);
    for (int64_t size = 1; size < 8; size++) {
        struct arena_mark mark = arena_mark(&arena);
        unsigned char *first = arena_alloc(&arena, size * unit, 1), *second = arena_alloc(&arena, size * unit, 1);
        assert_true(first && second);
        memset(first, 1, (size_t)(size * unit));
        memset(second, 2, (size_t)(size * unit));
        assert_true(first[size * unit - 1] == 1);
        assert_true(arena_bytes(&arena) <= (1 + 2 * size) * unit);
        arena_release(&arena, mark);
    }
    assert_true(kept[0] == 7 && kept[unit - 1] == 7);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_sizes_take_no_more),
        cmocka_unit_test(test_marks_give_back),
        cmocka_unit_test(test_a_larger_block_replaces_empty_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
