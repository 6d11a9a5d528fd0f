/* Texts about a scene: they name what is there and nothing else, in correct English. */
#include "cmocka_all.h"

#include "tools/scenes/describe.h"
#include "tools/scenes/dialogue.h"
#include "tools/scenes/draw.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/question.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENES 500
#define SIZE   112

static struct glyphs glyphs;
static int all_kinds[256];
static struct scene scenes[SCENES];

static int make_scenes(void **state)
{
    (void)state;
    lmvr_error error;
    uint8_t *rgb = malloc((size_t)SIZE * SIZE * 3);
    if (!rgb || glyphs_load(&glyphs, &error) != LMVR_OK)
        return -1;
    for (int i = 0; i < kind_count; i++)
        all_kinds[i] = i;
    struct scene_rules rules = {.kinds = all_kinds, .kind_count = kind_count, .least = 1, .most = SCENE_MAX_OBJECTS};
    for (uint64_t i = 0; i < SCENES; i++) {
        scene_choose(&glyphs, &rules, random_of(5, 0, i), &scenes[i]);
        if (scene_draw(&glyphs, &scenes[i], SIZE, rgb, &error) != LMVR_OK)
            return -1;
    }
    free(rgb);
    return 0;
}

static int free_glyphs(void **state)
{
    (void)state;
    glyphs_finish(&glyphs);
    return 0;
}

/* ---- kinds named in a text ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '-';
}

struct search {
    char text[8192]; /* in lower case */
    bool found;
};

/* A whole word, anywhere. */
static void look_for(const char *form, void *user)
{
    struct search *s = user;
    char low[64];
    size_t length = strlen(form);
    for (size_t i = 0; i <= length; i++)
        low[i] = (char)tolower((unsigned char)form[i]);
    for (const char *at = s->text; (at = strstr(at, low)) != NULL; at++)
        s->found |= (at == s->text || !is_word(at[-1])) && !is_word(at[length]);
}

static bool names(const char *text, int kind)
{
    struct search s = {.found = false};
    assert_true(strlen(text) < sizeof s.text);
    for (size_t i = 0; text[i]; i++)
        s.text[i] = (char)tolower((unsigned char)text[i]);
    kind_forms(&kinds[kind], look_for, &s);
    return s.found;
}

static bool has(const struct scene *scene, int kind)
{
    for (int i = 0; i < scene->count; i++)
        if (scene->objects[i].kind == kind)
            return true;
    return false;
}

static void assert_names_exactly(const char *text, const struct scene *scene)
{
    for (int kind = 0; kind < kind_count; kind++)
        if (names(text, kind) != has(scene, kind))
            fail_msg("\"%s\" %s %s", text, has(scene, kind) ? "leaves out" : "names", kinds[kind].name);
}

static void test_descriptions_name_what_is_there_and_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        for (int again = 0; again < 4; again++) {
            struct view view;
            struct text text = {0};
            view_init(&view, &scenes[i], SIZE, again > 0, &r);
            if (again % 2)
                describe_caption(&view, &r, &text);
            else
                describe_scene(&view, &r, &text);
            assert_in_range(text.length, 1, TEXT_SIZE / 4); /* nothing has been left out */
            assert_names_exactly(text.bytes, &scenes[i]);
        }
    }
}

/* ---- grammar ---- */

static void assert_good_articles(const char *text)
{
    for (const char *at = text; (at = strpbrk(at, "aA")) != NULL; at++) {
        bool begins = at == text || !is_word(at[-1]), an = at[1] == 'n' && at[2] == ' ', a = at[1] == ' ';
        if (!begins || (!a && !an))
            continue;
        char next = (char)tolower((unsigned char)at[an ? 3 : 2]);
        if (an != (strchr("aeiou", next) != NULL))
            fail_msg("\"%.20s\" in \"%s\"", at, text);
    }
}

static void assert_plain(const char *text)
{
    static const char *const wrong[] = {"  ", " .", " ,", "..", "$", "(null)", " a a ", " the the ", "one dogs", ",,", "? ?"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (strstr(text, wrong[i]))
            fail_msg("\"%s\" in \"%s\"", wrong[i], text);
    for (const char *c = text; *c; c++)
        if (*c < ' ' && *c != '\n')
            fail_msg("a control character in \"%s\"", text);
}

static void assert_sentences(const char *text)
{
    size_t length = strlen(text);
    assert_true(length > 1);
    if (!isupper((unsigned char)*text) || !strchr(".?", text[length - 1]))
        fail_msg("not a sentence: \"%s\"", text);
    for (const char *c = text; (c = strstr(c, ". ")) != NULL; c++)
        if (!isupper((unsigned char)c[2]))
            fail_msg("a sentence without a capital: \"%s\"", c);
}

/* A number word is followed by the right grammatical number: "two dogs", "one dog". */
static void assert_good_numbers(const char *text)
{
    static const char *const many[] = {"two ", "three ", "four ", "five "};
    for (int kind = 0; kind < kind_count; kind++) {
        struct words words = kind_words(&kinds[kind]);
        char wrong[128];
        for (int i = 0; i < 4; i++) {
            snprintf(wrong, sizeof wrong, "%s%s", many[i], words.one);
            const char *at = strcmp(words.one, words.many) == 0 ? NULL : strstr(text, wrong);
            if (at && !is_word(at[strlen(wrong)]))
                fail_msg("\"%s\" in \"%s\"", wrong, text);
        }
        snprintf(wrong, sizeof wrong, "one %s", words.many);
        if (strcmp(words.one, words.many) != 0 && strstr(text, wrong))
            fail_msg("\"%s\" in \"%s\"", wrong, text);
    }
}

static void assert_english(const char *text)
{
    assert_good_articles(text);
    assert_plain(text);
    assert_good_numbers(text);
}

static void test_grammar(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        struct view view;
        struct text text = {0}, question = {0}, answer = {0};
        view_init(&view, &scenes[i], SIZE, true, &r);
        describe_scene(&view, &r, &text);
        assert_sentences(text.bytes);
        assert_english(text.bytes);
        text_clear(&text);
        describe_caption(&view, &r, &text);
        assert_english(text.bytes);
        view_init(&view, &scenes[i], SIZE, false, &r);
        for (int j = 0; j < 20; j++) {
            question_make(&view, &r, &question, &answer);
            assert_sentences(question.bytes);
            assert_english(question.bytes);
            assert_english(answer.bytes);
        }
    }
}

static void test_articles(void **state)
{
    (void)state;
    assert_string_equal(text_article("apple"), "an");
    assert_string_equal(text_article("t-shirt"), "a");
    assert_string_equal(text_article("umbrella"), "an");
    assert_string_equal(text_article("orange"), "an");
}

static void test_lists(void **state)
{
    (void)state;
    struct text items[3] = {0}, list = {0};
    text_add(&items[0], "a dog");
    text_add(&items[1], "a cat");
    text_add(&items[2], "an owl");
    text_list(&list, items, 1, true);
    assert_string_equal(list.bytes, "a dog");
    text_clear(&list);
    text_list(&list, items, 2, true);
    assert_string_equal(list.bytes, "a dog and a cat");
    text_clear(&list);
    text_list(&list, items, 3, false);
    assert_string_equal(list.bytes, "a dog, a cat and an owl");
    text_clear(&list);
    text_list(&list, items, 3, true);
    assert_string_equal(list.bytes, "a dog, a cat, and an owl");
}

/* ---- answers are true ---- */

static void test_whether_something_is_there_is_asked_as_often_with_either_answer(void **state)
{
    (void)state;
    int yes = 0, no = 0;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        struct view view;
        view_init(&view, &scenes[i], SIZE, false, &r);
        for (int j = 0; j < 4; j++) {
            struct text question = {0}, answer = {0};
            assert_true(question_makers[0](&(struct question){&view, &r, &question, &answer}));
            bool says_yes = strncmp(answer.bytes, "Yes", 3) == 0, is_there = false;
            for (int k = 0; k < kind_count; k++)
                is_there |= names(question.bytes, k) && has(&scenes[i], k);
            if (says_yes != is_there)
                fail_msg("%s %s", question.bytes, answer.bytes);
            yes += says_yes;
            no += !says_yes;
        }
    }
    assert_true(yes > SCENES * 4 * 45 / 100 && no > SCENES * 4 * 45 / 100);
}

/* Every type of question finds a scene to ask about, and answers name nothing that is not there. */
static void test_answers_name_only_what_is_there_or_asked_for(void **state)
{
    (void)state;
    for (int q = 0; q < question_count; q++) {
        int asked = 0;
        for (int i = 0; i < SCENES; i++) {
            struct random r = scenes[i].words;
            struct view view;
            struct text question = {0}, answer = {0};
            view_init(&view, &scenes[i], SIZE, false, &r);
            if (question_makers[q](&(struct question){&view, &r, &question, &answer})) {
                asked++;
                for (int k = 0; k < kind_count; k++)
                    if (names(answer.bytes, k) && !has(&scenes[i], k) && !names(question.bytes, k))
                        fail_msg("%s %s: names %s", question.bytes, answer.bytes, kinds[k].name);
            }
        }
        assert_true(asked > SCENES / 20);
    }
}

static void test_conversations_begin_with_the_image_and_repeat_no_question(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        struct view view;
        struct dialogue c;
        view_init(&view, &scenes[i], SIZE, false, &r);
        dialogue_init(&c, &view, &r);
        assert_in_range(c.count, 1, CONVERSATION_MAX_TURNS);
        assert_non_null(strstr(c.turns[0].question.bytes, "<image>"));
        for (int j = 0; j < c.count; j++) {
            assert_true(*c.turns[j].answer.bytes);
            for (int k = 1; k < j; k++)
                assert_string_not_equal(c.turns[j].question.bytes, c.turns[k].question.bytes);
        }
    }
}

static void test_the_longest_texts_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        struct view view;
        struct text text = {0};
        view_init(&view, &scenes[i], SIZE, false, &r);
        dialogue_write_text(&view, &r, &text);
        assert_in_range(text.length, 100, TEXT_SIZE / 2);
        assert_int_equal(text.bytes[text.length - 1], '\n');
    }
}

static void test_wording_varies(void **state)
{
    (void)state;
    static char openings[SCENES][24];
    int different = 0;
    for (int i = 0; i < SCENES; i++) {
        struct random r = scenes[i].words;
        struct view view;
        struct text text = {0};
        view_init(&view, &scenes[i], SIZE, true, &r);
        describe_scene(&view, &r, &text);
        snprintf(openings[i], sizeof openings[i], "%.10s", text.bytes);
        bool new = true;
        for (int j = 0; j < i; j++)
            new = new &&strcmp(openings[j], openings[i]) != 0;
        different += new;
    }
    assert_true(different > 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_articles),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_descriptions_name_what_is_there_and_nothing_else),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_whether_something_is_there_is_asked_as_often_with_either_answer),
        cmocka_unit_test(test_answers_name_only_what_is_there_or_asked_for),
        cmocka_unit_test(test_conversations_begin_with_the_image_and_repeat_no_question),
        cmocka_unit_test(test_the_longest_texts_are_whole),
        cmocka_unit_test(test_wording_varies),
    };
    return cmocka_run_group_tests(tests, make_scenes, free_glyphs);
}
