/* Conversations in the prompts of models whose tokens depend on the picture, compared with transformers' processors
 * (tests/golden/train/README.md). */
#include "cmocka_all.h"

#include "format/json.h"
#include "language/prompt.h"
#include "scratch.h"
#include "train/corpora/corpus.h"
#include "train/corpora/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN LMVR_TEST_DATA "/golden/"
#define DATA   GOLDEN "train/conversations/data.json"

struct subject {
    struct model_config config;
    struct tokenizer *tokenizer;
    struct corpus corpus;
};

#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != LMVR_OK)                                                                                                 \
            fail_msg("%s", error.message);                                                                                     \
    } while (0)

static void subject_open(struct subject *s, const char *model, const char *data, int most_tokens)
{
    char path[300];
    lmvr_error error;
    snprintf(path, sizeof path, GOLDEN "%s", model);
    CHECK(model_config_read(path, &s->config, &error));
    snprintf(path, sizeof path, GOLDEN "%s/tokenizer.json", model);
    CHECK(tokenizer_open(path, &s->tokenizer, &error));
    struct corpus_options options = {.data = data,
                                     .images = GOLDEN "images",
                                     .tokenizer = s->tokenizer,
                                     .model = &s->config,
                                     .begin_token = -1,
                                     .end_token = -1,
                                     .most_tokens = most_tokens};
    CHECK(corpus_instruction(&options, &s->corpus, &error));
}

static void subject_close(struct subject *s)
{
    corpus_finish(&s->corpus);
    tokenizer_close(s->tokenizer);
}

/* As the feed does; returns the visual tokens. */
static int64_t read_sample(const struct subject *s, int64_t index, struct batch_sequence *sequence)
{
    struct picture picture = {0};
    struct image image;
    char *path;
    lmvr_error error;
    CHECK(s->corpus.read(s->corpus.self, index, sequence, &path, &error));
    assert_null(sequence->tokens);
    if (path) {
        CHECK(image_read(path, &image, NULL, &error));
        CHECK(preprocess_picture(&s->config.preprocess, &image, &picture, &error));
        image_finish(&image);
    }
    CHECK(s->corpus.place(s->corpus.self, index, path ? &picture : NULL, sequence, &error));
    int64_t visual = path ? config_visual_tokens(&s->config, &picture, NULL) : 0;
    picture_finish(&picture);
    free(path);
    return visual;
}

static int64_t number_at(const json_t *sample, const char *key, size_t index)
{
    const json_t *number = json_array_get(json_object_get(sample, key), index);
    assert_true(json_is_integer(number));
    return json_integer_value(number);
}

/* The sequence with an image token for each visual one. */
static void assert_equals(const struct subject *s, const struct batch_sequence *sequence, int64_t visual, const json_t *sample)
{
    size_t at = 0;
    int64_t each = sequence->span_count ? visual / sequence->span_count : 0;
    int32_t image_token = tokenizer_find(s->tokenizer, config_image_token(&s->config));
    assert_true(image_token >= 0);
    for (int t = 0, span = 0; t < sequence->count; t++, at++) {
        for (; span < sequence->span_count && sequence->spans[span] == t; span++)
            for (int64_t v = 0; v < each; v++, at++) {
                assert_int_equal(number_at(sample, "ids", at), image_token);
                assert_int_equal(number_at(sample, "learned", at), false);
            }
        assert_int_equal(number_at(sample, "ids", at), sequence->tokens[t]);
        assert_int_equal(number_at(sample, "learned", at), sequence->learned[t]);
    }
    assert_int_equal(json_array_size(json_object_get(sample, "ids")), at);
}

static void several_turns_are_tokenized_as_by_transformers(void **state)
{
    (void)state;
    json_t *reference;
    const json_t *samples, *sample, *of_model;
    const char *model;
    size_t index;
    lmvr_error error;
    CHECK(json_read(GOLDEN "train/conversations/reference.json", NULL, &reference, &error));
    assert_int_equal(json_object_size(reference), 5);
    json_object_foreach(reference, model, of_model)
    {
        struct subject s;
        samples = json_object_get(of_model, "samples");
        subject_open(&s, model, DATA, 4096);
        assert_int_equal(s.corpus.count, json_array_size(samples));
        json_array_foreach(samples, index, sample)
        {
            struct batch_sequence sequence;
            int64_t visual = read_sample(&s, (int64_t)index, &sequence);
            assert_int_equal(sequence.span_count > 0, index < 2); /* the last conversation has no picture */
            assert_equals(&s, &sequence, visual, sample);
            tokens_finish(&sequence);
        }
        subject_close(&s);
    }
    json_decref(reference);
}

static void text_and_visual_tokens_fit_in_the_positions(void **state)
{
    (void)state;
    struct subject s;
    struct batch_sequence sequence;
    lmvr_error error;
    subject_open(&s, "qwen25vl-hub-f16", DATA, 4096);
    int64_t visual = read_sample(&s, 0, &sequence);
    int whole = sequence.count;
    tokens_finish(&sequence);

    s.config.language.max_positions = (int)visual + whole - 1;
    assert_int_equal(read_sample(&s, 0, &sequence), visual);
    assert_int_equal(sequence.count, whole - 1);
    tokens_finish(&sequence);

    s.config.language.max_positions = (int)visual;
    struct image image;
    struct picture picture;
    CHECK(image_read(GOLDEN "images/large.jpg", &image, NULL, &error));
    CHECK(preprocess_picture(&s.config.preprocess, &image, &picture, &error));
    assert_int_equal(s.corpus.place(s.corpus.self, 0, &picture, &sequence, &error), LMVR_ERROR_INPUT);
    char sentence[200];
    snprintf(sentence, sizeof sentence, "record 1 has an image of %d visual tokens, but the model takes %d positions",
             (int)visual, (int)visual);
    assert_non_null(strstr(error.message, sentence));
    image_finish(&image);
    picture_finish(&picture);
    subject_close(&s);
}

static void assert_unusable(const char *model, const char *record, const char *sentence)
{
    struct subject s;
    struct batch_sequence sequence;
    struct image image;
    struct picture picture = {0};
    char *path;
    lmvr_error error;
    write_text("one.json", record);
    subject_open(&s, model, "one.json", 4096);
    CHECK(s.corpus.read(s.corpus.self, 0, &sequence, &path, &error));
    if (path) {
        CHECK(image_read(path, &image, NULL, &error));
        CHECK(preprocess_picture(&s.config.preprocess, &image, &picture, &error));
        image_finish(&image);
    }
    assert_int_equal(s.corpus.place(s.corpus.self, 0, path ? &picture : NULL, &sequence, &error), LMVR_ERROR_INPUT);
    assert_non_null(strstr(error.message, sentence));
    tokens_finish(&sequence);
    picture_finish(&picture);
    free(path);
    subject_close(&s);
}

#define RECORD(IMAGE, QUESTION, ANSWER)                                                                                        \
    "[{" IMAGE "\"conversations\": [{\"from\": \"human\", \"value\": \"" QUESTION                                              \
    "\"}, {\"from\": \"gpt\", \"value\": \"" ANSWER "\"}]}]"
#define TINY "\"image\": \"tiny.png\", "

static void an_image_token_in_a_text_stands_for_no_picture(void **state)
{
    (void)state;
    const char *const qwen = "record 1 has the model's <|image_pad|> in its text";
    assert_unusable("qwen25vl-hub-f16", RECORD("", "What is <|image_pad|>?", "Paris"), qwen);
    assert_unusable("qwen25vl-hub-f16", RECORD(TINY, "<image>What is <|image_pad|>?", "Paris"), qwen);
    assert_unusable("qwen25vl-hub-f16", RECORD(TINY, "<image>What?", "A <|image_pad|>"), qwen);
    assert_unusable("smolvlm2-f32", RECORD(TINY, "<image>What?", "A <image>"), "record 1 has the model's <image> in its text");
}

static void templates_for_one_question_are_refused(void **state)
{
    (void)state;
    char *filled;
    bool ended;
    lmvr_error error;
    assert_int_equal(prompt_fill_answer("mistral", "Paris", &filled, &ended, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the template mistral is not for conversations of several turns");
    assert_int_equal(prompt_fill_next("plain", "What?", &filled, &error), LMVR_ERROR_INVALID);
    assert_int_equal(prompt_fill_next("none such", "What?", &filled, &error), LMVR_ERROR_INVALID);
    assert_null(filled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_turns_are_tokenized_as_by_transformers),
        cmocka_unit_test(text_and_visual_tokens_fit_in_the_positions),
        cmocka_unit_test(an_image_token_in_a_text_stands_for_no_picture),
        cmocka_unit_test(templates_for_one_question_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
