/* Which hidden states a feature means, in decoder-only and in encoder-decoder models. */
#include "cmocka_all.h"
#include "represent/feature.h"

#include <string.h>

static const struct feature_limits alone = {
    .has_language = true, .vision_blocks = 4, .input_blocks = 3, .response_blocks = 3, .encoder_layer = 3};
static const struct feature_limits behind = {.has_language = true,
                                             .encoder_decoder = true,
                                             .vision_blocks = 4,
                                             .input_blocks = 2,
                                             .response_blocks = 5,
                                             .encoder_layer = 4};

static lmvr_error error;

static struct feature parse(const char *text, const struct feature_limits *limits, bool before_generation)
{
    struct feature feature;
    struct feature_limits now = *limits;
    now.before_generation = before_generation;
    if (feature_parse(text, &now, &feature, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return feature;
}

static void assert_refused(const char *text, const struct feature_limits *limits, const char *part)
{
    struct feature feature;
    assert_int_equal(feature_parse(text, limits, &feature, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, part));
}

static void all_is_every_position_of_a_decoder_alone(void **state)
{
    (void)state;
    assert_int_equal(parse("llm", &alone, false).tokens, TOKENS_PROMPT | TOKENS_IMAGE | TOKENS_GENERATED);
    assert_int_equal(parse("llm", &alone, false).layer, 3);
}

static void all_is_the_start_token_and_the_response_behind_an_encoder(void **state)
{
    (void)state;
    assert_int_equal(parse("llm", &behind, false).tokens, TOKENS_START | TOKENS_GENERATED);
    assert_int_equal(parse("llm:generated", &behind, false).tokens, TOKENS_GENERATED);
    assert_int_equal(parse("llm", &behind, true).tokens, TOKENS_INPUT);
    assert_string_equal(parse("llm", &behind, true).spec, "llm:all:mean:-1");
}

static void a_layer_is_one_of_the_stack_that_its_tokens_go_through(void **state)
{
    (void)state;
    assert_int_equal(parse("llm", &behind, false).layer, 5);
    assert_int_equal(parse("llm:end:last:-2", &behind, false).layer, 4);
    assert_int_equal(parse("llm:input:mean:-1", &behind, false).layer, 2);
    assert_int_equal(parse("llm:image", &behind, false).layer, 2);
    assert_int_equal(parse("llm", &behind, true).layer, 2);
    assert_int_equal(parse("llm:end", &behind, true).layer, 2);
    assert_refused("llm:prompt:mean:3", &behind, "expected a whole number from -3 to 2");
    assert_refused("llm:all:mean:6", &behind, "expected a whole number from -6 to 5");
    assert_int_equal(parse("encoder", &behind, false).layer, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_every_position_of_a_decoder_alone),
        cmocka_unit_test(all_is_the_start_token_and_the_response_behind_an_encoder),
        cmocka_unit_test(a_layer_is_one_of_the_stack_that_its_tokens_go_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
