/*
 * Tokens and targets for each kind of training data.
 *
 * The expected tokens are written out by hand: the tests' vocabulary has the 256 bytes, "e" and a space, and no merged pieces,
 * so a text is a space (the dummy prefix) and then one token per character.
 */
#include "train/corpora/corpus.h"

#include "language/prompt.h"
#include "scratch.h"
#include "train/corpora/tokens.h"
#include "train/corpora/vocabulary.h"

#include <math.h>

#define SYSTEM                                                                                                                 \
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "      \
    "polite answers to the user's questions."
#define BEGIN 1
#define END   2

static struct tokenizer *tokenizer;
static int32_t space, letter_e;

static int set_up(void **state)
{
    if (enter_folder(state) != 0)
        return -1;
    write_text("letters.txt", "e e ee eee\n");
    const char *const texts[] = {"letters.txt"};
    struct vocabulary_options options = {.texts = texts, .text_count = 1, .size = 3 + 256 + 2};
    lmvr_error error;
    int32_t *ids;
    char *model;
    size_t count, size;
    if (vocabulary_train(&options, &model, &size, &error) != LMVR_OK)
        return -1;
    write_bytes("tokenizer.model", model, size);
    free(model);
    if (tokenizer_open("tokenizer.model", &tokenizer, &error) != LMVR_OK ||
        tokenizer_encode(tokenizer, "ee", &ids, &count, &error) != LMVR_OK)
        return -1;
    space = ids[0];
    letter_e = ids[1];
    bool as_said = count == 3 && ids[2] == letter_e && letter_e != space && space >= 259 && letter_e >= 259;
    free(ids);
    return as_said ? 0 : -1;
}

static int tear_down(void **state)
{
    tokenizer_close(tokenizer);
    return leave_folder(state);
}

/* ---- expected batches --------------------------------------------------------------------------------------------------- */

struct expected {
    int32_t tokens[4096];
    bool learned[4096];
    int count;
};

static void add(struct expected *e, int32_t token, bool learned)
{
    e->tokens[e->count] = token;
    e->learned[e->count++] = learned;
}

static void spell(struct expected *e, const char *text, bool learned)
{
    add(e, space, learned);
    for (; *text; text++)
        add(e, *text == ' ' ? space : *text == 'e' ? letter_e : 3 + (unsigned char)*text, learned);
}

static void assert_sequence(const struct batch_sequence *sequence, const struct expected *e)
{
    assert_int_equal(sequence->count, e->count);
    for (int i = 0; i < e->count; i++) {
        if (sequence->tokens[i] != e->tokens[i] || sequence->learned[i] != e->learned[i])
            fail_msg("token %d is %d, learned %d; expected %d, %d", i, sequence->tokens[i], sequence->learned[i], e->tokens[i],
                     e->learned[i]);
    }
    assert_int_equal(sequence->image, -1);
    assert_int_equal(sequence->label_count, 0);
    assert_null(sequence->labels);
}

/* ---- actual batches ----------------------------------------------------------------------------------------------------- */

typedef lmvr_status (*open_function)(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

static struct corpus_options options_of(const char *data, int most_tokens)
{
    return (struct corpus_options){
        .data = data, .tokenizer = tokenizer, .begin_token = BEGIN, .end_token = END, .most_tokens = most_tokens};
}

static struct corpus open_with(open_function open, const struct corpus_options *options)
{
    struct corpus corpus;
    lmvr_error error;
    if (open(options, &corpus, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return corpus;
}

static struct corpus open_text(open_function open, const char *text, int most_tokens)
{
    write_text("data", text);
    struct corpus_options options = options_of("data", most_tokens);
    return open_with(open, &options);
}

/* visual_at: where the visual tokens are to stand; negative: there are to be none. */
static void assert_read(const struct corpus *corpus, int64_t index, const struct expected *e, int visual_at, const char *path)
{
    struct batch_sequence sequence;
    char *image;
    lmvr_error error;
    if (corpus->read(corpus->self, index, &sequence, &image, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_sequence(&sequence, e);
    assert_int_equal(sequence.span_count, visual_at >= 0);
    if (visual_at >= 0)
        assert_int_equal(sequence.spans[0], visual_at);
    if (path)
        assert_string_equal(image, path);
    else
        assert_null(image);
    free(image);
    tokens_finish(&sequence);
}

static void assert_unusable(const struct corpus *corpus, int64_t index, const char *sentence)
{
    struct batch_sequence sequence;
    char *image;
    lmvr_error error;
    assert_int_equal(corpus->read(corpus->self, index, &sequence, &image, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, sentence);
    assert_null(image);
    assert_null(sequence.tokens);
}

#define HUMAN(text) "{\"from\": \"human\", \"value\": \"" text "\"}"
#define GPT(text)   "{\"from\": \"gpt\", \"value\": \"" text "\"}"

/* ---- captions ----------------------------------------------------------------------------------------------------------- */

static void a_caption_stands_between_begin_and_end(void **state)
{
    (void)state;
    struct corpus c = open_text(corpus_captions,
                                "{\"image\": \"a.jpg\", \"caption\": \"a tree\"}\n"
                                "{\"image\": \"b.jpg\", \"conversations\": [" HUMAN("<image>\\nWhat?") "," GPT(
                                    "A bee.") "]}\n"
                                              "{\"caption\": \"no image\"}\n"
                                              "{\"image\": \"c.jpg\", \"caption\": \"\"}\n"
                                              "{\"image\": \"c.jpg\", \"caption\": 5}\n",
                                100);
    assert_int_equal(c.count, 5);
    struct expected e = {.count = 0};
    add(&e, BEGIN, false);
    spell(&e, "a tree", false);
    add(&e, END, false);
    assert_read(&c, 0, &e, -1, "./a.jpg");
    e.count = 1;
    spell(&e, "A bee.", false);
    add(&e, END, false);
    assert_read(&c, 1, &e, -1, "./b.jpg");
    assert_unusable(&c, 2, "data: record 3 has no image");
    assert_unusable(&c, 3, "data: record 4 has an empty caption");
    assert_unusable(&c, 4, "data: record 5 has neither \"conversations\" nor \"caption\"");
    corpus_finish(&c);
}

static void a_cut_caption_keeps_its_end(void **state)
{
    (void)state;
    struct corpus c = open_text(corpus_captions, "{\"image\": \"a.jpg\", \"caption\": \"eggs\"}", 5);
    struct expected e = {.count = 0};
    add(&e, BEGIN, false);
    spell(&e, "eg", false);
    add(&e, END, false);
    assert_read(&c, 0, &e, -1, "./a.jpg");
    corpus_finish(&c);
}

/* ---- text --------------------------------------------------------------------------------------------------------------- */

static void lines_follow_each_other_and_are_cut_into_samples(void **state)
{
    (void)state;
    struct expected all = {.count = 0}, e;
    add(&all, BEGIN, true);
    spell(&all, "The bee", true);
    add(&all, END, true);
    add(&all, BEGIN, true);
    spell(&all, "sees me.", true);
    add(&all, END, true);
    assert_int_equal(all.count, 10 + 11);
    for (int most = 2; most <= 25; most++) {
        struct corpus c = open_text(corpus_text, "\xEF\xBB\xBFThe bee\r\n\n\nsees me.", most);
        assert_int_equal(c.count, 21 / most + (21 % most >= 2));
        for (int i = 0; i < c.count; i++) {
            e.count = 0;
            for (int t = most * i; t < most * (i + 1) && t < 21; t++)
                add(&e, all.tokens[t], t > most * i);
            assert_read(&c, i, &e, -1, NULL);
        }
        corpus_finish(&c);
    }
}

static void a_line_with_a_tab_is_a_source_and_a_target(void **state)
{
    (void)state;
    write_text("pairs", "bee\tsees me\n\tme\nsee\t\nThe bee\n");
    static const char *const texts[][2] = {{"bee", "sees me"}, {"", "me"}, {"see", ""}, {"The bee", ""}};
    struct corpus_options options = options_of("pairs", 100);
    options.begin_token = -1;
    options.by_lines = true;
    struct corpus c = open_with(corpus_text, &options);
    assert_int_equal(c.count, 4);
    for (int i = 0; i < 4; i++) {
        struct batch_sequence sequence;
        struct expected e = {.count = 0};
        char *image;
        for (int side = 0; side < 2; side++)
            if (*texts[i][side])
                spell(&e, texts[i][side], true);
        add(&e, END, true);
        e.learned[0] = false;
        assert_int_equal(c.read(c.self, i, &sequence, &image, NULL), LMVR_OK);
        assert_sequence(&sequence, &e);
        assert_int_equal(sequence.target_at, i == 0 ? 1 + strlen("bee") : 0);
        tokens_finish(&sequence);
    }
    corpus_finish(&c);
    options.by_lines = false;
    c = open_with(corpus_text, &options);
    assert_int_equal(c.count, 1);
    corpus_finish(&c);
}

/* Longer than a block, with lines of all lengths up to more than a block: the tokens are those of the single lines. */
static void a_long_text_is_read_whole(void **state)
{
    (void)state;
    const int lengths[] = {1, 700, 3 << 19, 3, 70000, (1 << 20) - 1};
    FILE *file = fopen("long.txt", "we");
    assert_non_null(file);
    int64_t total = 0;
    for (int i = 0; i < 60; i++) {
        int length = lengths[i < 6 ? i : i % 2];
        for (int at = 0; at < length; at++)
            fputc("e g"[(at / 3 + i) % 3], file);
        fputc('\n', file);
        total += 2 + 1 + length;
    }
    assert_int_equal(fclose(file), 0);
    struct corpus_options options = options_of("long.txt", 1 << 16);
    struct corpus c = open_with(corpus_text, &options);
    assert_int_equal(c.count, (total + (1 << 16) - 1) >> 16);
    int line = -1;
    int64_t at = 0, seen = 0;
    for (int i = 0; i < c.count; i++) {
        struct batch_sequence sequence;
        char *image;
        assert_int_equal(c.read(c.self, i, &sequence, &image, NULL), LMVR_OK);
        for (int t = 0; t < sequence.count; t++, seen++, at++) {
            if (sequence.tokens[t] == BEGIN) {
                at = 0;
                line++;
            }
            int length = lengths[line < 6 ? line : line % 2];
            char letter = "e g"[((at - 2) / 3 + line) % 3];
            int32_t expected = at == 0            ? BEGIN
                               : at == 1          ? space
                               : at == length + 2 ? END
                               : letter == 'e'    ? letter_e
                               : letter == ' '    ? space
                                                  : 3 + 'g';
            if (sequence.tokens[t] != expected)
                fail_msg("line %d, token %ld is %d, expected %d", line, (long)at, sequence.tokens[t], expected);
        }
        tokens_finish(&sequence);
    }
    assert_int_equal(seen, total);
    assert_int_equal(line, 59);
    corpus_finish(&c);
}

static void assert_refused(open_function open, const char *data, int most_tokens, const char *part)
{
    struct corpus c;
    lmvr_error error;
    struct corpus_options options = options_of(data, most_tokens);
    assert_int_equal(open(&options, &c, &error), LMVR_ERROR_INVALID);
    assert_null(c.self);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
    corpus_finish(&c);
}

static void what_is_no_data_is_refused(void **state)
{
    (void)state;
    assert_refused(corpus_text, "none.txt", 10, "none.txt: ");
    assert_refused(corpus_captions, "none.json", 10, "none.json: ");
    write_text("empty.txt", "");
    assert_refused(corpus_text, "empty.txt", 10, "empty.txt: has no text");
    assert_refused(corpus_instruction, "empty.txt", 10, "empty.txt: has no records");
    write_text("blank.txt", "\r\n\n");
    assert_refused(corpus_text, "blank.txt", 10, "blank.txt: has no text");
    write_bytes("zero.txt", "a\0b", 3);
    assert_refused(corpus_text, "zero.txt", 10, "zero.txt: contains a zero byte");
    FILE *file = fopen("endless.txt", "we");
    assert_non_null(file);
    for (int i = 0; i < 6 << 20; i++)
        fputc('e', file);
    assert_int_equal(fclose(file), 0);
    assert_refused(corpus_text, "endless.txt", 10, "endless.txt: has a line of more than 4 MiB");
    write_text("some.txt", "words");
    assert_refused(corpus_text, "some.txt", 1, "at most 1");
    assert_refused(corpus_alignment, "some.txt", 1, "at most 1");
    assert_refused(corpus_alignment, "some.txt", 10, "some.txt: is not JSON");
}

/* ---- stage 1 ------------------------------------------------------------------------------------------------------------ */

static void alignment_puts_the_image_in_place_of_the_question(void **state)
{
    (void)state;
    struct corpus c = open_text(corpus_alignment,
                                "[{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("Tell me.\\n<image>") "," GPT(
                                    "A bee") "]},"
                                             "{\"conversations\": [" HUMAN("Hi") "," GPT("Ho") "]}]",
                                100);
    struct expected e = {.count = 0};
    add(&e, BEGIN, false);
    spell(&e, "A bee\n", true);
    assert_read(&c, 0, &e, 1, "./a.jpg");
    assert_unusable(&c, 1, "data: record 2 has no image");
    corpus_finish(&c);

    struct corpus_options options = options_of("data", 4);
    c = open_with(corpus_alignment, &options);
    e.count = 4;
    assert_read(&c, 0, &e, 1, "./a.jpg");
    corpus_finish(&c);
    options.begin_token = -1;
    options.images = "below/here";
    c = open_with(corpus_alignment, &options);
    e.count = 0;
    spell(&e, "A b", true);
    assert_read(&c, 0, &e, 0, "below/here/a.jpg");
    corpus_finish(&c);
}

/* ---- stage 2 ------------------------------------------------------------------------------------------------------------ */

static int spell_image_question(struct expected *e, const char *after)
{
    e->count = 0;
    add(e, BEGIN, false);
    spell(e, SYSTEM " USER: ", false);
    int visual_at = e->count;
    spell(e, after, false);
    return visual_at;
}

static void instruction_fills_the_template_over_all_turns(void **state)
{
    (void)state;
    struct corpus c = open_text(corpus_instruction,
                                "[{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("What is it?\\n<image>") "," GPT(
                                    "A bee.") "," HUMAN("Where?") "," GPT("There") "]}]",
                                1000);
    struct expected e;
    int visual_at = spell_image_question(&e, "\nWhat is it? ASSISTANT:");
    spell(&e, "A bee.", true);
    add(&e, END, true);
    spell(&e, "USER: Where? ASSISTANT:", false);
    spell(&e, "There", true);
    add(&e, END, true);
    assert_read(&c, 0, &e, visual_at, "./a.jpg");
    corpus_finish(&c);

    /* truncated anywhere after the beginning of the first answer */
    int whole = e.count, answer = spell_image_question(&(struct expected){0}, "") + 1 + (int)strlen("\nWhat is it? ASSISTANT:");
    for (int most = answer; most <= whole; most += 7) {
        struct corpus_options options = options_of("data", most);
        c = open_with(corpus_instruction, &options);
        e.count = most;
        if (most == answer) {
            char sentence[128];
            snprintf(sentence, sizeof sentence, "data: record 1 has no answer within its first %d tokens", most);
            assert_unusable(&c, 0, sentence);
        } else {
            assert_read(&c, 0, &e, visual_at, "./a.jpg");
        }
        corpus_finish(&c);
    }
}

static void the_image_goes_to_the_front_of_the_first_question(void **state)
{
    (void)state;
    const char *const questions[] = {"<image>\\nWhat?", "What?\\n<image>", "What?", "<image>What?",
                                     " <image> <image>\\n What? "};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char json[512];
        snprintf(json, sizeof json, "[{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("%s") "," GPT("E") "]}]",
                 questions[i]);
        struct corpus c = open_text(corpus_instruction, json, 1000);
        struct expected e;
        int visual_at = spell_image_question(&e, "\nWhat? ASSISTANT:");
        spell(&e, "E", true);
        add(&e, END, true);
        assert_read(&c, 0, &e, visual_at, "./a.jpg");
        corpus_finish(&c);
    }
}

static void a_record_of_text_alone_has_no_visual_tokens(void **state)
{
    (void)state;
    struct corpus c = open_text(corpus_instruction, "{\"conversations\": [" HUMAN(" Hi") "," GPT("Ho") "]}", 1000);
    struct expected e = {.count = 0};
    add(&e, BEGIN, false);
    spell(&e, SYSTEM " USER:  Hi ASSISTANT:", false);
    spell(&e, "Ho", true);
    add(&e, END, true);
    assert_read(&c, 0, &e, -1, NULL);
    corpus_finish(&c);
}

static void records_that_make_no_sense_cannot_be_used(void **state)
{
    (void)state;
    struct corpus c = open_text(
        corpus_instruction,
        "[{\"conversations\": [" HUMAN("<image>\\nHi") "," GPT(
            "Ho") "]},"
                  "{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("Hi") "," GPT("Ho") "," HUMAN("And <image>?") "," GPT(
                      "Ha") "]},"
                            "{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("<im<image>age>") "," GPT(
                                "Ho") "]},"
                                      "{\"image\": \"../a.jpg\", \"caption\": \"up\"},"
                                      "{\"image\": \"a.jpg\", \"conversations\": [" GPT("Ho") "]}]",
        1000);
    assert_int_equal(c.count, 5);
    assert_unusable(&c, 0, "data: record 1 has <image> but no image");
    assert_unusable(&c, 1, "data: record 2 has <image> in a question after the first");
    assert_unusable(&c, 2, "data: record 3 has one <image> inside another");
    assert_unusable(&c, 3, "data: record 4 has an image path outside the image folder");
    assert_unusable(&c, 4, "data: record 5 has conversations that are not pairs of question and answer");
    corpus_finish(&c);
}

/* With LLaVA's kind of vocabulary, which has merged pieces: training sees the same tokens as inference. */
static void training_goes_on_where_the_prompt_of_inference_ends(void **state)
{
    (void)state;
    static const char *const questions[] = {"Describe the image.", "What is the dog's color?  Two  words\\n", "",
                                            "\xC3\xA9\xE7\x8A\xAC 12"};
    struct tokenizer *real;
    lmvr_error error;
    assert_int_equal(tokenizer_open(LMVR_TEST_DATA "/golden/llava-old-f32/tokenizer.model", &real, &error), LMVR_OK);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char json[512], question[256];
        snprintf(json, sizeof json,
                 "[{\"image\": \"a.jpg\", \"conversations\": [" HUMAN("%s") "," GPT("A dog, and a cat.") "]}]", questions[i]);
        write_text("real.json", json);
        struct corpus_options options = options_of("real.json", 1000);
        options.tokenizer = real;
        struct corpus c = open_with(corpus_instruction, &options);
        struct batch_sequence sequence;
        char *image;
        assert_int_equal(c.read(c.self, 0, &sequence, &image, &error), LMVR_OK);

        strcpy(question, questions[i]);
        if (strstr(question, "\\n"))
            strcpy(strstr(question, "\\n"), "\n");
        struct prompt prompt;
        int32_t *answer;
        size_t answer_count;
        assert_int_equal(prompt_create(real, "vicuna_v1", question, BEGIN, -1, &prompt, &error), LMVR_OK);
        assert_int_equal(tokenizer_encode(real, "A dog, and a cat.", &answer, &answer_count, &error), LMVR_OK);
        size_t input = prompt.count;
        assert_int_equal(sequence.span_count, 1);
        assert_int_equal(sequence.spans[0], prompt.images[0]);
        assert_int_equal(sequence.count, input + answer_count + 1);
        assert_memory_equal(sequence.tokens, prompt.ids, prompt.count * sizeof(int32_t));
        assert_memory_equal(sequence.tokens + input, answer, answer_count * sizeof(int32_t));
        assert_int_equal(sequence.tokens[sequence.count - 1], END);
        for (int t = 0; t < sequence.count; t++)
            assert_int_equal(sequence.learned[t], t >= (int)input);
        prompt_finish(&prompt);
        free(answer);
        free(image);
        tokens_finish(&sequence);
        corpus_finish(&c);
    }
    tokenizer_close(real);
}

/* ---- labels ------------------------------------------------------------------------------------------------------------- */

static void labels_come_with_prompt_and_image(void **state)
{
    (void)state;
    const char *const images[] = {"a.jpg", "b.jpg"};
    const float labels[] = {1, 0, NAN, 0, 0, 1};
    int32_t before[] = {1, 7}, after[] = {8, 9, 10};
    struct corpus_labelled set = {2, images, labels, 3, before, after, 2, 3};
    struct corpus c;
    struct batch_sequence sequence;
    char *image;
    lmvr_error error;
    assert_int_equal(corpus_labels(&set, &c, &error), LMVR_OK);
    uint64_t fingerprint = c.fingerprint;
    memset(before, 0, sizeof before); /* tokens are copied */
    memset(after, 0, sizeof after);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c.read(c.self, i, &sequence, &image, &error), LMVR_OK);
        assert_string_equal(image, images[i]);
        assert_int_equal(sequence.count, 5);
        assert_memory_equal(sequence.tokens, ((int32_t[]){1, 7, 8, 9, 10}), 5 * sizeof(int32_t));
        assert_int_equal(sequence.span_count, 1);
        assert_int_equal(sequence.spans[0], 2);
        for (int t = 0; t < 5; t++)
            assert_false(sequence.learned[t]);
        assert_int_equal(sequence.label_count, 3);
        assert_memory_equal(sequence.labels, labels + 3 * i, 3 * sizeof *labels);
        free(image);
        tokens_finish(&sequence);
    }
    corpus_finish(&c);
    assert_int_equal(corpus_labels(&set, &c, &error), LMVR_OK);
    assert_true(c.fingerprint != fingerprint); /* of another prompt */
    corpus_finish(&c);
    set.before_count = set.after_count = 0;
    assert_int_equal(corpus_labels(&set, &c, &error), LMVR_ERROR_INVALID);
    corpus_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caption_stands_between_begin_and_end),
        cmocka_unit_test(a_cut_caption_keeps_its_end),
        cmocka_unit_test(lines_follow_each_other_and_are_cut_into_samples),
        cmocka_unit_test(a_line_with_a_tab_is_a_source_and_a_target),
        cmocka_unit_test(a_long_text_is_read_whole),
        cmocka_unit_test(what_is_no_data_is_refused),
        cmocka_unit_test(alignment_puts_the_image_in_place_of_the_question),
        cmocka_unit_test(instruction_fills_the_template_over_all_turns),
        cmocka_unit_test(the_image_goes_to_the_front_of_the_first_question),
        cmocka_unit_test(a_record_of_text_alone_has_no_visual_tokens),
        cmocka_unit_test(records_that_make_no_sense_cannot_be_used),
        cmocka_unit_test(training_goes_on_where_the_prompt_of_inference_ends),
        cmocka_unit_test(labels_come_with_prompt_and_image),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
