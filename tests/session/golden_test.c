/* Every step of the computation, and its result, equal what transformers computes for the checkpoints in tests/golden/. */
#include "golden.h"
#include "session/session.h"

#define STEP_ERROR 1e-5 /* relative L2 in f32; 1e-4 is promised */
#define MOST_NEW   16

static const char *const checkpoints[] = {"llava-old-f32", "llava-new-bf16", "llava-f16-tied", "llava-odd-f32",
                                          "llava-pad",     "blip2-old-f32",  "blip2-new-bf16", "blip2-odd-f16"};

static struct lmvr_model *open_model(const struct golden *g, lmvr_dtype dtype)
{
    lmvr_error error = {{0}};
    struct lmvr_model *model;
    if (lmvr_model_open(g->folder, dtype, 0, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return model;
}

static lmvr_aspect aspect_of(json_t *object)
{
    const char *aspect = golden_string(object, "aspect");
    return !aspect                       ? LMVR_ASPECT_DEFAULT
           : strcmp(aspect, "pad") == 0  ? LMVR_ASPECT_PAD
           : strcmp(aspect, "crop") == 0 ? LMVR_ASPECT_CROP
                                         : LMVR_ASPECT_STRETCH;
}

static struct lmvr_session *open_session(const struct lmvr_model *model, const lmvr_session_options *options)
{
    lmvr_error error = {{0}};
    struct lmvr_session *session;
    if (lmvr_session_create(model, options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return session;
}

/* ---- results for one image --------------------------------------------------------------------------------------------- */

struct kept {
    float *rows[16];
    int32_t tokens[MOST_NEW];
    size_t token_count;
    char response[4096];
    bool finished;
};

struct keeper {
    const struct lmvr_session *session;
    struct kept *kept;
};

static int keep(const lmvr_result *result, void *user)
{
    const struct keeper *keeper = user;
    struct kept *kept = &keeper->kept[result->index];
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    for (size_t i = 0; i < lmvr_session_feature_count(keeper->session); i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(keeper->session, i, &info);
        kept->rows[i] = malloc(info.dim * sizeof(float));
        memcpy(kept->rows[i], result->features[i], info.dim * sizeof(float));
    }
    kept->token_count = result->token_count;
    assert_true(result->token_count <= MOST_NEW);
    if (result->token_count)
        memcpy(kept->tokens, result->tokens, result->token_count * sizeof *result->tokens);
    snprintf(kept->response, sizeof kept->response, "%s", result->response ? result->response : "");
    kept->finished = result->finished;
    return 0;
}

static void run_one(struct lmvr_session *session, const char *path, struct kept *kept)
{
    lmvr_error error = {{0}};
    lmvr_image image = {.path = path};
    struct keeper keeper = {session, kept};
    if (lmvr_embed(session, &image, 1, keep, &keeper, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void drop(struct kept *kept)
{
    for (size_t i = 0; i < sizeof kept->rows / sizeof *kept->rows; i++)
        free(kept->rows[i]);
    *kept = (struct kept){0};
}

static size_t list_features(json_t *names, const char **features)
{
    size_t count = json_array_size(names);
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        features[i] = json_string_value(json_array_get(names, i));
    return count;
}

static void compare_features(const struct golden *g, const char *prefix, const char *group, const char **features, size_t count,
                             const struct kept *kept, bool exact)
{
    for (size_t i = 0; i < count; i++) {
        char name[128], where[700];
        size_t size;
        bool pixels = strcmp(features[i], "pixels") == 0;
        snprintf(name, sizeof name, "%s%s", pixels ? "" : group, features[i]);
        snprintf(where, sizeof where, "%s %s", g->folder, prefix);
        float *expected = golden_floats(g, prefix, name, &size);
        assert_non_null(expected);
        if (pixels)
            assert_memory_equal(kept->rows[i], expected, size * sizeof(float));
        else if (exact)
            assert_close(kept->rows[i], expected, size, STEP_ERROR, features[i], where);
        else if (!(cosine(kept->rows[i], expected, size) >= 0.999))
            fail_msg("%s of %s has cosine %.5f", features[i], where, cosine(kept->rows[i], expected, size));
        free(expected);
    }
}

/* ---- the images: pixels, encoder, connector ----------------------------------------------------------------------------- */

static void compare_encoder_states(const struct golden *g, const struct lmvr_model *model, const char *prefix)
{
    size_t pixel_count, size;
    lmvr_error error = {{0}};
    struct arena arena;
    arena_init(&arena);
    float *pixels = golden_floats(g, prefix, "pixels", &pixel_count), *states[64] = {0};
    float *expected = golden_floats(g, prefix, "vision_hidden_states", &size);
    size_t each = size / (size_t)(model->vision.block_count + 1);
    for (int i = 0; i <= model->vision.block_count; i++)
        states[i] = arena_floats(&arena, (int64_t)each);
    int side = model->vision.image_size;
    struct encoder_view seen = {pixels, side, side};
    assert_int_equal(model->vision.forward(model->vision.model, &arena, &seen, 1, states, &error), LMVR_OK);
    for (int i = 0; i <= model->vision.block_count; i++)
        assert_close(states[i], expected + (size_t)i * each, each, STEP_ERROR, "an encoder state", g->folder);
    if (model->config.has_language) {
        size_t projected_size;
        float *projected = golden_floats(g, prefix, "projected", &projected_size);
        float *tokens = arena_floats(&arena, (int64_t)projected_size);
        assert_int_equal(projected_size, config_fixed_visual_tokens(&model->config) * model->language.width);
        struct view view = {.width = side, .height = side};
        const struct picture picture = {.view_count = 1, .views = &view}, *pictures[] = {&picture};
        struct encoded_pictures encoded = {1, pictures, states, encoder_positions(&model->vision, side, side)};
        assert_int_equal(model->connector.forward(&model->connector, &model->vision, &arena, &encoded, tokens, NULL, &error),
                         LMVR_OK);
        assert_close(tokens, projected, projected_size, STEP_ERROR, "the connector's output", g->folder);
        free(projected);
    }
    arena_finish(&arena);
    free(pixels);
    free(expected);
}

static void compare_images(const char *name, bool exact)
{
    struct golden g;
    golden_open(name, &g);
    struct lmvr_model *model = open_model(&g, exact ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16);
    size_t index;
    json_t *object;
    json_array_foreach(json_object_get(g.json, "images"), index, object)
    {
        const char *features[16], *prefix = golden_string(object, "name");
        char path[600];
        lmvr_session_options options;
        lmvr_session_options_default(&options);
        options.features = features;
        options.feature_count = list_features(json_object_get(object, "features"), features);
        options.aspect = aspect_of(object);
        golden_image_path(object, path, sizeof path);
        struct lmvr_session *session = open_session(model, &options);
        struct kept kept = {0};
        run_one(session, path, &kept);
        compare_features(&g, prefix, "feature/", features, options.feature_count, &kept, exact);
        if (exact)
            compare_encoder_states(&g, model, prefix);
        drop(&kept);
        lmvr_session_free(session);
    }
    lmvr_model_free(model);
    golden_close(&g);
}

static void pixels_encoder_and_connector_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        compare_images(checkpoints[i], true);
}

static void a_clip_model_alone_has_encoder_features(void **state)
{
    (void)state;
    compare_images("clip-f32", true);
}

/* ---- the language model ------------------------------------------------------------------------------------------------- */

static void options_of_case(json_t *object, const char **features, const char *list, lmvr_session_options *options)
{
    lmvr_session_options_default(options);
    options->features = features;
    options->feature_count = list_features(json_object_get(object, list), features);
    options->prompt = golden_string(object, "prompt");
    options->template_name = golden_string(object, "template");
    options->max_new_tokens = (int)json_integer_value(json_object_get(object, "max_new_tokens"));
    options->aspect = aspect_of(object);
}

static void compare_ids(json_t *expected, const int32_t *ids, size_t count)
{
    assert_int_equal(json_array_size(expected), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_array_get(expected, i)), ids[i]);
}

/* Hidden states of a stack, collected from the session's passes. */
struct gathered {
    float *states; /* (blocks + 1, rows, width) */
    int64_t rows, width, offset;
};

static void gather(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct gathered *g = user;
    memcpy(g->states + (layer * g->rows + g->offset + first_row) * g->width, states,
           (size_t)(rows * g->width) * sizeof *states);
}

static struct gathered gathered_create(struct arena *arena, int blocks, int64_t rows, int64_t width)
{
    return (struct gathered){arena_floats(arena, (blocks + 1) * rows * width), rows, width, 0};
}

static void compare_gathered(const struct golden *g, const char *prefix, const char *name, const struct gathered *gathered,
                             int blocks)
{
    size_t size;
    float *expected = golden_floats(g, prefix, name, &size);
    assert_int_equal(size, (blocks + 1) * gathered->rows * gathered->width);
    assert_close(gathered->states, expected, size, STEP_ERROR, name, g->folder);
    free(expected);
}

/* A sequence as a session runs it, with every hidden state of every position. */
static void compare_hidden_states(const struct golden *g, const struct lmvr_model *model, const struct lmvr_session *session,
                                  json_t *object)
{
    const struct language *m = &model->language;
    const struct language_input *in = &session->usual.language;
    const char *prefix = golden_string(object, "name");
    size_t size, count = json_array_size(json_object_get(object, "generated"));
    int64_t inputs = in->length, width = m->width;
    float *visual = golden_floats(g, golden_string(object, "image_tensors"), "projected", &size);
    assert_int_equal(size, session->usual.visual_count * width);
    struct visual_tokens tokens = {session->usual.visual_count, 1, visual, 0};
    bool wanted[64];
    memset(wanted, true, sizeof wanted);
    lmvr_error error = {{0}};
    struct arena arena;
    arena_init(&arena);
    void *cache;
    float *last = arena_floats(&arena, (int64_t)(count + 1) * width);
    float *logits = arena_floats(&arena, (int64_t)(count + 1) * m->vocabulary);
    struct gathered input = gathered_create(&arena, m->input_blocks, inputs + (m->encoder_decoder ? 0 : (int64_t)count), width);
    struct gathered response = m->encoder_decoder ? gathered_create(&arena, m->blocks, 1 + (int64_t)count, width) : input;
    struct language_listener of_input = {wanted, gather, &input}, of_response = {wanted, gather, &response};
    struct language_extent extent = {m->input_blocks, 0};
    assert_int_equal(m->operations->cache_create(m->model, 3, &cache, &error), LMVR_OK);
    struct language_input shared = {in->pieces, 1, in->shared, 0, in->positions};
    if (in->shared)
        assert_int_equal(m->operations->prepare(m->model, cache, &arena, &shared, &extent, &of_input, &error), LMVR_OK);
    assert_int_equal(
        m->operations->start(m->model, cache, &arena, 1, in, &tokens, MOST_NEW, &extent, &of_input, &of_response, last, &error),
        LMVR_OK);
    for (size_t i = 0; i < count; i++) {
        int slot = 1;
        int64_t position = (int64_t)i;
        int32_t token = (int32_t)json_integer_value(json_array_get(json_object_get(object, "generated"), i));
        struct language_step step = {1, &slot, &position, &token};
        response.offset = (m->encoder_decoder ? 1 : inputs) + position;
        assert_int_equal(
            m->operations->step(m->model, cache, &arena, &step, &of_response, last + (i + 1) * (size_t)width, &error), LMVR_OK);
    }
    compare_gathered(g, prefix, m->encoder_decoder ? "encoder_hidden_states" : "llm_hidden_states", &input, m->input_blocks);
    if (m->encoder_decoder)
        compare_gathered(g, prefix, "decoder_hidden_states", &response, m->blocks);
    assert_int_equal(m->operations->logits(m->model, &arena, (int64_t)count, last, logits, &error), LMVR_OK);
    float *expected_logits = golden_floats(g, prefix, "logits", &size);
    assert_close(logits, expected_logits, size, STEP_ERROR, "the logits", g->folder);
    free(expected_logits);
    m->operations->cache_free(cache);
    arena_finish(&arena);
    free(visual);
}

/* Greedy tokens equal the reference's up to the first position where its top two logits differ by less than twice its own bf16
 * error. */
static bool tokens_follow(const struct golden *g, json_t *object, const struct kept *kept)
{
    json_t *expected = json_object_get(object, "generated");
    size_t count = json_array_size(expected), size;
    float *gaps = golden_floats(g, golden_string(object, "name"), "top_two_gap", &size);
    float *errors = golden_floats(g, golden_string(object, "name"), "bf16_logit_error", &size);
    bool same = true;
    for (size_t i = 0; i < count && same; i++) {
        same = i < kept->token_count && kept->tokens[i] == json_integer_value(json_array_get(expected, i));
        if (!same && gaps[i] > 2 * errors[i])
            fail_msg("%s: token %zu differs where the reference is sure", g->folder, i);
    }
    free(gaps);
    free(errors);
    return same;
}

static void compare_cases(const char *name, bool exact)
{
    struct golden g;
    golden_open(name, &g);
    struct lmvr_model *model = open_model(&g, exact ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16);
    size_t index, compared = 0;
    json_t *object;
    json_array_foreach(json_object_get(g.json, "cases"), index, object)
    {
        const char *features[16];
        char path[600];
        lmvr_session_options options;
        options_of_case(object, features, "features", &options);
        golden_image_path(object, path, sizeof path);
        struct lmvr_session *session = open_session(model, &options);
        compare_ids(json_object_get(object, "ids_before"), session->prompt.before, session->prompt.before_count);
        compare_ids(json_object_get(object, "ids_after"), session->prompt.after, session->prompt.after_count);
        struct kept kept = {0};
        run_one(session, path, &kept);
        if (exact) {
            compare_ids(json_object_get(object, "generated"), kept.tokens, kept.token_count);
            assert_string_equal(kept.response, golden_string(object, "response"));
            assert_string_equal(kept.finished ? "end" : "length", golden_string(object, "finish"));
            compare_hidden_states(&g, model, session, object);
        }
        if (tokens_follow(&g, object, &kept)) {
            compare_features(&g, golden_string(object, "name"), "feature/", features, options.feature_count, &kept, exact);
            compared++;
        }
        drop(&kept);
        lmvr_session_free(session);
    }
    if (json_is_true(json_object_get(g.json, "bf16_safe")))
        assert_int_equal(compared, json_array_size(json_object_get(g.json, "cases")));
    lmvr_model_free(model);
    golden_close(&g);
}

static void states_features_tokens_and_text_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        compare_cases(checkpoints[i], true);
}

static void bf16_keeps_the_features_directions_and_sure_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        compare_images(checkpoints[i], false);
        compare_cases(checkpoints[i], false);
    }
}

static void features_before_generation_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct golden g;
        golden_open(checkpoints[i], &g);
        struct lmvr_model *model = open_model(&g, LMVR_DTYPE_F32);
        size_t index;
        json_t *object;
        json_array_foreach(json_object_get(g.json, "cases"), index, object)
        {
            const char *features[16];
            char path[600];
            lmvr_session_options options;
            options_of_case(object, features, "before_generation_features", &options);
            options.before_generation = true;
            golden_image_path(object, path, sizeof path);
            struct lmvr_session *session = open_session(model, &options);
            struct kept kept = {0};
            run_one(session, path, &kept);
            assert_int_equal(kept.token_count, 0);
            compare_features(&g, golden_string(object, "name"), "before/", features, options.feature_count, &kept, true);
            drop(&kept);
            lmvr_session_free(session);
        }
        lmvr_model_free(model);
        golden_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_encoder_and_connector_equal_the_reference),
        cmocka_unit_test(a_clip_model_alone_has_encoder_features),
        cmocka_unit_test(states_features_tokens_and_text_equal_the_reference),
        cmocka_unit_test(features_before_generation_equal_the_reference),
        cmocka_unit_test(bf16_keeps_the_features_directions_and_sure_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
