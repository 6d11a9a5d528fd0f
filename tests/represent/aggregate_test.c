/* Which positions feed which pools. */
#include "cmocka_all.h"
#include "represent/aggregate.h"

/* A state whose only number is its position: a mean or a maximum then tells which positions were pooled. */
#define WIDTH ((size_t)1)

static const struct feature_limits decoder_only = {
    .has_language = true, .vision_blocks = 2, .input_blocks = 2, .response_blocks = 2, .encoder_layer = 1};
static const struct source_widths widths = {WIDTH, WIDTH, WIDTH, 3};
static const int32_t text[3];
static const struct input_piece pieces[] = {{.tokens = text, .count = 2}, {.count = 3}, {.tokens = text, .count = 3}};
static const struct language_input input = {.pieces = pieces, .piece_count = 3, .length = 8};

static lmvr_error error;

static struct feature_set parse(const char *const *texts, size_t count, const struct feature_limits *limits)
{
    struct feature_set set;
    if (feature_set_parse(&set, texts, count, limits, &widths, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return set;
}

/* Positions first .. first + rows - 1 of the prompt. */
static void add_prompt(const struct feature_set *set, struct pool *pools, bool ends, int layer, int64_t first, int64_t rows)
{
    float states[16];
    for (int64_t i = 0; i < rows; i++)
        states[i] = (float)(first + i);
    pools_add_input(set, pools, &input, ends, layer, first, rows, WIDTH, states);
}

static void add_response(const struct feature_set *set, struct pool *pools, int layer, float state, bool last)
{
    pools_add_response(set, pools, layer, last, &state);
}

static const char *const all_kinds[] = {"llm:all",   "llm:generated", "llm:end",       "llm:input:max",
                                        "llm:image", "llm:prompt",    "llm:all:last:1"};
#define KINDS (sizeof all_kinds / sizeof *all_kinds)

/* The prompt comes in two passes that cut through its visual tokens, then three tokens of response. */
static void each_kind_pools_its_positions(void **state)
{
    (void)state;
    struct feature_set set = parse(all_kinds, KINDS, &decoder_only);
    struct pool *prefix = pools_create(&set), *pools = pools_create(&set);
    add_prompt(&set, prefix, false, 2, 0, 2);
    pools_begin(&set, pools, prefix);
    add_prompt(&set, pools, false, 2, 2, 2);
    add_prompt(&set, pools, false, 2, 4, 4);
    add_prompt(&set, pools, false, 1, 4, 4); /* of another layer */
    for (int i = 8; i < 11; i++)
        add_response(&set, pools, 2, (float)i, i == 10);
    float row[KINDS];
    pools_read(&set, pools, row);
    const float expected[KINDS] = {5, 9, 10, 7, 3, (0 + 1 + 5 + 6 + 7) / 5.0F, 7};
    for (size_t i = 0; i < KINDS; i++)
        assert_float_equal(row[i], expected[i], 1e-6);
    pools_begin(&set, pools, prefix); /* the next image starts from the prefix alone */
    pools_read(&set, pools, row);
    assert_float_equal(row[0], 0.5F, 1e-6);
    pools_free(&set, prefix);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

static void without_a_response_the_prompt_has_the_end(void **state)
{
    (void)state;
    struct feature_limits before = decoder_only;
    before.before_generation = true;
    const char *const texts[] = {"llm:end", "llm:all"};
    struct feature_set set = parse(texts, 2, &before);
    struct pool *pools = pools_create(&set);
    add_prompt(&set, pools, true, 2, 0, 5);
    add_prompt(&set, pools, true, 2, 5, 3);
    float row[2];
    pools_read(&set, pools, row);
    assert_float_equal(row[0], 7, 1e-6);
    assert_float_equal(row[1], 3.5F, 1e-6);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

static void the_class_token_is_no_patch(void **state)
{
    (void)state;
    const char *const texts[] = {"encoder", "encoder:cls", "encoder:all", "adaptor", "pixels"};
    struct feature_set set = parse(texts, 5, &decoder_only);
    struct pool *pools = pools_create(&set);
    float layer[] = {1, 2, 3, 10, 20, 30}, tokens[] = {40, 60}, pixels[] = {7, 8, 9}, row[7];
    float *const states[] = {NULL, layer, NULL};
    const int64_t positions[] = {3};
    struct encoded encoded = {.pixels = pixels,
                              .states = states,
                              .first = 3,
                              .visual_tokens = tokens,
                              .token_count = 2,
                              .has_class = true,
                              .view_count = 1,
                              .view_positions = positions};
    assert_true(feature_set_reads_encoder(&set, 1) && !feature_set_reads_encoder(&set, 2));
    features_of_encoded(&set, pools, &encoded, row);
    const float expected[] = {25, 10, 20, 50, 7, 8, 9};
    assert_memory_equal(row, expected, sizeof expected);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

static void only_what_is_pooled_is_needed(void **state)
{
    (void)state;
    const char *const texts[] = {"llm:generated:mean:2", "llm:image:mean:1"};
    struct feature_set set = parse(texts, 2, &decoder_only);
    bool prompt[3] = {0}, response[3] = {0};
    struct feature_needs needs = feature_set_needs(&set, false, prompt, response);
    assert_true(needs.vision && needs.visual_tokens && needs.language && needs.response);
    assert_int_equal(needs.prompt_blocks, 1);
    assert_true(prompt[1] && !prompt[2] && response[2] && !response[1]);
    assert_int_equal(feature_set_kinds(&set, 1), TOKENS_IMAGE);
    assert_int_equal(feature_set_kinds(&set, 2), TOKENS_GENERATED);
    feature_set_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_pools_its_positions),
        cmocka_unit_test(without_a_response_the_prompt_has_the_end),
        cmocka_unit_test(the_class_token_is_no_patch),
        cmocka_unit_test(only_what_is_pooled_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
