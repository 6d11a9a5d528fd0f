#include "lab/dataset/conversations.h"

#include "scratch.h"

static struct conversations *open_text(const char *text)
{
    struct conversations *c;
    lmvr_error error;
    write_text("c.json", text);
    if (conversations_open("c.json", NULL, &c, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return c;
}

static void assert_refused(const char *text, const char *part)
{
    struct conversations *c;
    lmvr_error error;
    write_text("c.json", text);
    assert_int_equal(conversations_open("c.json", NULL, &c, &error), LMVR_ERROR_INVALID);
    assert_null(c);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
}

static void assert_bad_record(const char *text, const char *part)
{
    struct conversation one;
    lmvr_error error;
    struct conversations *c = open_text(text);
    assert_int_equal(conversations_read(c, 0, &one, &error), LMVR_ERROR_INPUT);
    assert_null(one.turns);
    if (!strstr(error.message, part) || !strstr(error.message, "c.json: record 1 "))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
    conversations_close(c);
}

#define PAIR(question, answer)                                                                                                 \
    "\"conversations\": [{\"from\": \"human\", \"value\": \"" question "\"}, {\"from\": \"gpt\", \"value\": \"" answer "\"}]"

static void llava_json_is_read_record_by_record(void **state)
{
    (void)state;
    struct conversation one;
    lmvr_error error;
    struct conversations *c = open_text("[{\"id\": 1, \"image\": \"a/b.jpg\", " PAIR(
        "What?\\n<image>", "A {dog} \\\"[\\u00e9") "},\n"
                                                   "  {\"id\": \"x\", \"more\": [{\"a\": [1, {}]}], " PAIR("Hi", "Ho") "}]");
    assert_int_equal(conversations_count(c), 2);
    assert_int_equal(conversations_read(c, 0, &one, &error), LMVR_OK);
    assert_string_equal(one.image, "./a/b.jpg");
    assert_int_equal(one.turn_count, 2);
    assert_false(one.turns[0].answer);
    assert_string_equal(one.turns[0].text, "What?\n<image>");
    assert_true(one.turns[1].answer);
    assert_string_equal(one.turns[1].text, "A {dog} \"[\xC3\xA9");
    conversation_finish(&one);
    assert_int_equal(conversations_read(c, 1, &one, &error), LMVR_OK);
    assert_null(one.image);
    assert_string_equal(one.turns[0].text, "Hi");
    conversation_finish(&one);
    conversations_close(c);
}

static void lines_of_captions_become_conversations(void **state)
{
    (void)state;
    struct conversation one;
    lmvr_error error;
    struct conversations *c;
    write_text("c.jsonl", "{\"image\": \"1.jpg\", \"caption\": \"a dog\"}\n\n{\"caption\": \"no image\"}\n");
    assert_int_equal(conversations_open("c.jsonl", "pictures", &c, &error), LMVR_OK);
    assert_int_equal(conversations_count(c), 2);
    assert_int_equal(conversations_read(c, 0, &one, &error), LMVR_OK);
    assert_string_equal(one.image, "pictures/1.jpg");
    assert_string_equal(one.turns[0].text, "<image>");
    assert_string_equal(one.turns[1].text, "a dog");
    conversation_finish(&one);
    assert_int_equal(conversations_read(c, 1, &one, &error), LMVR_OK);
    assert_null(one.image);
    assert_string_equal(one.turns[0].text, "");
    conversation_finish(&one);
    conversations_close(c);
}

/* Records of increasing size, so that they begin and end at every position of a block. */
static void records_are_found_wherever_chunks_end(void **state)
{
    (void)state;
    enum { RECORDS = 3000 };
    struct conversations *c;
    lmvr_error error;
    FILE *file = fopen("c.json", "we");
    assert_non_null(file);
    for (int i = 0; i < RECORDS; i++)
        fprintf(file, "%c{\"image\": \"%d.jpg\", \"caption\": \"%0*d\"}", i ? ',' : '[', i, i % 700 + 1, i);
    fputs("]", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(conversations_open("c.json", NULL, &c, &error), LMVR_OK);
    assert_int_equal(conversations_count(c), RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        struct conversation one;
        char expected[800];
        assert_int_equal(conversations_read(c, i, &one, &error), LMVR_OK);
        snprintf(expected, sizeof expected, "%0*d", i % 700 + 1, i);
        assert_string_equal(one.turns[1].text, expected);
        conversation_finish(&one);
    }
    conversations_close(c);
}

static void what_is_no_list_of_records_is_refused(void **state)
{
    (void)state;
    assert_refused("", "no records");
    assert_refused("[]", "no records");
    assert_refused("[{\"a\": 1}", "ends in the middle");
    assert_refused("{\"a\": 1", "ends in the middle");
    assert_refused("[1]", "record 1 is not an object");
    assert_refused("7", "record 1 is not an object");
    assert_refused("\"text\"", "record 1 is not an object");
    assert_refused("[{\"a\": 1}, [2]]", "record 2 is an array");
    assert_refused("{\"a\": 1} [2]", "record 2 is an array");
    assert_refused("[{\"a\": 1}, null]", "record 2 is not an object");
    assert_refused("[{\"a\" 1}]", "not JSON");
    assert_refused("[{\"a\": \"\xFF\"}]", "not JSON");
    struct conversations *c;
    lmvr_error error;
    assert_int_equal(conversations_open("missing.json", NULL, &c, &error), LMVR_ERROR_INVALID);
    assert_int_equal(conversations_open(".", NULL, &c, &error), LMVR_ERROR_INVALID);
}

static void a_record_that_makes_no_sense_is_named(void **state)
{
    (void)state;
    assert_bad_record("{\"image\": \"a.jpg\"}", "neither");
    assert_bad_record("{\"image\": 5, \"caption\": \"x\"}", "outside the image folder");
    assert_bad_record("{\"image\": \"\", \"caption\": \"x\"}", "outside the image folder");
    assert_bad_record("{\"image\": \"/etc/passwd\", \"caption\": \"x\"}", "outside the image folder");
    assert_bad_record("{\"image\": \"a/../../b\", \"caption\": \"x\"}", "outside the image folder");
    assert_bad_record("{\"image\": \"../b\", \"caption\": \"x\"}", "outside the image folder");
    assert_bad_record("{\"conversations\": []}", "pairs");
    assert_bad_record("{\"conversations\": [{\"from\": \"human\", \"value\": \"x\"}]}", "pairs");
    assert_bad_record("{\"conversations\": [{\"from\": \"gpt\", \"value\": \"x\"}, {\"from\": \"human\", \"value\": \"x\"}]}",
                      "turn");
    assert_bad_record("{\"conversations\": [{\"from\": \"human\", \"value\": 1}, {\"from\": \"gpt\", \"value\": \"x\"}]}",
                      "turn");
    assert_bad_record("{\"conversations\": [1, 2]}", "turn");
    assert_bad_record("{\"a\": 1, \"a\": 2}", "parsed");
}

static void the_fingerprint_is_of_the_bytes(void **state)
{
    (void)state;
    struct conversations *a = open_text("{\"caption\": \"x\"}"), *b = open_text("{\"caption\": \"y\"}");
    struct conversations *c = open_text("{\"caption\": \"x\"}");
    assert_true(conversations_fingerprint(a) == conversations_fingerprint(c));
    assert_true(conversations_fingerprint(a) != conversations_fingerprint(b));
    conversations_close(a);
    conversations_close(b);
    conversations_close(c);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(llava_json_is_read_record_by_record),   IN_A_FOLDER(lines_of_captions_become_conversations),
        IN_A_FOLDER(records_are_found_wherever_chunks_end), IN_A_FOLDER(what_is_no_list_of_records_is_refused),
        IN_A_FOLDER(a_record_that_makes_no_sense_is_named), IN_A_FOLDER(the_fingerprint_is_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
