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

static void what_is_no_text_is_refused_with_its_line(void **state)
{
    (void)state;
    const char *strings = "expected text, image or both, and perhaps instruction, all of them strings";
    char sentence[256];
    assert_refused("t.txt", "\n\n", "t.txt: holds no text");
    assert_refused("t.jsonl", "{\"text\": \"a\"}\n[1]\n", "t.jsonl: line 2 is not a JSON object: it is another value");
    snprintf(sentence, sizeof sentence, "t.jsonl: line 1: %s", strings);
    assert_refused("t.jsonl", "{\"text\": 1}\n", sentence);
    assert_refused("t.jsonl", "{\"instruction\": \"a\"}\n", sentence);
    assert_int_equal(texts_read("none.txt", &texts, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "none.txt: cannot be read: No such file or directory");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_line_is_a_text_and_empty_ones_are_none),
        IN_FOLDER(an_object_names_text_image_and_instruction),
        IN_FOLDER(what_is_no_text_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
