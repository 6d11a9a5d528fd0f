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
static struct arena arena;

static struct feature_set parse(const char *const *texts, size_t count, const struct feature_limits *limits)
{
    struct feature_set set;
    struct feature_form form = {0};
    if (feature_set_parse(&set, texts, count, limits, &widths, &form, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return set;
}

/* The numbers of all features, one after another. */
static void read_pools(const struct feature_set *set, const struct pool *pools, float *row)
{
    struct feature_rows *vectors = feature_rows_create(set);
    assert_int_equal(pools_read(set, &arena, pools, vectors, &error), LMVR_OK);
    for (int i = 0; i < set->count; i++)
        for (size_t j = 0; j < vectors[i].count * set->features[i].dim; j++)
            *row++ = vectors[i].values[j];
    feature_rows_free(set, vectors);
}

/* Positions first .. first + rows - 1 of the prompt. */
static void add_prompt(const struct feature_set *set, struct pool *pools, bool ends, int layer, int64_t first, int64_t rows)
{
    float states[16];
    for (int64_t i = 0; i < rows; i++)
        states[i] = (float)(first + i);
    pools_add_input(set, &arena, pools, &input, ends, layer, first, rows, WIDTH, states);
}

static void add_response(const struct feature_set *set, struct pool *pools, int layer, float state, bool last)
{
    struct response_row row = {pools, last};
    assert_int_equal(pools_add_responses(set, &arena, 1, &row, layer, WIDTH, &state, &error), LMVR_OK);
}

static const char *const all_kinds[] = {"llm:all",   "llm:generated", "llm:end",       "llm:input:max",
                                        "llm:image", "llm:prompt",    "llm:all:last:1"};
#define KINDS (sizeof all_kinds / sizeof *all_kinds)

/* The prompt comes in two passes that cut through its visual tokens, then three tokens of response. */
static void each_kind_pools_its_positions(void **state)
{
    (void)state;
    struct feature_set set = parse(all_kinds, KINDS, &decoder_only);
    struct pool *prefix = pools_create(&set, device_cpu()), *pools = pools_create(&set, device_cpu());
    add_prompt(&set, prefix, false, 2, 0, 2);
    pools_begin(&set, &arena, pools, prefix);
    add_prompt(&set, pools, false, 2, 2, 2);
    add_prompt(&set, pools, false, 2, 4, 4);
    add_prompt(&set, pools, false, 1, 4, 4); /* of another layer */
    for (int i = 8; i < 11; i++)
        add_response(&set, pools, 2, (float)i, i == 10);
    float row[KINDS] = {0};
    read_pools(&set, pools, row);
    const float expected[KINDS] = {5, 9, 10, 7, 3, (0 + 1 + 5 + 6 + 7) / 5.0F, 7};
    for (size_t i = 0; i < KINDS; i++)
        assert_float_equal(row[i], expected[i], 1e-6);
    pools_begin(&set, &arena, pools, prefix); /* the next image starts from the prefix alone */
    read_pools(&set, pools, row);
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
    struct pool *pools = pools_create(&set, device_cpu());
    add_prompt(&set, pools, true, 2, 0, 5);
    add_prompt(&set, pools, true, 2, 5, 3);
    float row[2] = {0};
    read_pools(&set, pools, row);
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
    struct pool *pools = pools_create(&set, device_cpu());
    float layer[] = {1, 2, 3, 10, 20, 30}, tokens[] = {40, 60}, pixels[] = {7, 8, 9};
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
    struct feature_rows *vectors = feature_rows_create(&set);
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(features_of_encoded(&set, &arena, pools, &encoded, vectors, &error), LMVR_OK);
    const float expected[] = {25, 10, 20, 50};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(vectors[i].count, 1);
        assert_float_equal(vectors[i].values[0], expected[i], 0);
    }
    assert_memory_equal(vectors[4].values, pixels, sizeof pixels);
    feature_rows_free(&set, vectors);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

/* Like each_kind_pools_its_positions, but every position's row is kept. */
static void without_a_pool_every_position_keeps_its_row(void **state)
{
    (void)state;
    static const char *const texts[] = {"llm:all:none", "llm:image:none", "llm:prompt:none", "llm:end:none", "llm:all"};
    static const float all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, image[] = {2, 3, 4}, prompt[] = {0, 1, 5, 6, 7}, end[] = {9};
    static const float *const expected[] = {all, image, prompt, end};
    static const size_t counts[] = {10, 3, 5, 1, 1};
    struct feature_set set = parse(texts, 5, &decoder_only);
    struct pool *prefix = pools_create(&set, device_cpu()), *pools = pools_create(&set, device_cpu());
    struct feature_rows *vectors = feature_rows_create(&set);
    add_prompt(&set, prefix, false, 2, 0, 2);
    for (int twice = 0; twice < 2; twice++) {
        pools_begin(&set, &arena, pools, prefix);
        add_prompt(&set, pools, false, 2, 2, 2);
        add_prompt(&set, pools, false, 2, 4, 4);
        add_response(&set, pools, 2, 8, false);
        add_response(&set, pools, 2, 9, true);
        assert_int_equal(pools_read(&set, &arena, pools, vectors, &error), LMVR_OK);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(vectors[i].count, counts[i]);
            assert_int_equal(feature_is_multi_vector(&set.features[i]), i < 4);
            if (i < 4)
                assert_memory_equal(vectors[i].values, expected[i], counts[i] * sizeof(float));
        }
    }
    feature_rows_free(&set, vectors);
    pools_free(&set, prefix);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

/* Two views of 2 x 2 patches in an order of their own, without class tokens; patches are kept row by row. */
static void patches_are_kept_in_the_order_of_the_grid(void **state)
{
    (void)state;
    static const char *const texts[] = {"encoder:patches:none", "adaptor:all:none", "encoder:patches:last"};
    static const int64_t positions[] = {4, 4}, order[] = {0, 2, 1, 3, 4, 6, 5, 7};
    struct feature_set set = parse(texts, 3, &decoder_only);
    struct pool *pools = pools_create(&set, device_cpu());
    struct feature_rows *vectors = feature_rows_create(&set);
    float layer[] = {-1, 0, 2, 1, 3, 4, 6, 5, 7}, tokens[] = {40, 60};
    float *const states[] = {NULL, layer, NULL};
    struct encoded encoded = {.states = states,
                              .first = 1,
                              .visual_tokens = tokens,
                              .token_count = 2,
                              .view_count = 2,
                              .view_positions = positions,
                              .order = order};
    assert_int_equal(features_of_encoded(&set, &arena, pools, &encoded, vectors, &error), LMVR_OK);
    assert_int_equal(vectors[0].count, 8);
    for (int i = 0; i < 8; i++)
        assert_float_equal(vectors[0].values[i], (float)i, 0);
    assert_int_equal(vectors[1].count, 2);
    assert_memory_equal(vectors[1].values, tokens, sizeof tokens);
    assert_float_equal(vectors[2].values[0], 7, 0);
    feature_rows_free(&set, vectors);
    pools_free(&set, pools);
    feature_set_finish(&set);
}

static void rows_are_cut_and_then_normalized(void **state)
{
    (void)state;
    static const char *const texts[] = {"adaptor", "adaptor:all:none", "pixels"};
    static const struct source_widths three = {3, 3, 3, 3};
    float tokens[] = {3, 4, 100, 0, 0, 1}, pixels[] = {-5, 12, 9};
    struct feature_form form = {.normalize = true, .dims = 2};
    struct feature_set set;
    assert_int_equal(feature_set_parse(&set, texts, 3, &decoder_only, &three, &form, &error), LMVR_OK);
    struct pool *pools = pools_create(&set, device_cpu());
    struct feature_rows *vectors = feature_rows_create(&set);
    struct encoded encoded = {.pixels = pixels, .visual_tokens = tokens, .token_count = 2};
    assert_int_equal(features_of_encoded(&set, &arena, pools, &encoded, vectors, &error), LMVR_OK);
    const float mean[] = {0.6F, 0.8F}, each[] = {0.6F, 0.8F, 0, 0}, cut[] = {(float)(-5 / 13.0), (float)(12 / 13.0)};
    assert_int_equal(set.features[0].dim, 2);
    assert_memory_equal(vectors[0].values, mean, sizeof mean);
    assert_memory_equal(vectors[1].values, each, sizeof each); /* a row of zeros stays one */
    assert_memory_equal(vectors[2].values, cut, sizeof cut);
    feature_rows_free(&set, vectors);
    pools_free(&set, pools);
    feature_set_finish(&set);
    form.dims = 4;
    assert_int_equal(feature_set_parse(&set, texts, 3, &decoder_only, &three, &form, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "dims is 4, more than the 3 numbers of feature adaptor:all:mean");
    feature_set_finish(&set);
}

/* The squares of the largest floats do not overflow, and those of the smallest do not vanish. */
static void norms_are_computed_in_double(void **state)
{
    (void)state;
    float rows[] = {3e38F, 0, 1e-44F, 0, 0, -0.0F};
    rows_normalize(rows, 3, 2);
    assert_float_equal(rows[0], 1, 0);
    assert_float_equal(rows[2], 1, 0);
    assert_float_equal(rows[4], 0, 0);
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
        cmocka_unit_test(without_a_pool_every_position_keeps_its_row),
        cmocka_unit_test(patches_are_kept_in_the_order_of_the_grid),
        cmocka_unit_test(rows_are_cut_and_then_normalized),
        cmocka_unit_test(norms_are_computed_in_double),
        cmocka_unit_test(only_what_is_pooled_is_needed),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
