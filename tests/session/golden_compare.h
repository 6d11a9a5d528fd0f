/* Compares what a session computes, step by step, with a golden reference. */
#ifndef LMVR_TESTS_SESSION_GOLDEN_COMPARE_H
#define LMVR_TESTS_SESSION_GOLDEN_COMPARE_H

#include "golden_case.h"

#include "vision/patches.h"

#define MOST_NEW 16

/* ---- results for one image --------------------------------------------------------------------------------------------- */

struct kept {
    float *rows[16];
    size_t dims[16];
    int32_t tokens[MOST_NEW];
    size_t token_count;
    char response[4096];
    bool finished;
    bool normed_last; /* the encoder's last state has a norm that transformers does not count among the states */
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
        kept->dims[i] = info.dim;
        kept->rows[i] = malloc(info.dim * sizeof(float));
        memcpy(kept->rows[i], result->features[i], info.dim * sizeof(float));
    }
    kept->token_count = result->token_count;
    assert_true(result->token_count <= MOST_NEW);
    if (result->token_count)
        memcpy(kept->tokens, result->tokens, result->token_count * sizeof *result->tokens);
    snprintf(kept->response, sizeof kept->response, "%s", result->response ? result->response : "");
    kept->finished = result->finished;
    kept->normed_last =
        keeper->session->model->config.vision.family->post_norm && !model_config_is(&keeper->session->model->config, "blip-2");
    return 0;
}

static void run_one(struct lmvr_session *session, lmvr_image image, struct kept *kept)
{
    lmvr_error error = {{0}};
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

static void compare_features(const struct golden *g, const char *prefix, const char *group, const char **features, size_t count,
                             const struct kept *kept, bool exact)
{
    for (size_t i = 0; i < count; i++) {
        char name[128], where[700];
        size_t size;
        bool pixels = strcmp(features[i], "pixels") == 0;
        /* the last state of SmolVLM's encoder is the one behind the norm, which transformers does not count */
        if (strcmp(features[i], "encoder:patches:mean:-1") == 0 && kept->normed_last)
            continue;
        snprintf(name, sizeof name, "%s%s", pixels ? "" : group, features[i]);
        snprintf(where, sizeof where, "%s %s", g->folder, prefix);
        float *expected = golden_floats(g, prefix, name, &size);
        assert_non_null(expected);
        if (size != kept->dims[i] && strcmp(features[i], "encoder:patches:mean") == 0) {
            free(expected); /* the reference has several feature layers side by side, and we the last of them */
            continue;
        }
        assert_int_equal(size, kept->dims[i]);
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

/* Pixels in the order of the reference: views as they are or, where the model takes any size, patches of two equal frames. */
static float *order_pixels(const struct lmvr_model *model, const struct picture *picture, size_t *count)
{
    const struct encoder *e = &model->vision;
    *count = picture->pixel_count;
    if (e->image_size) {
        float *copy = malloc(*count * sizeof *copy);
        return memcpy(copy, picture->pixels, *count * sizeof *copy);
    }
    int size = e->patch_size, rows = picture->views[0].height / size, columns = picture->views[0].width / size;
    size_t plane = (size_t)size * (size_t)size;
    struct patch *patches = calloc((size_t)rows * (size_t)columns, sizeof *patches);
    *count = 6 * plane * (size_t)(rows * columns);
    float *ordered = malloc(*count * sizeof *ordered), *to = ordered, patch[3 * 64 * 64];
    patches_list(rows, columns, e->merge, 0, patches, NULL);
    for (int i = 0; i < rows * columns; i++) {
        patch_cut(picture->pixels, picture->views[0].width, picture->views[0].height, size, patches[i].y, patches[i].x, patch);
        for (int c = 0; c < 3; c++)
            for (int frame = 0; frame < 2; frame++, to += plane)
                memcpy(to, patch + (size_t)c * plane, plane * sizeof *to);
    }
    free(patches);
    return ordered;
}

/* A state in the order of the reference: tiles are in blocks of merged patches here, and row by row there. */
static void order_state(const struct lmvr_model *model, const struct picture *picture, float *state)
{
    const struct encoder *e = &model->vision;
    if (!e->image_size || e->merge == 1)
        return;
    int side = e->image_size / e->patch_size;
    size_t width = (size_t)e->width, each = (size_t)(side * side) * width;
    struct patch *patches = calloc((size_t)side * (size_t)side, sizeof *patches);
    float *copy = malloc(each * sizeof *copy);
    patches_list(side, side, e->merge, 0, patches, NULL);
    for (int v = 0; v < picture->view_count; v++, state += each) {
        memcpy(copy, state, each * sizeof *copy);
        for (int i = 0; i < side * side; i++)
            memcpy(state + (size_t)(patches[i].y * side + patches[i].x) * width, copy + (size_t)i * width,
                   width * sizeof *copy);
    }
    free(patches);
    free(copy);
}

static void compare_pixels(const struct golden *g, const struct lmvr_model *model, const char *prefix,
                           const struct picture *picture)
{
    size_t count, expected_count;
    float *ordered = order_pixels(model, picture, &count), *expected = golden_floats(g, prefix, "pixels", &expected_count);
    assert_int_equal(count, expected_count);
    assert_memory_equal(ordered, expected, count * sizeof *ordered);
    free(ordered);
    free(expected);
}

/* Visual tokens of all levels, against the reference's. */
static void compare_tokens(const struct golden *g, const char *prefix, const float *tokens, int levels)
{
    size_t size, deep_size;
    float *projected = golden_floats(g, prefix, "projected", &size), *deep = golden_floats(g, prefix, "deepstack", &deep_size);
    assert_close(tokens, projected, size, STEP_ERROR, "the connector's output", g->folder);
    assert_int_equal(deep_size, size * (size_t)(levels - 1));
    if (deep)
        assert_close(tokens + size, deep, deep_size, STEP_ERROR, "DeepStack's features", g->folder);
    free(projected);
    free(deep);
}

/* The last state has the norm that the connector's input has. */
static void compare_states(const struct golden *g, const struct lmvr_model *model, const char *prefix,
                           const struct picture *picture, float *const *states, size_t each)
{
    size_t size, last_size;
    float *expected = golden_floats(g, prefix, "vision_hidden_states", &size);
    float *last = golden_floats(g, prefix, "vision_output", &last_size);
    assert_int_equal(size, each * (size_t)(model->vision.block_count + 1));
    for (int i = 0; i <= model->vision.block_count; i++) {
        float *copy = malloc(each * sizeof *copy);
        memcpy(copy, states[i], each * sizeof *copy);
        order_state(model, picture, copy);
        const float *reference = last_size == each && i == model->vision.block_count ? last : expected + (size_t)i * each;
        assert_close(copy, reference, each, STEP_ERROR, "an encoder state", g->folder);
        free(copy);
    }
    free(expected);
    free(last);
}

static void compare_encoder_states(const struct golden *g, const struct lmvr_session *session, json_t *object)
{
    const struct lmvr_model *model = session->model;
    const char *prefix = golden_string(object, "name");
    struct picture picture;
    struct encoder_view views[64];
    float *states[64] = {0}, *found[64];
    lmvr_error error = {{0}};
    struct arena arena;
    CHECK(arena_init_on(&arena, model->device, model->dtypes.compute, &error));
    read_picture(session, object, &picture);
    compare_pixels(g, model, prefix, &picture);
    int64_t positions = picture_positions(session, &picture), each = positions * model->vision.width;
    for (int i = 0; i < picture.view_count; i++)
        views[i] =
            (struct encoder_view){picture.pixels + picture.views[i].first, picture.views[i].width, picture.views[i].height};
    for (int i = 0; i <= model->vision.block_count; i++)
        states[i] = arena_floats(&arena, each);
    CHECK(model->vision.forward(model->vision.model, &arena, views, picture.view_count, states, &error));
    for (int i = 0; i <= model->vision.block_count; i++)
        found[i] = fetched(&arena, states[i], (size_t)each);
    compare_states(g, model, prefix, &picture, found, (size_t)each);
    if (model->config.has_language) {
        int64_t count = config_visual_tokens(&model->config, &picture, NULL);
        int64_t size = model->connector.levels * count * model->language.width;
        float *tokens = arena_floats(&arena, size);
        const struct picture *pictures[] = {&picture};
        struct encoded_pictures encoded = {1, pictures, states, positions};
        CHECK(model->connector.forward(&model->connector, &model->vision, &arena, &encoded, tokens, NULL, &error));
        compare_tokens(g, prefix, fetched(&arena, tokens, (size_t)size), model->connector.levels);
    }
    picture_finish(&picture);
    arena_finish(&arena);
}

UNUSED static void compare_images(const char *name, bool exact)
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
        run_one(session, (lmvr_image){.path = path}, &kept);
        compare_features(&g, prefix, "feature/", features, options.feature_count, &kept, exact);
        if (exact)
            compare_encoder_states(&g, session, object);
        drop(&kept);
        lmvr_session_free(session);
    }
    lmvr_model_free(model);
    golden_close(&g);
}

/* ---- the language model ------------------------------------------------------------------------------------------------- */

static void compare_ids(json_t *expected, const int32_t *ids, size_t count)
{
    assert_int_equal(json_array_size(expected), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_array_get(expected, i)), ids[i]);
}

/* Hidden states of a stack, collected from the session's passes. */
struct gathered {
    struct arena *arena;
    float *states; /* (blocks + 1, rows, width), of the host */
    int64_t rows, width, offset;
};

static void gather(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct gathered *g = user;
    lmvr_error error = {{0}};
    float *to = g->states + (layer * g->rows + g->offset + first_row) * g->width;
    CHECK(g->arena->device->operations->read(g->arena, to, states, (size_t)(rows * g->width) * sizeof *states, &error));
}

static struct gathered gathered_create(struct arena *arena, int blocks, int64_t rows, int64_t width)
{
    return (struct gathered){arena, arena_alloc(arena, (blocks + 1) * rows * width, sizeof(float)), rows, width, 0};
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

/* The visual tokens of the reference, with those of DeepStack behind them. */
static struct visual_tokens read_visual(const struct golden *g, const struct lmvr_model *model, const char *prefix,
                                        float **states)
{
    size_t size, deep_size;
    *states = NULL;
    if (!prefix) /* a text alone */
        return (struct visual_tokens){0};
    float *projected = golden_floats(g, prefix, "projected", &size), *deep = golden_floats(g, prefix, "deepstack", &deep_size);
    *states = malloc((size + deep_size + 1) * sizeof **states);
    assert_non_null(*states);
    memcpy(*states, projected, size * sizeof *projected);
    if (deep)
        memcpy(*states + size, deep, deep_size * sizeof *deep);
    free(projected);
    free(deep);
    return (struct visual_tokens){(int64_t)size / model->language.width, model->connector.levels, *states, (int64_t)size};
}

/* A sequence as a session runs it, with every hidden state of every position. */
static void compare_hidden_states(const struct golden *g, const struct lmvr_session *session,
                                  const struct session_input *session_input, json_t *object)
{
    const struct lmvr_model *model = session->model;
    const struct language *m = &model->language;
    const struct language_input *in = &session_input->language;
    const char *prefix = golden_string(object, "name");
    size_t size, count = json_array_size(json_object_get(object, "generated"));
    int64_t inputs = in->length, width = m->width;
    float *visual;
    struct visual_tokens tokens = read_visual(g, model, golden_string(object, "image_tensors"), &visual);
    assert_int_equal(tokens.count, session_input->visual_count);
    bool wanted[64];
    memset(wanted, true, sizeof wanted);
    lmvr_error error = {{0}};
    struct arena arena;
    CHECK(arena_init_on(&arena, model->device, model->dtypes.compute, &error));
    tokens.states = arena_sent_floats(&arena, visual, tokens.levels * tokens.count * width);
    void *cache;
    float *last = arena_floats(&arena, (int64_t)(count + 1) * width);
    float *logits = arena_floats(&arena, (int64_t)(count + 1) * m->vocabulary);
    struct gathered input = gathered_create(&arena, m->input_blocks, inputs + (m->encoder_decoder ? 0 : (int64_t)count), width);
    struct gathered response = m->encoder_decoder ? gathered_create(&arena, m->blocks, 1 + (int64_t)count, width) : input;
    struct language_listener of_input = {wanted, gather, &input}, of_response = {wanted, gather, &response};
    struct language_extent extent = {m->input_blocks, 0};
    CHECK(m->operations->cache_create(m->model, 3, &cache, &error));
    struct input_piece beginning = {.tokens = in->pieces[0].tokens, .count = in->shared};
    struct language_input shared = {&beginning, 1, in->shared, 0, in->positions};
    if (in->shared)
        CHECK(m->operations->prepare(m->model, cache, &arena, &shared, &extent, &of_input, &error));
    CHECK(m->operations->start(m->model, cache, &arena, 1, in, &tokens, MOST_NEW, &extent, &of_input, &of_response, last,
                               &error));
    for (size_t i = 0; i < count; i++) {
        int slot = 1;
        int64_t position = (int64_t)i;
        int32_t token = (int32_t)json_integer_value(json_array_get(json_object_get(object, "generated"), i));
        struct language_step step = {1, &slot, &position, &token};
        response.offset = (m->encoder_decoder ? 1 : inputs) + position;
        CHECK(m->operations->step(m->model, cache, &arena, &step, &of_response, last + (i + 1) * (size_t)width, &error));
    }
    compare_gathered(g, prefix, m->encoder_decoder ? "encoder_hidden_states" : "llm_hidden_states", &input, m->input_blocks);
    if (m->encoder_decoder)
        compare_gathered(g, prefix, "decoder_hidden_states", &response, m->blocks);
    CHECK(m->operations->logits(m->model, &arena, (int64_t)count, last, logits, &error));
    float *expected_logits = golden_floats(g, prefix, "logits", &size);
    assert_close(fetched(&arena, logits, size), expected_logits, size, STEP_ERROR, "the logits", g->folder);
    free(expected_logits);
    m->operations->cache_free(cache);
    arena_finish(&arena);
    free(visual);
}

/* The prompt's ids, with the image token's where visual tokens stand. */
static void compare_all_ids(const struct golden *g, const struct language_input *in, json_t *object)
{
    json_t *ids = json_object_get(object, "ids"), *image = json_object_get(g->json, "image_token");
    size_t at = 0;
    for (int p = 0; p < in->piece_count; p++)
        for (int64_t i = 0; i < in->pieces[p].count; i++) {
            json_int_t id = in->pieces[p].tokens ? in->pieces[p].tokens[i] : json_integer_value(image);
            assert_int_equal(id, json_integer_value(json_array_get(ids, at++)));
        }
    assert_int_equal(at, json_array_size(ids));
}

static void compare_positions(const struct golden *g, const struct language_input *in, const char *prefix)
{
    size_t size;
    int32_t *expected = golden_ints(g, prefix, "positions", &size);
    if (!expected)
        return;
    int64_t axes = golden_dims(g, prefix, "positions") == 2 ? 3 : 1, all = (int64_t)size / axes;
    for (int64_t axis = 0; axis < axes; axis++)
        for (int64_t i = 0; i < in->length; i++)
            assert_int_equal(in->positions[i].at[axis], expected[axis * all + i]);
    free(expected);
}

static void compare_prompt(const struct golden *g, const struct lmvr_session *session, const struct session_input *input,
                           json_t *object)
{
    if (json_object_get(object, "ids")) {
        compare_all_ids(g, &input->language, object);
        compare_positions(g, &input->language, golden_string(object, "name"));
        return;
    }
    const struct prompt *prompt = &session->prompt;
    compare_ids(json_object_get(object, "ids_before"), prompt->ids, prompt->images[0]);
    compare_ids(json_object_get(object, "ids_after"), prompt->ids + prompt->images[0], prompt->count - prompt->images[0]);
}

/* Prompt and hidden states. */
static void compare_steps(const struct golden *g, const struct lmvr_session *session, json_t *object, bool states)
{
    struct picture picture = {0};
    struct session_input input;
    lmvr_error error = {{0}};
    lmvr_image text = {.text = golden_string(object, "prompt")};
    bool pictured = golden_string(object, "image") != NULL;
    if (pictured)
        read_picture(session, object, &picture);
    CHECK(input_create(session, &picture, pictured ? NULL : &text, &input, &error));
    compare_prompt(g, session, &input, object);
    if (states)
        compare_hidden_states(g, session, &input, object);
    input_finish(&input);
    picture_finish(&picture);
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

/* A case's input: an image, or a text alone. */
static lmvr_image input_of_case(json_t *object, char *path, size_t size)
{
    if (!golden_string(object, "image"))
        return (lmvr_image){.text = golden_string(object, "prompt")};
    golden_image_path(object, path, size);
    return (lmvr_image){.path = path};
}

/* The reference called `name`, by a model in `folder`; NULL: in the reference's own. */
UNUSED static void compare_cases_in(const char *folder, const char *name, bool exact)
{
    struct golden g;
    golden_open(name, &g);
    if (folder)
        snprintf(g.folder, sizeof g.folder, "%s", folder);
    struct lmvr_model *model = open_model(&g, exact ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16);
    size_t index, compared = 0, pictured = 0;
    json_t *object;
    json_array_foreach(json_object_get(g.json, "cases"), index, object)
    {
        const char *features[16];
        char path[600];
        lmvr_session_options options;
        if (!is_ours(model, object))
            continue;
        pictured++;
        options_of_case(model, object, features, "features", &options);
        lmvr_image image = input_of_case(object, path, sizeof path);
        struct lmvr_session *session = open_session(model, &options);
        compare_steps(&g, session, object, exact);
        struct kept kept = {0};
        run_one(session, image, &kept);
        if (exact) {
            compare_ids(json_object_get(object, "generated"), kept.tokens, kept.token_count);
            assert_string_equal(kept.response, golden_string(object, "response"));
            assert_string_equal(kept.finished ? "end" : "length", golden_string(object, "finish"));
        }
        if (tokens_follow(&g, object, &kept)) {
            compare_features(&g, golden_string(object, "name"), "feature/", features, options.feature_count, &kept, exact);
            compared++;
        }
        drop(&kept);
        lmvr_session_free(session);
    }
    if (json_is_true(json_object_get(g.json, "bf16_safe")))
        assert_int_equal(compared, pictured);
    lmvr_model_free(model);
    golden_close(&g);
}

UNUSED static void compare_cases(const char *name, bool exact)
{
    compare_cases_in(NULL, name, exact);
}

#endif
