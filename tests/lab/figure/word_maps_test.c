/* From a response's attention to the maps of its words. */
#include "cmocka_all.h"
#include "lab/figure/word_maps.h"

#include <string.h>

/* "A red dog" in four tokens and an end token, over a grid of one row of two cells. */
static const float attention[] = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50};
static const uint32_t ends[] = {1, 5, 7, 9, 9};
static const int32_t ids[] = {1, 2, 3, 4, 5};
static const lmvr_result result = {.response = "A red dog",
                                   .tokens = ids,
                                   .token_count = 5,
                                   .attention = attention,
                                   .grid_rows = 1,
                                   .grid_columns = 2,
                                   .token_ends = ends};

static void a_word_s_map_is_the_mean_over_its_tokens(void **state)
{
    (void)state;
    struct word_maps maps = {.items = NULL};
    bool found;
    assert_int_equal(word_maps_add(&maps, &result, "Dog", &found, NULL), LMVR_OK);
    assert_true(found);
    assert_int_equal(word_maps_add(&maps, &result, "cat", &found, NULL), LMVR_OK);
    assert_false(found);
    assert_int_equal(word_maps_add(&maps, &result, "red dog", &found, NULL), LMVR_OK);
    assert_int_equal(maps.count, 2);
    assert_int_equal(maps.rows, 1);
    assert_int_equal(maps.columns, 2);
    assert_string_equal(maps.items[0].label, "Dog");
    assert_int_equal(maps.items[0].word.begin, 6);
    assert_int_equal(maps.items[0].tokens.first, 2);
    assert_int_equal(maps.items[0].tokens.count, 2);
    assert_memory_equal(maps.items[0].weights, ((float[]){3.5f, 35}), 8);
    assert_memory_equal(maps.items[1].weights, ((float[]){3, 30}), 8);
    word_maps_finish(&maps);
    assert_null(maps.items);
}

static void a_token_s_map_is_its_own(void **state)
{
    (void)state;
    struct word_maps maps = {.items = NULL};
    lmvr_error error;
    assert_int_equal(word_maps_add_token(&maps, &result, 4, &error), LMVR_OK);
    assert_memory_equal(maps.items[0].weights, ((float[]){5, 50}), 8);
    assert_string_equal(maps.items[0].label, "token 4");
    assert_string_equal(maps.items[0].name, "token-4");
    assert_int_equal(maps.items[0].word.begin, maps.items[0].word.end); /* the end token has no text */
    assert_int_equal(word_maps_add_token(&maps, &result, 5, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, "there is no token 5 in the response, which has 5, counted from 0");
    assert_int_equal(maps.count, 1);
    word_maps_finish(&maps);
}

static void nouns_are_added_as_they_stand(void **state)
{
    (void)state;
    struct word_maps maps = {.items = NULL};
    assert_int_equal(word_maps_add_noun_like(&maps, &result, 40, NULL), LMVR_OK);
    assert_int_equal(maps.count, 1);
    assert_string_equal(maps.items[0].label, "dog");
    word_maps_finish(&maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_s_map_is_the_mean_over_its_tokens),
        cmocka_unit_test(a_token_s_map_is_its_own),
        cmocka_unit_test(nouns_are_added_as_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
