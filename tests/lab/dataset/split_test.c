#include "format/hash.h"
#include "lab/dataset/split.h"

#include "scratch.h"

#define COUNT 10000

static int64_t count_chosen(const bool *chosen, int64_t begin, int64_t end)
{
    int64_t count = 0;
    for (int64_t i = begin; i < end; i++)
        count += chosen[i];
    return count;
}

static void test_as_many_of_each_stratum_are_chosen_as_asked_for(void **state)
{
    (void)state;
    static const int sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 12, 13, 100}, fifths[] = {0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 20};
    int32_t strata[200];
    uint64_t keys[200];
    bool chosen[200];
    int64_t count = 0;
    for (int s = 0; s < 11; s++)
        for (int i = 0; i < sizes[s]; i++, count++) {
            strata[count] = 10 - s;
            keys[count] = (uint64_t)(count * 7919 % 10); /* many of them alike */
        }
    assert_int_equal(split_choose(count, strata, keys, 0, chosen, NULL), LMVR_OK);
    for (int64_t s = 0, begin = 0; s < 11; begin += sizes[s++])
        assert_int_equal(count_chosen(chosen, begin, begin + sizes[s]), fifths[s]);
    assert_int_equal(split_choose(count, strata, keys, 3, chosen, NULL), LMVR_OK);
    for (int64_t s = 0, begin = 0; s < 11; begin += sizes[s++])
        assert_int_equal(count_chosen(chosen, begin, begin + sizes[s]), sizes[s] < 3 ? sizes[s] : 3);
    assert_int_equal(split_choose(0, strata, keys, 3, chosen, NULL), LMVR_OK);
}

static void test_another_choice_has_as_many_of_each_stratum(void **state)
{
    (void)state;
    int32_t strata[90];
    uint64_t keys[90];
    bool chosen[90], before[90];
    int64_t counts[3] = {0}, again[3] = {0};
    for (int i = 0; i < 90; i++) {
        strata[i] = i % 3;
        keys[i] = hash_mix((uint64_t)i);
        before[i] = chosen[i] = i % 3 == 0 ? i < 20 : i % 3 == 1 ? i < 60 : false;
        counts[i % 3] += chosen[i];
    }
    assert_int_equal(split_choose(90, strata, keys, SPLIT_AS_MANY, chosen, NULL), LMVR_OK);
    for (int i = 0; i < 90; i++)
        again[i % 3] += chosen[i];
    assert_memory_equal(counts, again, sizeof counts);
    assert_memory_not_equal(before, chosen, sizeof before);
}

static void test_a_smaller_choice_is_part_of_a_larger(void **state)
{
    (void)state;
    static int32_t strata[COUNT];
    static uint64_t keys[COUNT];
    static bool few[COUNT], many[COUNT];
    char path[64];
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "train/c%d/%d.jpg", i % 10, i);
        keys[i] = split_path_key(5, path);
    }
    assert_int_equal(split_choose(COUNT, strata, keys, 100, few, NULL), LMVR_OK);
    assert_int_equal(split_choose(COUNT, strata, keys, 200, many, NULL), LMVR_OK);
    for (int i = 0; i < COUNT; i++)
        assert_true(many[i] || !few[i]);
}

/* Names that differ in one digit are spread evenly, and differently for another seed: chi-squared over 16 cells, which exceeds
 * 39.3 in one of a thousand cases. */
static void test_keys_are_spread_evenly(void **state)
{
    (void)state;
    int64_t cells[16] = {0}, pairs[16] = {0};
    char name[64];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "JPEGImages/%06d.jpg", i);
        uint64_t a = split_key(0, name) >> 60, b = split_key(1, name) >> 60;
        cells[a]++;
        pairs[a ^ b]++;
    }
    double spread = 0, between = 0, mean = COUNT / 16.0;
    for (int i = 0; i < 16; i++) {
        spread += ((double)cells[i] - mean) * ((double)cells[i] - mean) / mean;
        between += ((double)pairs[i] - mean) * ((double)pairs[i] - mean) / mean;
    }
    assert_true(spread < 39.3 && between < 39.3);
}

static void test_a_paths_key_hangs_on_its_last_two_names(void **state)
{
    (void)state;
    assert_int_equal(split_path_key(1, "val/n1/a.jpg"), split_path_key(1, "fog/3/n1/a.jpg"));
    assert_int_equal(split_path_key(1, "n1/a.jpg"), split_path_key(1, "fog/3/n1/a.jpg"));
    assert_int_not_equal(split_path_key(1, "n1/a.jpg"), split_path_key(1, "n2/a.jpg"));
    assert_int_not_equal(split_path_key(1, "n1/a.jpg"), split_path_key(2, "n1/a.jpg"));
    assert_int_equal(split_path_key(1, "a.jpg"), split_key(1, "a.jpg"));
    assert_int_equal(split_path_key(1, "/a.jpg"), split_key(1, "/a.jpg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_of_each_stratum_are_chosen_as_asked_for),
        cmocka_unit_test(test_another_choice_has_as_many_of_each_stratum),
        cmocka_unit_test(test_a_smaller_choice_is_part_of_a_larger),
        cmocka_unit_test(test_keys_are_spread_evenly),
        cmocka_unit_test(test_a_paths_key_hangs_on_its_last_two_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
