/* Small tokenizers with the structure of today's models': ids and texts are those of the tokenizers library. And files that are
 * refused. */
#include "cmocka_all.h"
#include "language/tokenizer.h"
#include "scratch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN LMVR_TEST_DATA "/golden/tokenizer/"

/* Those in GGUF are what llama.cpp's converter made of tokenizer.json files that are here, too. */
static const char *const names[] = {"qwen", "smolvlm", "llama3",     "gpt4o",     "llama2",       "mistral",     "gemma",
                                    "clip", "odd",     "odd_spaces", "gguf/qwen", "gguf/smolvlm", "gguf/llama2", "gguf/llama3"};
#define NAMES (sizeof names / sizeof *names)

static lmvr_error error;

static struct tokenizer *open_tokenizer(const char *name)
{
    char path[512];
    struct tokenizer *tokenizer;
    bool gguf = strncmp(name, "gguf/", 5) == 0;
    snprintf(path, sizeof path, "%s%s%s", gguf ? LMVR_TEST_DATA "/golden/" : GOLDEN, name, gguf ? ".gguf" : ".json");
    if (tokenizer_open(path, &tokenizer, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

static json_t *load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static json_t *load_cases(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.cases.json", strncmp(name, "gguf/", 5) == 0 ? name + 5 : name);
    return load(file);
}

/* Decodes hexadecimal digits to bytes, to be freed. */
static char *bytes_of(const char *digits)
{
    size_t count = strlen(digits) / 2;
    char *bytes = calloc(1, count + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    return bytes;
}

static int32_t *ids_of(json_t *list)
{
    int32_t *ids = calloc(json_array_size(list) + 1, sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < json_array_size(list); i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return ids;
}

/* ---- the library's ids and texts ------------------------------------------------------------------------------------- */

static void check_encoded(const char *name, const struct tokenizer *tokenizer, const char *text, json_t *wanted)
{
    int32_t *ids, *expected = ids_of(wanted);
    size_t count;
    if (tokenizer_encode(tokenizer, text, &ids, &count, &error) != LMVR_OK)
        fail_msg("%s: %s", name, error.message);
    if (count != json_array_size(wanted))
        fail_msg("%s: \"%s\" has %zu ids, not %zu", name, text, count, json_array_size(wanted));
    for (size_t i = 0; i < count; i++)
        if (ids[i] != expected[i])
            fail_msg("%s: id %zu of \"%s\" is %d, not %d", name, i, text, ids[i], expected[i]);
    free(expected);
    free(ids);
}

/* Also that the parts of the text follow each other, are whole characters, and end where it does. */
static void check_decoded(const char *name, const struct tokenizer *tokenizer, json_t *pair)
{
    json_t *list = json_array_get(pair, 0);
    const char *wanted = json_string_value(json_array_get(pair, 1));
    size_t count = json_array_size(list);
    int32_t *ids = ids_of(list);
    uint32_t *ends = calloc(count + 1, sizeof *ends);
    char *text;
    assert_non_null(wanted);
    assert_non_null(ends);
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &text, &error), LMVR_OK);
    if (strcmp(text, wanted) != 0)
        fail_msg("%s: \"%s\" should be \"%s\"", name, text, wanted);
    assert_int_equal(tokenizer_ends(tokenizer, ids, count, ends, &error), LMVR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(ends[i] <= strlen(text) && (i == 0 || ends[i] >= ends[i - 1]));
        assert_true(((unsigned char)text[ends[i]] & 0xC0) != 0x80);
    }
    if (count > 0)
        assert_int_equal(ends[count - 1], strlen(text));
    free(text);
    free(ends);
    free(ids);
}

static void ids_are_the_librarys(void **state)
{
    (void)state;
    json_t *lines = load("lines.json");
    assert_true(json_array_size(lines) >= 200);
    for (size_t n = 0; n < NAMES; n++) {
        struct tokenizer *tokenizer = open_tokenizer(names[n]);
        json_t *root = load_cases(names[n]), *cases = json_object_get(root, "cases");
        assert_int_equal(json_array_size(cases), json_array_size(lines));
        for (size_t i = 0; i < json_array_size(lines); i++) {
            char *text = bytes_of(json_string_value(json_array_get(lines, i)));
            check_encoded(names[n], tokenizer, text, json_array_get(json_array_get(cases, i), 0));
            free(text);
        }
        json_decref(root);
        tokenizer_close(tokenizer);
    }
    json_decref(lines);
}

static void decoded_texts_are_the_librarys(void **state)
{
    (void)state;
    for (size_t n = 0; n < NAMES; n++) {
        struct tokenizer *tokenizer = open_tokenizer(names[n]);
        json_t *root = load_cases(names[n]), *drawn = json_object_get(root, "decoded"), *pair;
        size_t i;
        assert_true(json_array_size(drawn) >= 40);
        json_array_foreach(json_object_get(root, "cases"), i, pair)
        {
            check_decoded(names[n], tokenizer, pair);
        }
        json_array_foreach(drawn, i, pair)
        {
            check_decoded(names[n], tokenizer, pair);
        }
        json_decref(root);
        tokenizer_close(tokenizer);
    }
}

static void assert_ids(const int32_t *ids, size_t count, json_t *wanted)
{
    assert_int_equal(count, json_array_size(wanted));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ids[i], json_integer_value(json_array_get(wanted, i)));
}

static void the_ids_around_a_text_are_the_librarys(void **state)
{
    (void)state;
    size_t framed = 0;
    for (size_t n = 0; n < NAMES; n++) {
        struct tokenizer *tokenizer = open_tokenizer(names[n]);
        struct tokenizer_frame frame = tokenizer_frame_of(tokenizer);
        json_t *root = load_cases(names[n]), *wanted = json_object_get(root, "frame");
        assert_ids(frame.before, frame.before_count, json_array_get(wanted, 0));
        assert_ids(frame.after, frame.after_count, json_array_get(wanted, 1));
        framed += frame.before_count + frame.after_count;
        json_decref(root);
        tokenizer_close(tokenizer);
    }
    assert_int_equal(framed, 8);
}

/* ---- single promises ------------------------------------------------------------------------------------------------- */

static void a_piece_is_found_by_its_text(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer("qwen");
    assert_int_equal(tokenizer_size(tokenizer), 707);
    assert_int_equal(tokenizer_find(tokenizer, "<|endoftext|>"), 700);
    assert_int_equal(tokenizer_find(tokenizer, "<|image_pad|>"), 705);
    assert_int_equal(tokenizer_find(tokenizer, "!"), 0);
    assert_int_equal(tokenizer_find(tokenizer, "<|image"), -1);
    assert_int_equal(tokenizer_find(tokenizer, ""), -1);
    tokenizer_close(tokenizer);
    assert_int_equal(tokenizer_open(LMVR_TEST_DATA "/golden/llava-old-f32/tokenizer.model", &tokenizer, &error), LMVR_OK);
    assert_int_equal(tokenizer_find(tokenizer, "</s>"), 2);
    assert_int_equal(tokenizer_find(tokenizer, "<unk>"), 0);
    assert_int_equal(tokenizer_find(tokenizer, "no such piece"), -1);
    assert_int_equal(tokenizer_frame_of(tokenizer).before_count, 0);
    tokenizer_close(tokenizer);
}

/* The fox's four bytes are a piece each in this vocabulary, as "fox" is not. */
static void ends_of_tokens_are_bytes_of_the_text(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_tokenizer("llama2");
    int32_t ids[] = {tokenizer_find(tokenizer, "<s>"),
                     tokenizer_find(tokenizer, "\xE2\x96\x81"
                                               "a"),
                     tokenizer_find(tokenizer, "<0xF0>"),
                     tokenizer_find(tokenizer, "<0x9F>"),
                     tokenizer_find(tokenizer, "<0xA6>"),
                     tokenizer_find(tokenizer, "<0x8A>"),
                     tokenizer_find(tokenizer, "."),
                     -5,
                     100000};
    static const uint32_t expected[] = {0, 1, 1, 1, 1, 5, 6, 6, 6};
    uint32_t ends[9];
    char *text;
    for (size_t i = 0; i < 7; i++)
        assert_true(ids[i] >= 0);
    assert_int_equal(tokenizer_decode(tokenizer, ids, 9, &text, &error), LMVR_OK);
    assert_string_equal(text, "a🦊.");
    assert_int_equal(tokenizer_ends(tokenizer, ids, 9, ends, &error), LMVR_OK);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(ends[i], expected[i]);
    free(text);
    tokenizer_close(tokenizer);
}

/* Without a pre-tokenizer all of it is one word. */
static void a_long_word_takes_no_quadratic_time(void **state)
{
    (void)state;
    const size_t size = 1 << 20;
    struct tokenizer *tokenizer = open_tokenizer("llama2");
    char *text = malloc(size + 1), *back;
    int32_t *ids;
    size_t count;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = "the cat "[i * i % 8];
    text[size] = '\0';
    assert_int_equal(tokenizer_encode(tokenizer, text, &ids, &count, &error), LMVR_OK);
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &back, &error), LMVR_OK);
    assert_string_equal(back, text);
    free(back);
    free(ids);
    free(text);
    tokenizer_close(tokenizer);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

/* A file with these components beside a vocabulary of a, b, ab and <u>, in apostrophes for quotation marks. */
static void write_file(const char *rest)
{
    char text[4000];
    snprintf(text, sizeof text, "{'model': {'vocab': {'a': 0, 'b': 1, 'ab': 2, '<u>': 3}, 'merges': ['a b']}%s}", rest);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    write_text("tokenizer.json", text);
}

static void assert_refused(const char *sentence)
{
    struct tokenizer *tokenizer = (struct tokenizer *)&error;
    if (tokenizer_open("tokenizer.json", &tokenizer, &error) != LMVR_ERROR_INVALID)
        fail_msg("not refused: %s", sentence);
    assert_null(tokenizer);
    assert_string_equal(error.message, sentence);
}

static void refuse(const char *rest, const char *sentence)
{
    write_file(rest);
    assert_refused(sentence);
}

static void refuse_model(const char *model, const char *sentence)
{
    char text[2000];
    snprintf(text, sizeof text, ", 'model': %s}", model);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    text[0] = '{';
    write_text("tokenizer.json", text);
    assert_refused(sentence);
}

static void a_broken_model_is_refused_by_its_place(void **state)
{
    (void)state;
    assert_refused("tokenizer.json: cannot open: No such file or directory");
    write_text("tokenizer.json", "{]");
    assert_refused("tokenizer.json: is not valid JSON at line 1, column 2: string or '}' expected near ']'");
    write_text("tokenizer.json", "{}");
    assert_refused("tokenizer.json: model is missing, expected an object");
    refuse_model(
        "{'type': 'Unigram'}",
        "tokenizer.json: holds a Unigram model, which is read from SentencePiece's file only; expected tokenizer.model "
        "or spiece.model beside it, which the model that it was made from has");
    refuse_model("{'type': 'WordPiece'}", "tokenizer.json: model.type is \"WordPiece\", expected BPE");
    refuse_model("{'vocab': [], 'merges': []}", "tokenizer.json: model.vocab is not an object of pieces and ids");
    refuse_model("{'vocab': {'a': -1}, 'merges': []}",
                 "tokenizer.json: model.vocab: the id of \"a\" is not a whole number from 0 to 4194303");
    refuse_model("{'vocab': {'a': 1, 'b': 1}, 'merges': []}",
                 "tokenizer.json: model.vocab gives the id 1 twice, at last to \"b\"");
    refuse_model("{'vocab': {'a': 1}}", "tokenizer.json: model.merges is missing, expected a list");
    refuse_model("{'vocab': {'a': 1}, 'merges': [['a']]}",
                 "tokenizer.json: model.merges[0] is not a merge, expected \"a b\" or [\"a\", \"b\"]");
    refuse_model("{'vocab': {'a': 1}, 'merges': ['a a']}", "tokenizer.json: model.merges[0]: \"aa\" is not in the vocabulary");
    refuse_model("{'vocab': {'a': 1}, 'merges': ['a x']}", "tokenizer.json: model.merges[0]: \"x\" is not in the vocabulary");
    refuse_model("{'vocab': {'a': 1}, 'merges': [], 'dropout': 0.5}",
                 "tokenizer.json: model.dropout is 0.5, expected null, as texts are not cut at random here");
}

/* As files in a cache have. */
static void json_is_known_by_its_first_byte(void **state)
{
    (void)state;
    struct tokenizer *tokenizer;
    write_file("");
    assert_int_equal(rename("tokenizer.json", "4f0a"), 0);
    assert_int_equal(tokenizer_open("4f0a", &tokenizer, &error), LMVR_OK);
    assert_int_equal(tokenizer_size(tokenizer), 4);
    tokenizer_close(tokenizer);
}

static void an_unknown_component_is_refused_by_its_place(void **state)
{
    (void)state;
    refuse(
        ", 'normalizer': {'type': 'Nmt'}",
        "tokenizer.json: normalizer.type is \"Nmt\", expected Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace or "
        "Strip");
    refuse(", 'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'NFC'}, {'type': 'Prepend'}]}",
           "tokenizer.json: normalizer.normalizers[1].prepend is missing, expected a string");
    refuse(", 'pre_tokenizer': {'type': 'Metaspace', 'replacement': 'xy'}",
           "tokenizer.json: pre_tokenizer.replacement is \"xy\", expected one character");
    refuse(", 'pre_tokenizer': {'type': 'Split', 'pattern': {'Regex': 'a['}, 'behavior': 'Isolated'}",
           "tokenizer.json: pre_tokenizer.pattern.Regex uses [ without ] at byte 1, which is not known here");
    refuse(", 'pre_tokenizer': {'type': 'Split', 'pattern': {'Regex': '[a[bc]]'}, 'behavior': 'Isolated'}",
           "tokenizer.json: pre_tokenizer.pattern.Regex uses classes within a class at byte 2, which is not known here");
    refuse(", 'pre_tokenizer': {'type': 'Split', 'pattern': {'Regex': '(?i:s|t|Ss)|ss'}, 'behavior': 'Isolated'}",
           "tokenizer.json: pre_tokenizer.pattern.Regex uses a pair of letters that has a ligature, without regard to case at "
           "byte "
           "9, which is not known here");
    refuse(", 'pre_tokenizer': {'type': 'Split', 'pattern': {'Regex': '+'}, 'behavior': 'Isolated'}",
           "tokenizer.json: pre_tokenizer.pattern.Regex is not a pattern that can be read: quantifier does not follow a "
           "repeatable item");
    refuse(
        ", 'pre_tokenizer': {'type': 'Split', 'pattern': {'String': 'a'}, 'behavior': 'Cut'}",
        "tokenizer.json: pre_tokenizer.behavior is \"Cut\", expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
        "Contiguous");
    refuse(
        ", 'decoder': {'type': 'CTC'}",
        "tokenizer.json: decoder.type is \"CTC\", expected Sequence, ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace "
        "or BPEDecoder");
    refuse(", 'post_processor': {'type': 'RobertaProcessing', 'cls': ['<s>', 9], 'sep': ['</s>', 1]}",
           "tokenizer.json: post_processor.cls is [\"<s>\",9], expected ids of tokens that there are");
}

static void an_added_token_has_to_have_its_id(void **state)
{
    (void)state;
    refuse(", 'added_tokens': [{'content': '<u>', 'id': 4}]",
           "tokenizer.json: added_tokens[0].id is 4, expected 3, which model.vocab gives it");
    refuse(", 'added_tokens': [{'content': '<x>', 'id': 4}, {'content': '<y>', 'id': 7}]",
           "tokenizer.json: added_tokens[1].id is 7, expected 5, the next after the vocabulary's");
    refuse(", 'added_tokens': [{'content': '<x>'}]",
           "tokenizer.json: added_tokens[0].id is missing, expected 4, the next after the vocabulary's");
    refuse(", 'added_tokens': [{'content': '<u>', 'id': 3}, {'content': '<u>', 'id': 3}]",
           "tokenizer.json: the added token \"<u>\" is another's text");
    refuse(", 'added_tokens': [7]", "tokenizer.json: added_tokens[0] is not an object");
}

static void what_is_unknown_and_has_no_piece_is_refused(void **state)
{
    (void)state;
    struct tokenizer *tokenizer;
    int32_t *ids;
    size_t count;
    write_text("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"<unk>\"}}");
    assert_int_equal(tokenizer_open("tokenizer.json", &tokenizer, &error), LMVR_OK);
    assert_int_equal(tokenizer_encode(tokenizer, "aaxa", &ids, &count, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "the text has \"x\", which the tokenizer does not know, and its unk_token, <unk>, is not in "
                        "its vocabulary");
    tokenizer_close(tokenizer);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_librarys),
        cmocka_unit_test(decoded_texts_are_the_librarys),
        cmocka_unit_test(the_ids_around_a_text_are_the_librarys),
        cmocka_unit_test(a_piece_is_found_by_its_text),
        cmocka_unit_test(ends_of_tokens_are_bytes_of_the_text),
        cmocka_unit_test(a_long_word_takes_no_quadratic_time),
        IN_FOLDER(a_broken_model_is_refused_by_its_place),
        IN_FOLDER(json_is_known_by_its_first_byte),
        IN_FOLDER(an_unknown_component_is_refused_by_its_place),
        IN_FOLDER(an_added_token_has_to_have_its_id),
        IN_FOLDER(what_is_unknown_and_has_no_piece_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
