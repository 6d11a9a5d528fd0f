/* How the tokenizers of dual encoders frame, fill up and cut texts. Those of the golden checkpoints are in session/dual_test.c.
 */
#include "cmocka_all.h"
#include "model/text_tokens.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

#define GEMMA LMVR_TEST_DATA "/golden/tokenizer/gemma.json"
#define SPM   LMVR_TEST_DATA "/golden/siglip-f32/spiece.model"

static lmvr_error error;

static const struct text_config siglip = {
    .vocabulary = 1000, .positions = 12, .begin_token = -1, .end_token = 1, .pads = true, .pad_token = 1};
static const struct text_config clip = {.vocabulary = 1000, .positions = 12, .begin_token = 998, .end_token = 999};

/* The ids of a text as the rules make them, followed by -1. */
static void encode(const char *file, const struct text_config *config, const char *text, int32_t ids[16])
{
    struct tokenizer *tokenizer;
    struct text_rules rules;
    int32_t *made;
    size_t count;
    assert_int_equal(text_tokens_open(".", file, config, &tokenizer, &rules, &error), LMVR_OK);
    assert_int_equal(text_rules_encode(&rules, tokenizer, text, &made, &count, &error), LMVR_OK);
    assert_true(count <= 15);
    memcpy(ids, made, count * sizeof *ids);
    ids[count] = -1;
    free(made);
    tokenizer_close(tokenizer);
}

/* The ids of a text alone, followed by -1. */
static void tokenize(const char *file, const char *text, int32_t ids[16])
{
    struct tokenizer *tokenizer;
    int32_t *made;
    size_t count;
    assert_int_equal(tokenizer_open(file, &tokenizer, &error), LMVR_OK);
    assert_int_equal(tokenizer_encode(tokenizer, text, &made, &count, &error), LMVR_OK);
    assert_true(count >= 2 && count <= 15);
    memcpy(ids, made, count * sizeof *ids);
    ids[count] = -1;
    free(made);
    tokenizer_close(tokenizer);
}

/* SigLIP 2's, whose punctuation stays: Gemma's begin token is what the tokenizer.json here puts before a text. */
static void a_tokenizer_json_frames_and_its_texts_are_in_lower_case(void **state)
{
    (void)state;
    int32_t ids[16], inner[16];
    write_text("tokenizer_config.json", "{\"eos_token\": \"</s>\", \"pad_token\": {\"content\": \"<unk>\"}}");
    encode(GEMMA, &siglip, "A Dog, no?", ids);
    tokenize(GEMMA, "a dog, no?", inner);
    int i = 0;
    assert_int_equal(ids[0], 1);
    for (; inner[i] >= 0; i++)
        assert_int_equal(ids[1 + i], inner[i]);
    assert_true(i < 10); /* else there is nothing to fill up */
    assert_int_equal(ids[1 + i], 2);
    for (i += 2; i < 12; i++)
        assert_int_equal(ids[i], 0);
    assert_int_equal(ids[12], -1);
}

static void a_sentencepiece_tokenizer_of_siglip_drops_case_and_punctuation(void **state)
{
    (void)state;
    int32_t ids[16], inner[16], upper[16], kept[16];
    tokenize(SPM, "dog no", inner);
    encode(SPM, &siglip, "\t.DOG,  (no)! ", ids);
    int i = 0;
    for (; inner[i] >= 0; i++)
        assert_int_equal(ids[i], inner[i]);
    for (; i < 12; i++)
        assert_int_equal(ids[i], 1);
    write_text("tokenizer_config.json", "{\"do_lower_case\": false}");
    encode(SPM, &siglip, "DOG!", ids);
    tokenize(SPM, "DOG", upper);
    for (i = 0; upper[i] >= 0; i++)
        assert_int_equal(ids[i], upper[i]);
    tokenize(SPM, "dog", kept);
    assert_int_not_equal(memcmp(upper, kept, sizeof *upper * 2), 0);
}

/* As of a CLIP that was trained here. */
static void a_clip_without_a_frame_in_its_tokenizer_has_the_configurations(void **state)
{
    (void)state;
    int32_t ids[16], inner[16];
    encode(SPM, &clip, "Dog, no", ids);
    tokenize(SPM, "Dog, no", inner);
    int i = 0;
    assert_int_equal(ids[0], 998);
    for (; inner[i] >= 0; i++)
        assert_int_equal(ids[1 + i], inner[i]);
    assert_int_equal(ids[1 + i], 999);
    assert_int_equal(ids[2 + i], -1);
    encode(SPM, &clip, "the dog the dog the dog the dog the dog the dog", ids);
    assert_int_equal(ids[11], 999);
    assert_int_equal(ids[12], -1);
}

static void assert_refused(const char *file, const struct text_config *config, const char *part)
{
    struct tokenizer *tokenizer;
    struct text_rules rules;
    assert_int_equal(text_tokens_open(".", file, config, &tokenizer, &rules, &error), LMVR_ERROR_INVALID);
    assert_null(tokenizer);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void tokens_that_the_tower_does_not_have_are_refused(void **state)
{
    (void)state;
    struct text_config few = siglip, beyond = clip;
    few.vocabulary = 100;
    beyond.end_token = 1000;
    assert_refused(SPM, &few, "but the text tower's embedding only 100 rows");
    assert_refused(SPM, &beyond, "a token around texts has the id 1000, but the embedding only 1000 rows");
    write_text("tokenizer_config.json", "{\"pad_token\": \"<filler>\"}");
    assert_refused(SPM, &siglip, "pad_token is \"<filler>\", expected a token of the tokenizer");
    write_text("tokenizer_config.json", "{\"eos_token\": 3}");
    assert_refused(SPM, &siglip, "eos_token");
    assert_refused("none.model", &siglip, "none.model");
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(a_tokenizer_json_frames_and_its_texts_are_in_lower_case),
        in_folder(a_sentencepiece_tokenizer_of_siglip_drops_case_and_punctuation),
        in_folder(a_clip_without_a_frame_in_its_tokenizer_has_the_configurations),
        in_folder(tokens_that_the_tower_does_not_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
