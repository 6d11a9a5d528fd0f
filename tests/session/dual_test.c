/* Dual encoders give images and texts the vectors that transformers computes for the checkpoints in tests/golden/. */
#include "golden.h"
#include "session/session.h"
#include "session/open_model.h"

#define MOST_ERROR 1e-5 /* relative L2 in f32 */

static const char *const checkpoints[] = {"siglip-odd-bf16", "clip-text-f32", "clip-text-bf16", "siglip-f32"};
#if defined(LMVR_ON_GPU) && defined(__SANITIZE_ADDRESS__) /* which makes the emulation ten times as slow */
#define COUNT 1
#else
#define COUNT (sizeof checkpoints / sizeof *checkpoints)
#endif

static struct lmvr_model *open_model(const char *folder, lmvr_dtype dtype)
{
    lmvr_error error = {{0}};
    struct lmvr_model *model;
    if (open_tested(folder, dtype, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return model;
}

/* In f32 the vectors are equal but for rounding; in bf16 they point the same way. */
static void compare(const struct golden *g, const char *prefix, const char *name, const float *vector, size_t width,
                    lmvr_dtype dtype)
{
    size_t size;
    float *expected = golden_floats(g, prefix, name, &size);
    assert_int_equal(size, width);
    if (dtype == LMVR_DTYPE_F32)
        assert_close(vector, expected, size, MOST_ERROR, prefix, g->folder);
    else if (!(cosine(vector, expected, size) >= 0.999))
        fail_msg("%s of %s has cosine %.5f", prefix, g->folder, cosine(vector, expected, size));
    free(expected);
}

/* ---- texts -------------------------------------------------------------------------------------------------------------- */

static struct text_ids encode(const struct lmvr_model *model, json_t *text)
{
    lmvr_error error = {{0}};
    int32_t *ids;
    size_t count;
    CHECK(text_rules_encode(&model->text_rules, model->tokenizer, golden_string(text, "text"), &ids, &count, &error));
    return (struct text_ids){ids, (int64_t)count};
}

static void compare_ids(json_t *expected, const struct text_ids *ids)
{
    assert_int_equal(json_array_size(expected), ids->count);
    for (int64_t i = 0; i < ids->count; i++)
        assert_int_equal(json_integer_value(json_array_get(expected, (size_t)i)), ids->ids[i]);
}

static void texts_have_the_references_ids(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT; m++) {
        struct golden g;
        golden_open(checkpoints[m], &g);
        struct lmvr_model *model = open_model(g.folder, LMVR_DTYPE_F32);
        json_t *texts = json_object_get(g.json, "texts");
        assert_true(json_array_size(texts) > 0);
        for (size_t i = 0; i < json_array_size(texts); i++) {
            struct text_ids ids = encode(model, json_array_get(texts, i));
            compare_ids(json_object_get(json_array_get(texts, i), "ids"), &ids);
            free((void *)ids.ids);
        }
        lmvr_model_free(model);
        golden_close(&g);
    }
}

#define MOST_TEXTS 16
#define MOST_WIDTH 64

static void compare_texts(const char *name, lmvr_dtype dtype)
{
    struct golden g;
    struct arena arena;
    struct text_ids ids[MOST_TEXTS];
    lmvr_error error = {{0}};
    golden_open(name, &g);
    struct lmvr_model *model = open_model(g.folder, dtype);
    CHECK(arena_init_on(&arena, model->device, model->dtypes.compute, &error));
    json_t *texts = json_object_get(g.json, "texts");
    int count = (int)json_array_size(texts);
    size_t width = (size_t)model->config.joint.width;
    assert_true(count <= MOST_TEXTS && width <= MOST_WIDTH);
    for (int i = 0; i < count; i++)
        ids[i] = encode(model, json_array_get(texts, (size_t)i));
    float *there = arena_floats(&arena, (MOST_TEXTS + 1) * MOST_WIDTH), *one = there + MOST_TEXTS * MOST_WIDTH;
    CHECK(text_tower_forward(&model->text, &arena, ids, count, there, &error));
    float *vectors = fetched(&arena, there, (size_t)count * width);
    for (int i = 0; i < count; i++) {
        compare(&g, golden_string(json_array_get(texts, (size_t)i), "name"), "text_features", vectors + (size_t)i * width,
                width, dtype);
        CHECK(text_tower_forward(&model->text, &arena, &ids[i], 1, one, &error));
        float *alone = fetched(&arena, one, width);
        assert_memory_equal(alone, vectors + (size_t)i * width, width * sizeof *alone); /* company changes nothing */
        free((void *)ids[i].ids);
    }
    arena_finish(&arena);
    lmvr_model_free(model);
    golden_close(&g);
}

static void texts_have_the_references_vectors_whatever_their_company(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT; m++) {
        compare_texts(checkpoints[m], LMVR_DTYPE_F32);
        compare_texts(checkpoints[m], LMVR_DTYPE_BF16);
    }
}

/* ---- images ------------------------------------------------------------------------------------------------------------- */

#define MOST_IMAGES 16

struct vectors {
    size_t width, count;
    float rows[MOST_IMAGES][MOST_WIDTH];
};

static int keep(const lmvr_result *result, void *user)
{
    struct vectors *all = user;
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    memcpy(all->rows[result->index], result->features[0], all->width * sizeof(float));
    all->count++;
    return 0;
}

static struct lmvr_session *open_session(const struct lmvr_model *model, const char *feature)
{
    lmvr_error error = {{0}};
    lmvr_session_options options;
    struct lmvr_session *session;
    lmvr_session_options_default(&options);
    options.features = &feature;
    options.feature_count = 1;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return session;
}

static void compare_images(const char *name, lmvr_dtype dtype)
{
    struct golden g;
    char paths[MOST_IMAGES][600];
    lmvr_image list[MOST_IMAGES] = {0};
    lmvr_error error = {{0}};
    golden_open(name, &g);
    struct lmvr_model *model = open_model(g.folder, dtype);
    struct lmvr_session *session = open_session(model, "joint");
    struct vectors vectors = {.width = (size_t)model->config.joint.width};
    json_t *images = json_object_get(g.json, "images");
    size_t count = json_array_size(images);
    assert_true(count > 0 && count <= MOST_IMAGES);
    for (size_t i = 0; i < count; i++) {
        golden_image_path(json_array_get(images, i), paths[i], sizeof paths[i]);
        list[i].path = paths[i];
    }
    CHECK(lmvr_embed(session, list, count, keep, &vectors, &error));
    assert_int_equal(vectors.count, count);
    for (size_t i = 0; i < count; i++)
        compare(&g, golden_string(json_array_get(images, i), "name"), "image_features", vectors.rows[i], vectors.width, dtype);
    lmvr_session_free(session);
    lmvr_model_free(model);
    golden_close(&g);
}

static void images_have_the_references_vectors(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT; m++) {
        compare_images(checkpoints[m], LMVR_DTYPE_F32);
        compare_images(checkpoints[m], LMVR_DTYPE_BF16);
    }
}

/* Also the states that lie before the joint space; a norm behind them belongs to it. */
static void the_encoders_features_are_the_references(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT; m++) {
        struct golden g;
        char path[600];
        lmvr_error error = {{0}};
        golden_open(checkpoints[m], &g);
        struct lmvr_model *model = open_model(g.folder, LMVR_DTYPE_F32);
        json_t *image = json_array_get(json_object_get(g.json, "images"), 1), *specs = json_object_get(image, "features"),
               *spec;
        lmvr_image input = {.path = path};
        size_t i;
        golden_image_path(image, path, sizeof path);
        assert_true(json_array_size(specs) >= 4);
        json_array_foreach(specs, i, spec)
        {
            char name[128];
            struct vectors vectors = {.width = (size_t)model->vision.width};
            struct lmvr_session *session = open_session(model, json_string_value(spec));
            CHECK(lmvr_embed(session, &input, 1, keep, &vectors, &error));
            snprintf(name, sizeof name, "feature/%s", json_string_value(spec));
            compare(&g, golden_string(image, "name"), name, vectors.rows[0], vectors.width, LMVR_DTYPE_F32);
            lmvr_session_free(session);
        }
        lmvr_model_free(model);
        golden_close(&g);
    }
}

/* ---- texts as inputs ---------------------------------------------------------------------------------------------------- */

static void texts_and_images_are_inputs_of_one_session(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT; m++) {
        struct golden g;
        char paths[MOST_IMAGES][600];
        lmvr_image list[MOST_IMAGES] = {0};
        lmvr_error error = {{0}};
        golden_open(checkpoints[m], &g);
        struct lmvr_model *model = open_model(g.folder, LMVR_DTYPE_F32);
        struct lmvr_session *session = open_session(model, "joint");
        struct vectors vectors = {.width = (size_t)model->config.joint.width};
        json_t *images = json_object_get(g.json, "images"), *texts = json_object_get(g.json, "texts");
        size_t count = 2 * json_array_size(texts);
        assert_true(count <= MOST_IMAGES);
        for (size_t i = 0; i < count; i++) {
            golden_image_path(json_array_get(images, i / 2), paths[i], sizeof paths[i]);
            list[i] = i % 2 ? (lmvr_image){.text = golden_string(json_array_get(texts, i / 2), "text")}
                            : (lmvr_image){.path = paths[i]};
        }
        CHECK(lmvr_embed(session, list, count, keep, &vectors, &error));
        assert_int_equal(vectors.count, count);
        for (size_t i = 0; i < count; i++)
            compare(&g, golden_string(json_array_get(i % 2 ? texts : images, i / 2), "name"),
                    i % 2 ? "text_features" : "image_features", vectors.rows[i], vectors.width, LMVR_DTYPE_F32);
        lmvr_session_free(session);
        lmvr_model_free(model);
        golden_close(&g);
    }
}

struct refusals {
    size_t count;
    char sentences[4][700];
};

static int keep_refusal(const lmvr_result *result, void *user)
{
    struct refusals *all = user;
    if (result->status == LMVR_OK)
        return 0;
    assert_int_equal(result->status, LMVR_ERROR_INPUT);
    snprintf(all->sentences[all->count++], sizeof all->sentences[0], "%s", result->error);
    return 0;
}

static void assert_refused(const char *checkpoint, const char *feature, lmvr_image image, const char *sentence)
{
    char folder[600];
    lmvr_error error = {{0}};
    struct refusals refusals = {0};
    snprintf(folder, sizeof folder, LMVR_TEST_DATA "/golden/%s", checkpoint);
    struct lmvr_model *model = open_model(folder, LMVR_DTYPE_F32);
    struct lmvr_session *session = open_session(model, feature);
    const lmvr_image list[] = {image, {.path = LMVR_TEST_DATA "/golden/images/gradient.jpg"}};
    CHECK(lmvr_embed(session, list, 2, keep_refusal, &refusals, &error));
    assert_int_equal(refusals.count, 1); /* the other input is not affected */
    if (!strstr(refusals.sentences[0], sentence))
        fail_msg("\"%s\" does not say \"%s\"", refusals.sentences[0], sentence);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void what_no_dual_encoder_reads_is_refused_in_a_sentence(void **state)
{
    (void)state;
    const char *path = LMVR_TEST_DATA "/golden/images/noise.webp";
    assert_refused("clip-text-f32", "joint", (lmvr_image){.path = path, .text = "a dog"},
                   "noise.webp: has a text beside the image, which only a language model reads");
    assert_refused("clip-text-f32", "joint", (lmvr_image){.text = "a dog", .system = "Find it."},
                   "text 1: has an instruction, which only a language model reads");
    assert_refused("siglip-f32", "encoder", (lmvr_image){.text = "a dog"},
                   "text 1: is a text, but feature encoder:patches:mean:-2 is an image's");
    assert_refused("clip-f32", "joint", (lmvr_image){.text = "a dog"}, "text 1: is a text, which the model cannot read: ");
}

/* ---- what a folder may lack --------------------------------------------------------------------------------------------- */

static void a_dual_encoder_without_a_tokenizer_still_sees(void **state)
{
    (void)state;
    struct lmvr_model *model = open_model(LMVR_TEST_DATA "/golden/clip-f32", LMVR_DTYPE_F32);
    assert_null(model->tokenizer);
    assert_non_null(strstr(model->text_refusal.message, "clip-f32: has neither tokenizer.model nor spiece.model"));
    lmvr_session_free(open_session(model, "joint"));
    lmvr_session_free(open_session(model, "encoder:cls"));
    lmvr_model_free(model);
}

static void a_model_without_a_joint_space_says_so(void **state)
{
    (void)state;
    lmvr_error error = {{0}};
    lmvr_session_options options;
    struct lmvr_session *session;
    const char *feature = "joint";
    struct lmvr_model *model = open_model(LMVR_TEST_DATA "/golden/llava-siglip-f32", LMVR_DTYPE_F32);
    lmvr_session_options_default(&options);
    options.features = &feature;
    options.feature_count = 1;
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "feature joint: the model has no space that its images share with texts, as a whole CLIP "
                        "or SigLIP has");
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_the_references_ids),
        cmocka_unit_test(texts_have_the_references_vectors_whatever_their_company),
        cmocka_unit_test(images_have_the_references_vectors),
        cmocka_unit_test(the_encoders_features_are_the_references),
        cmocka_unit_test(texts_and_images_are_inputs_of_one_session),
        cmocka_unit_test(what_no_dual_encoder_reads_is_refused_in_a_sentence),
        cmocka_unit_test(a_dual_encoder_without_a_tokenizer_still_sees),
        cmocka_unit_test(a_model_without_a_joint_space_says_so),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
