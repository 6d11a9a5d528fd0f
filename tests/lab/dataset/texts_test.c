/* Texts as inputs: a line each, or JSON objects. */
#include "cmocka_all.h"
#include "lab/dataset/texts.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

static lmvr_error error;
static struct texts texts;

static void read_texts(const char *name, const char *content)
{
    write_text(name, content);
    if (texts_read(name, &texts, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void assert_refused(const char *name, const char *content, const char *sentence)
{
    write_text(name, content);
    assert_int_equal(texts_read(name, &texts, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void a_line_is_a_text_and_empty_ones_are_none(void **state)
{
    (void)state;
    read_texts("t.txt", "a cat\r\n\n {\"text\": 1}\nlast");
    assert_int_equal(texts.count, 3);
    assert_string_equal(texts.inputs[0].text, "a cat");
    assert_string_equal(texts.inputs[1].text, " {\"text\": 1}");
    assert_string_equal(texts.inputs[2].text, "last");
    assert_null(texts.inputs[0].path);
    texts_finish(&texts);
}

static void an_object_names_text_image_and_instruction(void **state)
{
    (void)state;
    read_texts("t.jsonl",
               "{\"text\": \"a\\ncat\", \"id\": 7}\n{\"image\": \"b.jpg\", \"instruction\": \"Find it\", \"text\": null}\n");
    assert_int_equal(texts.count, 2);
    assert_string_equal(texts.inputs[0].text, "a\ncat");
    assert_null(texts.inputs[1].text);
    assert_string_equal(texts.inputs[1].path, "b.jpg");
    assert_string_equal(texts.inputs[1].system, "Find it");
    assert_string_equal(texts.lines[0], "{\"text\": \"a\\ncat\", \"id\": 7}");
    texts_finish(&texts);
}

static void what_is_no_text_keeps_its_place_with_a_sentence(void **state)
{
    (void)state;
    const char *strings = "t.jsonl: line 4: expected text, image or both, and perhaps instruction, all of them strings";
    read_texts("t.jsonl", "{\"text\": \"a\"}\n[1]\n{\"text\":\n{\"text\": 1}\n{\"image\": \"b.jpg\"}\n");
    assert_int_equal(texts.count, 5);
    assert_null(texts.wrong[0]);
    assert_string_equal(texts.wrong[1], "t.jsonl: line 2 is not a JSON object: it is another value");
    assert_non_null(strstr(texts.wrong[2], "t.jsonl: line 3 is not a JSON object: "));
    assert_string_equal(texts.wrong[3], strings);
    assert_string_equal(texts.lines[3], "{\"text\": 1}");
    assert_null(texts.inputs[3].text);
    assert_null(texts.inputs[3].path);
    assert_null(texts.wrong[4]);
    texts_finish(&texts);
}

static void a_file_without_a_line_is_refused(void **state)
{
    (void)state;
    assert_refused("t.txt", "\n\n", "t.txt: holds no text");
    assert_int_equal(texts_read("none.txt", &texts, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "none.txt: cannot be read: No such file or directory");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_line_is_a_text_and_empty_ones_are_none),
        IN_FOLDER(an_object_names_text_image_and_instruction),
        IN_FOLDER(what_is_no_text_keeps_its_place_with_a_sentence),
        IN_FOLDER(a_file_without_a_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
