/* The rows of features without a pool are the states that transformers computes, in the order of the sequence or of the grid.
 */
#include "golden_case.h"

#include "vision/patches.h"

#define MOST_FEATURES 64

/* ---- features and their rows -------------------------------------------------------------------------------------------- */

struct listed {
    char specs[MOST_FEATURES][64];
    const char *texts[MOST_FEATURES];
    size_t count;
};

static void list(struct listed *listed, const char *source, int blocks)
{
    for (int layer = 0; layer <= blocks; layer++) {
        assert_true(listed->count < MOST_FEATURES);
        char *spec = listed->specs[listed->count];
        snprintf(spec, sizeof listed->specs[0], "%s:none:%d", source, layer);
        listed->texts[listed->count++] = spec;
    }
}

struct row_set {
    float *rows[MOST_FEATURES];
    size_t counts[MOST_FEATURES], dims[MOST_FEATURES], count;
};

struct taker {
    const struct lmvr_session *session;
    struct row_set *set;
};

static int take(const lmvr_result *result, void *user)
{
    const struct taker *taker = user;
    struct row_set *set = taker->set;
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    set->count = lmvr_session_feature_count(taker->session);
    for (size_t i = 0; i < set->count; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(taker->session, i, &info);
        set->counts[i] = result->rows[i];
        set->dims[i] = info.dim;
        set->rows[i] = malloc(result->rows[i] * info.dim * sizeof(float) + 1);
        memcpy(set->rows[i], result->features[i], result->rows[i] * info.dim * sizeof(float));
    }
    return 0;
}

static void embed(struct lmvr_session *session, json_t *object, struct row_set *set)
{
    char path[600];
    lmvr_error error = {{0}};
    lmvr_image image = {.path = path};
    struct taker taker = {session, set};
    golden_image_path(object, path, sizeof path);
    CHECK(lmvr_embed(session, &image, 1, take, &taker, &error));
}

static void drop(struct row_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->rows[i]);
    *set = (struct row_set){0};
}

static size_t find(const struct listed *listed, const char *spec)
{
    for (size_t i = 0; i < listed->count; i++)
        if (strcmp(listed->texts[i], spec) == 0)
            return i;
    fail_msg("%s is not listed", spec);
    return 0;
}

static void assert_rows(const struct golden *g, const struct listed *listed, const struct row_set *set, const char *spec,
                        const float *expected, size_t count)
{
    size_t i = find(listed, spec);
    if (set->counts[i] != count)
        fail_msg("%s of %s has %zu rows, expected %zu", spec, g->folder, set->counts[i], count);
    assert_close(set->rows[i], expected, count * set->dims[i], STEP_ERROR, spec, g->folder);
}

/* ---- the language model ------------------------------------------------------------------------------------------------- */

/* Layer by layer, what the reference has of positions; `tokens` are those that a feature keeps, all of `kept` or, if NULL, all.
 */
static void compare_layers(const struct golden *g, const struct listed *listed, const struct row_set *set, const char *prefix,
                           const char *name, const char *tokens, int blocks, size_t width, const int64_t *kept,
                           size_t kept_count)
{
    size_t size;
    float *expected = golden_floats(g, prefix, name, &size);
    assert_non_null(expected);
    size_t rows = size / width / (size_t)(blocks + 1);
    for (int layer = 0; layer <= blocks; layer++) {
        char spec[64];
        float *state = expected + (size_t)layer * rows * width;
        for (size_t i = 0; kept && i < kept_count; i++) /* in place, since kept[i] >= i */
            memmove(state + i * width, state + (size_t)kept[i] * width, width * sizeof *state);
        snprintf(spec, sizeof spec, "llm:%s:none:%d", tokens, layer);
        assert_rows(g, listed, set, spec, state, kept ? kept_count : rows);
    }
    free(expected);
}

/* The positions of visual tokens in the input. */
static size_t find_visual(const struct lmvr_session *session, const struct picture *picture, int64_t *positions)
{
    struct session_input input;
    lmvr_error error = {{0}};
    size_t count = 0;
    CHECK(input_create(session, picture, NULL, &input, &error));
    int64_t at = 0;
    for (int p = 0; p < input.language.piece_count; at += input.pieces[p++].count)
        for (int64_t i = 0; !input.pieces[p].tokens && i < input.pieces[p].count; i++)
            positions[count++] = at + i;
    input_finish(&input);
    return count;
}

static void compare_language(const struct golden *g, const struct lmvr_session *session, const struct listed *listed,
                             const struct row_set *set, json_t *object, const struct picture *picture)
{
    const struct language *m = &session->model->language;
    const char *prefix = golden_string(object, "name");
    int64_t visual[512];
    size_t count = find_visual(session, picture, visual), width = (size_t)m->width;
    assert_true(count > 0 && count <= 512);
    const char *input = m->encoder_decoder ? "encoder_hidden_states" : "llm_hidden_states";
    compare_layers(g, listed, set, prefix, input, "image", m->input_blocks, width, visual, count);
    compare_layers(g, listed, set, prefix, m->encoder_decoder ? "decoder_hidden_states" : input, "all", m->blocks, width, NULL,
                   0);
    if (m->encoder_decoder)
        compare_layers(g, listed, set, prefix, input, "input", m->input_blocks, width, NULL, 0);
}

/* A text alone has no image: all of its positions, of each layer. */
static void compare_text(const struct golden *g, const struct lmvr_model *model, json_t *object)
{
    const struct language *m = &model->language;
    struct listed listed = {0};
    struct row_set set = {0};
    const char *unused[16], *prefix = golden_string(object, "name");
    lmvr_session_options options;
    lmvr_error error = {{0}};
    list(&listed, "llm:all", m->blocks);
    options_of_case(model, object, unused, "features", &options);
    options.features = listed.texts;
    options.feature_count = listed.count;
    struct lmvr_session *session = open_session(model, &options);
    struct taker taker = {session, &set};
    lmvr_image text = {.text = golden_string(object, "prompt")};
    CHECK(lmvr_embed(session, &text, 1, take, &taker, &error));
    compare_layers(g, &listed, &set, prefix, m->encoder_decoder ? "decoder_hidden_states" : "llm_hidden_states", "all",
                   m->blocks, (size_t)m->width, NULL, 0);
    drop(&set);
    lmvr_session_free(session);
}

/* ---- the image ---------------------------------------------------------------------------------------------------------- */

/* Drops each view's class token, and puts patches that the reference has in blocks of merged ones row by row. */
static size_t order_patches(const struct encoder *e, const struct picture *picture, const float *state, float *patches)
{
    size_t width = (size_t)e->width, count = 0;
    for (int v = 0; v < picture->view_count; v++) {
        int rows = picture->views[v].height / e->patch_size, columns = picture->views[v].width / e->patch_size;
        struct patch *order = calloc((size_t)rows * (size_t)columns, sizeof *order);
        patches_list(rows, columns, e->image_size ? 1 : e->merge, 0, order, NULL);
        state += e->has_class ? width : 0;
        for (int i = 0; i < rows * columns; i++, state += width)
            memcpy(patches + (count + (size_t)(order[i].y * columns + order[i].x)) * width, state, width * sizeof *state);
        count += (size_t)(rows * columns);
        free(order);
    }
    return count;
}

static void compare_encoder(const struct golden *g, const struct lmvr_session *session, const struct listed *listed,
                            const struct row_set *set, const char *prefix, const struct picture *picture)
{
    const struct encoder *e = &session->model->vision;
    size_t size, last_size;
    float *expected = golden_floats(g, prefix, "vision_hidden_states", &size);
    float *last = golden_floats(g, prefix, "vision_output", &last_size);
    assert_non_null(expected);
    size_t each = size / (size_t)(e->block_count + 1);
    assert_int_equal(each, picture_positions(session, picture) * e->width);
    float *patches = malloc((each + 1) * sizeof *patches);
    /* our last state is then the one behind the norm, which transformers does not count */
    bool normed = session->model->config.vision.family->post_norm && last_size == each;
    for (int layer = 0; layer <= e->block_count; layer++) {
        char spec[64];
        const float *state = normed && layer == e->block_count ? last : expected + (size_t)layer * each;
        size_t count = order_patches(e, picture, state, patches);
        snprintf(spec, sizeof spec, "encoder:patches:none:%d", layer);
        assert_rows(g, listed, set, spec, patches, count);
    }
    free(patches);
    free(expected);
    free(last);
}

static void compare_adaptor(const struct golden *g, const struct listed *listed, const struct row_set *set, const char *prefix)
{
    size_t size;
    float *expected = golden_floats(g, prefix, "projected", &size);
    assert_non_null(expected);
    assert_rows(g, listed, set, "adaptor:all:none", expected, size / set->dims[find(listed, "adaptor:all:none")]);
    free(expected);
}

/* ---- cases -------------------------------------------------------------------------------------------------------------- */

static void list_all(const struct lmvr_model *model, struct listed *listed)
{
    const struct language *m = &model->language;
    *listed = (struct listed){0};
    list(listed, "encoder:patches", model->vision.block_count);
    if (!model->config.has_language)
        return;
    list(listed, "llm:image", m->input_blocks);
    list(listed, "llm:all", m->blocks);
    if (m->encoder_decoder)
        list(listed, "llm:input", m->input_blocks);
    listed->texts[listed->count++] = "adaptor:all:none";
}

static void compare_case(const struct golden *g, const struct lmvr_model *model, json_t *object)
{
    struct listed listed;
    struct row_set set = {0};
    struct picture picture;
    const char *unused[16], *images = golden_string(object, "image_tensors");
    lmvr_session_options options;
    list_all(model, &listed);
    options_of_case(model, object, unused, "features", &options);
    options.features = listed.texts;
    options.feature_count = listed.count;
    options.max_new_tokens += options.max_new_tokens == 0; /* of an image alone, without a language model */
    struct lmvr_session *session = open_session(model, &options);
    read_picture(session, object, &picture);
    embed(session, object, &set);
    compare_encoder(g, session, &listed, &set, images ? images : golden_string(object, "name"), &picture);
    if (model->config.has_language) {
        compare_language(g, session, &listed, &set, object, &picture);
        compare_adaptor(g, &listed, &set, images);
    }
    drop(&set);
    picture_finish(&picture);
    lmvr_session_free(session);
}

static void compare_all(const char *name, const char *key)
{
    struct golden g;
    golden_open(name, &g);
    struct lmvr_model *model = open_model(&g, LMVR_DTYPE_F32);
    size_t index, compared = 0;
    json_t *object;
    json_array_foreach(json_object_get(g.json, key), index, object)
    {
        if (!is_ours(model, object))
            continue;
        (golden_string(object, "image") ? compare_case : compare_text)(&g, model, object);
        compared++;
    }
    assert_true(compared > 0);
    lmvr_model_free(model);
    golden_close(&g);
}

static void rows_of_positions_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        compare_all(checkpoints[i], "cases");
}

static void rows_of_an_encoder_alone_equal_the_reference(void **state)
{
    (void)state;
    compare_all("clip-f32", "images");
    compare_all("siglip-f32", "images");
}

/* ---- cut and normalized ------------------------------------------------------------------------------------------------- */

#define CUT 7

static void rows_are_the_plain_ones_cut_and_divided_by_their_norms(void **state)
{
    (void)state;
    static const char *const features[] = {"llm:all:mean:-1",  "llm:image:none:1", "encoder:cls",
                                           "encoder:all:none", "adaptor:all:max",  "pixels"};
    struct golden g;
    golden_open("llava-old-f32", &g);
    struct lmvr_model *model = open_model(&g, LMVR_DTYPE_F32);
    json_t *object = json_array_get(json_object_get(g.json, "cases"), 0);
    struct row_set plain = {0}, cut = {0};
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = sizeof features / sizeof *features;
    struct lmvr_session *whole = open_session(model, &options);
    options.normalize = true;
    options.dims = CUT;
    struct lmvr_session *session = open_session(model, &options);
    embed(whole, object, &plain);
    embed(session, object, &cut);
    for (size_t i = 0; i < plain.count; i++) {
        assert_int_equal(cut.counts[i], plain.counts[i]);
        assert_int_equal(cut.dims[i], CUT);
        for (size_t r = 0; r < plain.counts[i]; r++) {
            const float *row = plain.rows[i] + r * plain.dims[i];
            double square = 0;
            for (size_t j = 0; j < CUT; j++)
                square += (double)row[j] * (double)row[j];
            for (size_t j = 0; j < CUT; j++)
                assert_true(cut.rows[i][r * CUT + j] == (float)((double)row[j] / sqrt(square)));
        }
    }
    assert_true(plain.counts[1] > 1 && plain.counts[3] > 1);
    drop(&plain);
    drop(&cut);
    lmvr_session_free(whole);
    lmvr_session_free(session);
    options.dims = 33; /* more than the encoder's width */
    lmvr_error error;
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "dims is 33, more than the 32 numbers of feature encoder:cls:mean:2");
    lmvr_model_free(model);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_positions_equal_the_reference),
        cmocka_unit_test(rows_of_an_encoder_alone_equal_the_reference),
        cmocka_unit_test(rows_are_the_plain_ones_cut_and_divided_by_their_norms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
