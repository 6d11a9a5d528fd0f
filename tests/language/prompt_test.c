/* From a question to the ids before and after the image: the templates, the image's position, and what is refused. */
#include "golden.h"
#include "language/prompt.h"

#define BEGIN 1
#define END   2

static lmvr_error error;
static struct tokenizer *tokenizer;

static int open_vocabulary(void **state)
{
    (void)state;
    return tokenizer_open(LMVR_TEST_DATA "/golden/llava-old-f32/tokenizer.model", &tokenizer, &error);
}

static int close_vocabulary(void **state)
{
    (void)state;
    tokenizer_close(tokenizer);
    return 0;
}

/* One side consists of `first` (negative: nothing), the text's own ids, and `last`. */
static void assert_side(const int32_t *side, size_t side_count, int first, const char *text, int last)
{
    int32_t *ids;
    size_t count, at = 0;
    CHECK(tokenizer_encode(tokenizer, text, &ids, &count, &error));
    assert_int_equal(side_count, count + (first >= 0) + (last >= 0));
    if (first >= 0)
        assert_int_equal(side[at++], first);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(side[at++], ids[i]);
    if (last >= 0)
        assert_int_equal(side[at], last);
    free(ids);
}

static void assert_prompt(const char *name, const char *question, const char *before, const char *after)
{
    struct prompt prompt;
    CHECK(prompt_create(tokenizer, name, question, BEGIN, -1, &prompt, &error));
    assert_side(prompt.ids, prompt.images[0], BEGIN, before, -1);
    assert_side(prompt.ids + prompt.images[0], prompt.count - prompt.images[0], -1, after, -1);
    prompt_finish(&prompt);
}

static void templates_are_llavas(void **state)
{
    (void)state;
    assert_prompt(
        "vicuna_v1", "What is it?",
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
        "and polite answers to the user's questions. USER: ",
        "\nWhat is it? ASSISTANT:");
    assert_prompt("llava_hf", "What is it?", "USER: ", "\nWhat is it? ASSISTANT:");
    assert_prompt("plain", "What is it?", "", "What is it?");
    assert_prompt("none", "What is it?", "", "What is it?");
}

static void the_image_stands_where_the_text_says_so_else_first(void **state)
{
    (void)state;
    assert_prompt("none", "Look at <image> and say what it is:", "Look at ", " and say what it is:");
    assert_prompt("none", "What is <image>", "What is ", "");
    assert_prompt("none", "<image>What is it?", "", "What is it?");
    assert_prompt("none", "", "", "");
    assert_prompt("none", "an <image is no image>", "", "an <image is no image>");
}

static void begin_and_end_tokens_stand_at_the_ends_or_are_left_out(void **state)
{
    (void)state;
    struct prompt prompt;
    CHECK(prompt_create(tokenizer, "none", "a<image>b", -1, END, &prompt, &error));
    assert_side(prompt.ids, prompt.images[0], -1, "a", -1);
    assert_side(prompt.ids + prompt.images[0], prompt.count - prompt.images[0], -1, "b", END);
    prompt_finish(&prompt);
    CHECK(prompt_create(tokenizer, "none", "", -1, -1, &prompt, &error));
    assert_int_equal(prompt.count, 0);
    prompt_finish(&prompt);
}

static void refuse(const char *name, const char *question, const char *sentence)
{
    static const struct prompt none;
    struct prompt prompt;
    assert_int_equal(prompt_create(tokenizer, name, question, BEGIN, -1, &prompt, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_memory_equal(&prompt, &none, sizeof prompt);
}

static void two_images_and_unknown_templates_are_refused(void **state)
{
    (void)state;
    refuse("none", "<image> and <image>", "the prompt has more than one <image>");
    refuse("vicuna_v1", "What is <image>?", "the prompt has more than one <image>");
    refuse("plain", "<image>", "the prompt has more than one <image>");
    refuse("chatml", "a",
           "the template is \"chatml\", expected vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, mistral, "
           "llama3, "
           "plain or none");
    refuse("", "a",
           "the template is \"\", expected vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, mistral, llama3, "
           "plain "
           "or none");
    refuse("Vicuna_v1", "a",
           "the template is \"Vicuna_v1\", expected vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, mistral, "
           "llama3, plain or none");
}

static void assert_ids(json_t *expected, const int32_t *ids, size_t count)
{
    assert_int_equal(json_array_size(expected), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_array_get(expected, i)), ids[i]);
}

/* Every case of a golden checkpoint: LLaVA's begin with the begin token, T5's end with the end token. */
static void check_golden(const char *name, const char *file, int begin, int end)
{
    struct golden g;
    struct tokenizer *own;
    char path[600];
    size_t i;
    json_t *one;
    golden_open(name, &g);
    snprintf(path, sizeof path, "%s/%s", g.folder, file);
    CHECK(tokenizer_open(path, &own, &error));
    json_t *cases = json_object_get(g.json, "cases");
    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, one)
    {
        struct prompt prompt;
        CHECK(prompt_create(own, golden_string(one, "template"), golden_string(one, "prompt"), begin, end, &prompt, &error));
        assert_ids(json_object_get(one, "ids_before"), prompt.ids, prompt.images[0]);
        assert_ids(json_object_get(one, "ids_after"), prompt.ids + prompt.images[0], prompt.count - prompt.images[0]);
        prompt_finish(&prompt);
    }
    tokenizer_close(own);
    golden_close(&g);
}

static void ids_are_those_of_transformers(void **state)
{
    (void)state;
    check_golden("llava-old-f32", "tokenizer.model", BEGIN, -1);
    check_golden("llava-odd-f32", "tokenizer.model", BEGIN, -1);
    check_golden("llava-pad", "tokenizer.model", BEGIN, -1);
    check_golden("blip2-old-f32", "spiece.model", -1, 1);
    check_golden("blip2-new-bf16", "spiece.model", -1, 1);
}

static void a_system_turn_stands_where_the_template_has_one(void **state)
{
    (void)state;
    static const struct {
        const char *name, *system;
        bool picture;
        const char *filled;
    } cases[] = {
        {"qwen2_vl", NULL, true,
         "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><image><|vision_end|>Q"
         "<|im_end|>\n<|im_start|>assistant\n"},
        {"qwen3_vl", NULL, false, "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n"},
        {"qwen3_vl", "S", false, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n"},
        {"smolvlm", "S", true, "<|im_start|>System: S<end_of_utterance>\nUser:<image>Q<end_of_utterance>\nAssistant:"},
        {"smolvlm", NULL, false, "<|im_start|>User: Q<end_of_utterance>\nAssistant:"},
        {"vicuna_v1", "S", true, "S USER: <image>\nQ ASSISTANT:"},
        {"none", NULL, true, "<image>Q"},
        {"none", NULL, false, "Q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *filled;
        CHECK(prompt_fill(cases[i].name, cases[i].system, "Q", cases[i].picture, &filled, &error));
        assert_string_equal(filled, cases[i].filled);
        free(filled);
    }
    char *filled;
    assert_int_equal(prompt_fill("llava_hf", "S", "Q", true, &filled, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the template llava_hf has no system turn");
    assert_int_equal(prompt_fill("none", NULL, "a<image>", false, &filled, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the text has an <image>, but there is no image");
}

static void an_instruction_ends_in_punctuation(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Find it", "Find it."},
        {" Find it?\n", "Find it?"},
        {"", ""},
        {" \t\xc2\xa0", ""},
        {"找到它。", "找到它。"},
        {"a \"quote\"", "a \"quote\""},
        {"two + 2 = $", "two + 2 = $."},
        {"caf\xc3\xa9", "caf\xc3\xa9."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = prompt_punctuate(cases[i][0]);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

static void arbitrary_prompts_stay_within_the_vocabulary(void **state)
{
    (void)state;
    struct prompt prompt;
    CHECK(prompt_create_arbitrary(PROMPT_ARBITRARY, 7, &prompt, &error));
    assert_int_equal(prompt.images[0], 0);
    assert_int_equal(prompt.count, PROMPT_ARBITRARY);
    for (size_t i = 0; i < prompt.count; i++)
        assert_in_range(prompt.ids[i], 0, 6);
    prompt_finish(&prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_llavas),
        cmocka_unit_test(the_image_stands_where_the_text_says_so_else_first),
        cmocka_unit_test(begin_and_end_tokens_stand_at_the_ends_or_are_left_out),
        cmocka_unit_test(two_images_and_unknown_templates_are_refused),
        cmocka_unit_test(ids_are_those_of_transformers),
        cmocka_unit_test(a_system_turn_stands_where_the_template_has_one),
        cmocka_unit_test(an_instruction_ends_in_punctuation),
        cmocka_unit_test(arbitrary_prompts_stay_within_the_vocabulary),
    };
    return cmocka_run_group_tests(tests, open_vocabulary, close_vocabulary);
}
