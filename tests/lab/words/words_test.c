/* A response's words: their positions, finding them, which look like nouns, and which tokens produced them. */
#include "cmocka_all.h"
#include "lab/words/nouns.h"
#include "lab/words/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words, with "|" between them. */
static void join(const char *text, struct word_list *words, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < words->count; i++) {
        assert_true(words->items[i].begin < words->items[i].end && words->items[i].end <= strlen(text));
        strcat(out, i ? "|" : "");
        strncat(out, text + words->items[i].begin, words->items[i].end - words->items[i].begin);
    }
    words_finish(words);
}

static void assert_split(const char *text, const char *expected)
{
    struct word_list words;
    char joined[1024];
    assert_int_equal(words_split(text, &words, NULL), LMVR_OK);
    join(text, &words, joined);
    assert_string_equal(joined, expected);
}

static void words_are_letters_with_apostrophes_and_hyphens_inside(void **state)
{
    (void)state;
    assert_split("", "");
    assert_split(" \n--' ", "");
    assert_split("A dog, two cats.", "A|dog|two|cats");
    assert_split("The dog's hot-dog isn't 'here'- it’s well‐known", "The|dog's|hot-dog|isn't|here|it’s|well‐known");
    assert_split("don''t a--b rock-'n'-roll", "don|t|a|b|rock|n|roll");
    assert_split("Größe naïve élève cafe\xCC\x81 собака γάτα", "Größe|naïve|élève|cafe\xCC\x81|собака|γάτα");
    assert_split("3 dogs, 2.5 m, x9", "3|dogs|2|5|m|x9");
}

static void scripts_without_spaces_are_split_where_the_script_changes(void **state)
{
    (void)state;
    assert_split("犬がテーブルの下にいます。", "犬|が|テーブル|の|下|にいます");
    assert_split("一只dog在草地上", "一只|dog|在草地上");
    assert_split("개가 공을 물고", "개가|공을|물고");
    assert_split("หมาบนหญ้า ดี", "หมาบนหญ้า|ดี");
}

static void bytes_that_are_not_utf8_belong_to_no_word(void **state)
{
    (void)state;
    assert_split("a\xFF"
                 "b \xE7\x8A",
                 "a|b");
    assert_split("\xC0\x80\xED\xA0\x80 dog", "dog");
}

/* The position where it begins, -1: nowhere; the length must be that of `found`. */
static int position(const char *text, const char *wanted, bool plural, const char *found)
{
    struct word word;
    bool is_there;
    lmvr_status status =
        plural ? words_find_plural(text, wanted, &is_there, &word, NULL) : words_find(text, wanted, &is_there, &word, NULL);
    assert_int_equal(status, LMVR_OK);
    if (!is_there)
        return -1;
    assert_int_equal(word.end - word.begin, strlen(found));
    assert_memory_equal(text + word.begin, found, strlen(found));
    return (int)word.begin;
}

static void a_whole_word_is_found_at_its_first_place_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(position("dogs and a Dog, a dog", "dog", false, "Dog"), 11);
    assert_int_equal(position("hotdog, hot-dog, doggy", "dog", false, ""), -1);
    assert_int_equal(position("the dog's leash", "dog", false, "dog"), 4);
    assert_int_equal(position("the dog’s leash", "DOG", false, "dog"), 4);
    assert_int_equal(position("the dog's leash", "dog's", false, "dog's"), 4);
    assert_int_equal(position("Ein GRÖSSER Hund", "größer", false, ""), -1);
    assert_int_equal(position("Ein ÄRGER", "ärger", false, "ÄRGER"), 4);
    assert_int_equal(position("two tennis balls, a Tennis ball.", "tennis ball", false, "Tennis ball"), 20);
    assert_int_equal(position("a dog.", "dog.", false, "dog."), 2);
    assert_int_equal(position("", "dog", false, ""), -1);
    assert_int_equal(position("dog", "", false, ""), -1);
}

static void scripts_without_spaces_are_searched_inside(void **state)
{
    (void)state;
    assert_int_equal(position("一只小狗在草地上", "狗", false, "狗"), 9);
    assert_int_equal(position("緑のテーブル", "テーブル", false, "テーブル"), 6);
    assert_int_equal(position("공원에서 개가 공을", "개", false, "개"), 13);
    assert_int_equal(position("공원에서 개가 공을", "공", false, "공"), 20);
    assert_int_equal(position("개구리", "개", false, ""), -1);
}

static void plurals_are_found_only_when_asked_for(void **state)
{
    (void)state;
    assert_int_equal(position("two dogs", "dog", false, ""), -1);
    assert_int_equal(position("two dogs", "dog", true, "dogs"), 4);
    assert_int_equal(position("dogs, a dog", "dog", true, "dogs"), 0);
    assert_int_equal(position("buses and Boxes", "box", true, "Boxes"), 10);
    assert_int_equal(position("puppies, toys", "toy", true, "toys"), 9);
    assert_int_equal(position("puppies, toys", "puppy", true, "puppies"), 0);
    assert_int_equal(position("many people", "person", true, "people"), 5);
    assert_int_equal(position("dining tables", "dining table", true, "dining tables"), 0);
    assert_int_equal(position("a dog", "dogs", true, ""), -1);
}

static void assert_nouns(const char *text, size_t most, const char *expected)
{
    struct word_list words;
    char joined[1024];
    assert_int_equal(words_noun_like(text, most, &words, NULL), LMVR_OK);
    join(text, &words, joined);
    assert_string_equal(joined, expected);
}

static void noun_like_words_are_what_the_rule_leaves(void **state)
{
    (void)state;
    assert_nouns("The image features a brown dog's red ball lying on the grass, with a building and a bed in the background.",
                 40, "dog|ball|grass|building|bed");
    assert_nouns("Two people are sitting at a dining table, smiling happily; one person holds a butterfly.", 40,
                 "people|table|person|butterfly");
    assert_nouns("A cat. The Cat and a CAT, 3 cats in 2024 b52s", 40, "cat|cats");
    assert_nouns("dog ball tree house", 2, "dog|ball");
    assert_nouns("犬がテーブルの下にいます", 40, "犬|テーブル|下");
    assert_nouns("개가 공을", 40, "개|공");
    assert_nouns("It is not there, and they were.", 40, "");
    assert_nouns("", 40, "");
}

/* Every word in the lists can be looked up: lower case, between single spaces. */
static void stop_words_are_whole_words(void **state)
{
    (void)state;
    assert_true(nouns_is_stop_word("the"));
    assert_true(nouns_is_stop_word("day"));
    assert_true(nouns_is_exception("building"));
    assert_true(nouns_is_exception("tally"));
    assert_false(nouns_is_stop_word("oran"));
    assert_false(nouns_is_stop_word("dog"));
    assert_false(nouns_is_exception("sitting"));
}

static void a_word_s_tokens_are_those_that_made_its_bytes(void **state)
{
    (void)state;
    /* "A", " d", "og", " runs", "." and the end token */
    static const uint32_t ends[] = {1, 3, 5, 10, 11, 11};
    static const struct {
        struct word word;
        size_t first, count;
    } cases[] = {{{0, 1}, 0, 1},   {{2, 5}, 1, 2},  {{6, 10}, 3, 1}, {{2, 10}, 1, 3},
                 {{10, 11}, 4, 1}, {{0, 11}, 0, 5}, {{11, 12}, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct token_range range = words_tokens(&cases[i].word, ends, 6);
        assert_int_equal(range.first, cases[i].first);
        assert_int_equal(range.count, cases[i].count);
    }
    assert_int_equal(words_tokens(&(struct word){0, 5}, ends, 0).count, 0);
    /* a character of three byte pieces belongs to the one that completes it */
    static const uint32_t bytes[] = {0, 0, 3, 4};
    struct token_range range = words_tokens(&(struct word){0, 3}, bytes, 4);
    assert_int_equal(range.first, 2);
    assert_int_equal(range.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_letters_with_apostrophes_and_hyphens_inside),
        cmocka_unit_test(scripts_without_spaces_are_split_where_the_script_changes),
        cmocka_unit_test(bytes_that_are_not_utf8_belong_to_no_word),
        cmocka_unit_test(a_whole_word_is_found_at_its_first_place_in_any_case),
        cmocka_unit_test(scripts_without_spaces_are_searched_inside),
        cmocka_unit_test(plurals_are_found_only_when_asked_for),
        cmocka_unit_test(noun_like_words_are_what_the_rule_leaves),
        cmocka_unit_test(stop_words_are_whole_words),
        cmocka_unit_test(a_word_s_tokens_are_those_that_made_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
