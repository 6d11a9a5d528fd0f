/* What a text names, and what a set of generated scenes contains. */
#include "models/recipe/named.h"
#include "scratch.h"

static const char synonyms[] = "{\"bat\": [\"bat\", \"bats\"], \"ball\": [\"ball\", \"balls\", \"round ball\"], "
                               "\"baseball bat\": [\"baseball bat\"], \"club\": [\"club\"]}";
static const char scenes[] =
    "[{\"image\": \"images/0.jpg\", \"part\": \"train\", \"objects\": [{\"name\": \"ball\"}, {\"name\": \"sun\"}, {}]},"
    " {\"image\": \"images/1.jpg\", \"part\": \"test\", \"objects\": [{\"name\": \"club\"}]}]";

enum { BAT, BALL, BASEBALL_BAT, CLUB, KINDS };

static struct named_set open_set(const char *part)
{
    struct named_set set;
    write_text("synonyms.json", synonyms);
    write_text("scenes.json", scenes);
    assert_true(named_open(&set, "named_test", ".", part));
    assert_int_equal(set.kinds, KINDS);
    return set;
}

/* Whether the text names these things, each first at the substring given here; NULL: not at all. */
static void assert_named(const struct named_set *set, const char *text, const char *const wanted[KINDS])
{
    struct named_place places[KINDS];
    named_find(set, text, places);
    for (int kind = 0; kind < KINDS; kind++) {
        size_t length = wanted[kind] ? strlen(wanted[kind]) : 0, begin = length ? places[kind].begin : 0;
        assert_int_equal(places[kind].end, begin + length);
        assert_memory_equal(text + begin, wanted[kind] ? wanted[kind] : "", length);
    }
}

static void a_text_names_whole_words_in_any_case(void **state)
{
    (void)state;
    struct named_set set = open_set(NULL);
    assert_named(&set, "A Bat, combats, batter, balls.", (const char *[KINDS]){"Bat", "balls", NULL, NULL});
    assert_named(&set, "ball", (const char *[KINDS]){NULL, "ball", NULL, NULL});
    assert_named(&set, "balls\xC3\xA9 2bat clubs", (const char *[KINDS]){NULL});
    assert_named(&set, "", (const char *[KINDS]){NULL});
    named_close(&set);
}

static void the_longest_words_come_first_and_none_counts_twice(void **state)
{
    (void)state;
    struct named_set set = open_set(NULL);
    assert_named(&set, "a baseball bat", (const char *[KINDS]){NULL, NULL, "baseball bat", NULL});
    assert_named(&set, "a baseball bat and a bat", (const char *[KINDS]){"bat", NULL, "baseball bat", NULL});
    named_close(&set);
}

static void the_first_place_counts_whichever_word_is_there(void **state)
{
    (void)state;
    struct named_set set = open_set(NULL);
    struct named_place places[KINDS];
    named_find(&set, "a ball, balls, a round ball, a ball", places);
    assert_int_equal(places[BALL].begin, 2);
    assert_int_equal(places[BALL].end, 6);
    named_find(&set, "round ball, ball", places);
    assert_int_equal(places[BALL].begin, 0);
    assert_int_equal(places[BALL].end, 10);
    named_close(&set);
}

static void scenes_are_found_by_the_end_of_a_path(void **state)
{
    (void)state;
    struct named_set all = open_set(NULL), test = open_set("test");
    const json_t *objects = json_object_get(named_scene(&all, "/some/images/set/images/0.jpg"), "objects");
    assert_int_equal(json_array_size(objects), 3);
    assert_int_equal(named_kind(&all, json_array_get(objects, 0)), BALL);
    assert_int_equal(named_kind(&all, json_array_get(objects, 1)), -1);
    assert_int_equal(named_kind(&all, json_array_get(objects, 2)), -1);
    assert_null(named_scene(&all, "0.jpg"));
    assert_null(named_scene(&all, NULL));
    assert_null(named_scene(&test, "images/0.jpg"));
    assert_non_null(named_scene(&test, "images/1.jpg"));
    named_close(&all);
    named_close(&test);
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    struct named_set set;
    assert_false(named_open(&set, "named_test", ".", NULL));
    write_text("synonyms.json", synonyms);
    assert_false(named_open(&set, "named_test", ".", NULL));
    write_text("scenes.json", "[{\"image\": ");
    assert_false(named_open(&set, "named_test", ".", NULL));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_text_names_whole_words_in_any_case),
        IN_FOLDER(the_longest_words_come_first_and_none_counts_twice),
        IN_FOLDER(the_first_place_counts_whichever_word_is_there),
        IN_FOLDER(scenes_are_found_by_the_end_of_a_path),
        IN_FOLDER(what_is_no_set_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
