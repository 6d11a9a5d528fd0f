/* Every public function, called with every argument wrong: a status and a message, never a crash. */
#include "cmocka_all.h"
#include "lmvr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LLAVA LMVR_TEST_DATA "/golden/llava-odd-f32"
#define CLIP  LMVR_TEST_DATA "/golden/clip-f32"
#define IMAGE LMVR_TEST_DATA "/golden/images/gradient.jpg"

static lmvr_error error;
static lmvr_model *model;

/* Whether a call failed with exactly this message; `again` is its status when called without an error to fill in. */
static void assert_refused(lmvr_status status, const char *sentence, lmvr_status again)
{
    assert_int_equal(status, LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_int_equal(again, LMVR_ERROR_INVALID);
    error.message[0] = '\0';
}

#define REFUSED(sentence, call, ...) assert_refused(call(__VA_ARGS__, &error), sentence, call(__VA_ARGS__, NULL))

static int open_model(void **state)
{
    (void)state;
    return lmvr_model_open(LLAVA, LMVR_DTYPE_F32, 0, &model, &error);
}

static int close_model(void **state)
{
    (void)state;
    lmvr_model_free(model);
    return 0;
}

/* ---- models ---- */

static void opening_a_model_refuses_each_wrong_argument(void **state)
{
    (void)state;
    lmvr_model *m = model;
    REFUSED("lmvr_model_open: model is NULL", lmvr_model_open, LLAVA, LMVR_DTYPE_F32, 0, NULL);
    REFUSED("lmvr_model_open: path is NULL", lmvr_model_open, NULL, LMVR_DTYPE_F32, 0, &m);
    assert_null(m);
    REFUSED("dtype is 9, expected LMVR_DTYPE_DEFAULT, or LMVR_DTYPE_F32 to LMVR_DTYPE_INT4", lmvr_model_open, LLAVA,
            (lmvr_dtype)9, 0, &m);
    REFUSED("threads is -1, expected 1 to 4096, or 0 for one per processor", lmvr_model_open, LLAVA, LMVR_DTYPE_F32, -1, &m);
    REFUSED("threads is 4097, expected 1 to 4096, or 0 for one per processor", lmvr_model_open, LLAVA, LMVR_DTYPE_F32, 4097,
            &m);
    assert_null(m);
}

static void inspecting_a_model_refuses_each_wrong_argument(void **state)
{
    (void)state;
    static const lmvr_model_info none;
    lmvr_model_info info;
    REFUSED("lmvr_model_inspect: info is NULL", lmvr_model_inspect, LLAVA, LMVR_DTYPE_F32, NULL);
    memset(&info, 1, sizeof info);
    REFUSED("lmvr_model_inspect: path is NULL", lmvr_model_inspect, NULL, LMVR_DTYPE_F32, &info);
    assert_memory_equal(&info, &none, sizeof info);
    REFUSED("dtype is -1, expected LMVR_DTYPE_DEFAULT, or LMVR_DTYPE_F32 to LMVR_DTYPE_INT4", lmvr_model_inspect, LLAVA,
            (lmvr_dtype)-1, &info);
    assert_int_equal(lmvr_model_inspect(LLAVA, LMVR_DTYPE_F32, &info, NULL), LMVR_OK);
    const lmvr_model_options good = {.size = sizeof good, .dtype = LMVR_DTYPE_F32},
                             bad = {.size = sizeof bad, .cache_dtype = LMVR_DTYPE_INT4};
    REFUSED("lmvr_model_inspect: info is NULL", lmvr_model_inspect_with, LLAVA, &good, NULL);
    REFUSED("lmvr_model_inspect: path is NULL", lmvr_model_inspect_with, NULL, &good, &info);
    REFUSED("lmvr_model_inspect: options is NULL", lmvr_model_inspect_with, LLAVA, NULL, &info);
    assert_int_equal(lmvr_model_inspect_with(LLAVA, &bad, &info, &error), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_model_inspect_with(LLAVA, &good, &info, NULL), LMVR_OK);
}

static void a_cache_type_is_refused_where_there_is_no_cache(void **state)
{
    (void)state;
    const char *const sentence = "a KV cache in bf16 needs a language model, and this model is a vision encoder only";
    const lmvr_model_options options = {
        .size = sizeof options, .dtype = LMVR_DTYPE_F32, .cache_dtype = LMVR_DTYPE_BF16, .device = "cpu"};
    lmvr_model *encoder;
    lmvr_model_info info;
    REFUSED(sentence, lmvr_model_open_with, CLIP, &options, &encoder);
    assert_null(encoder);
    REFUSED(sentence, lmvr_model_inspect_with, CLIP, &options, &info);
}

static void asking_a_model_accepts_null(void **state)
{
    (void)state;
    static const lmvr_model_info none;
    lmvr_model_info info;
    memset(&info, 1, sizeof info);
    lmvr_model_get_info(NULL, &info);
    assert_memory_equal(&info, &none, sizeof info);
    lmvr_model_get_info(model, NULL);
    lmvr_model_get_info(NULL, NULL);
    lmvr_model_free(NULL);
    assert_string_equal(lmvr_version(), LMVR_VERSION);
}

/* ---- sessions ---- */

static lmvr_session_options defaults(void)
{
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    return options;
}

static void creating_a_session_refuses_each_null(void **state)
{
    (void)state;
    const lmvr_session_options options = defaults();
    lmvr_session *s = (lmvr_session *)&error;
    REFUSED("lmvr_session_create: session is NULL", lmvr_session_create, model, &options, NULL);
    REFUSED("lmvr_session_create: model is NULL", lmvr_session_create, NULL, &options, &s);
    assert_null(s);
    REFUSED("lmvr_session_create: options is NULL", lmvr_session_create, model, NULL, &s);
    assert_null(s);
}

static void refuse_options(lmvr_session_options options, const char *sentence)
{
    lmvr_session *s = (lmvr_session *)&error;
    REFUSED(sentence, lmvr_session_create, model, &options, &s);
    assert_null(s);
}

/* Expects the defaults with one member changed to be refused. */
#define REFUSED_OPTION(member, value, sentence)                                                                                \
    do {                                                                                                                       \
        lmvr_session_options changed = defaults();                                                                             \
        changed.member = (value);                                                                                              \
        refuse_options(changed, sentence);                                                                                     \
    } while (0)

static void creating_a_session_refuses_each_wrong_number(void **state)
{
    (void)state;
    REFUSED_OPTION(max_new_tokens, 0, "max_new_tokens is 0, expected at least 1");
    REFUSED_OPTION(temperature, -1.0f, "temperature is -1, expected 0 or more");
    REFUSED_OPTION(temperature, INFINITY, "temperature is inf, expected 0 or more");
    REFUSED_OPTION(top_p, 0.0f, "top_p is 0, expected more than 0 and at most 1");
    REFUSED_OPTION(top_p, NAN, "top_p is nan, expected more than 0 and at most 1");
    REFUSED_OPTION(aspect, (lmvr_aspect)7,
                   "aspect is 7, expected LMVR_ASPECT_DEFAULT, LMVR_ASPECT_CROP, LMVR_ASPECT_PAD or LMVR_ASPECT_STRETCH");
    REFUSED_OPTION(attention_query, (lmvr_query)3,
                   "attention_query is 3, expected LMVR_QUERY_DEFAULT, LMVR_QUERY_PREDICTING or LMVR_QUERY_OWN");
    REFUSED_OPTION(threads, -1, "threads is -1, expected 1 to 4096, or 0 for one per processor");
    REFUSED_OPTION(batch, -1, "batch is -1, expected 1 to 4096, or 0 for the default");
    REFUSED_OPTION(batch, 4097, "batch is 4097, expected 1 to 4096, or 0 for the default");
    REFUSED_OPTION(dims, -1, "dims is -1, expected 1 or more, or 0 for all");
    REFUSED_OPTION(template_name, "none such",
                   "the template is \"none such\", expected vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, "
                   "mistral, llama3, plain or none");

    lmvr_session_options blocks = defaults();
    blocks.attention = true;
    blocks.attention_first = -1;
    refuse_options(blocks, "attention is requested of blocks -1 to 0, but the model has blocks 1 to 3");
}

static void creating_a_session_refuses_null_features(void **state)
{
    (void)state;
    static const char *const holed[] = {"llm", NULL};
    lmvr_session_options options = defaults();
    options.feature_count = 1;
    refuse_options(options, "features is NULL, expected an array of 1");
    options.features = holed;
    options.feature_count = 2;
    refuse_options(options, "features[1] is NULL, expected source:tokens:pool:layer");
    options.feature_count = 5000;
    refuse_options(options, "5000 features are requested, expected at most 4096");
}

static void asking_a_session_accepts_null_and_any_index(void **state)
{
    (void)state;
    static const lmvr_feature_info none;
    lmvr_session_options options = defaults(), in_use;
    lmvr_feature_info feature;
    lmvr_session *s;
    assert_int_equal(lmvr_session_create(model, &options, &s, NULL), LMVR_OK);
    lmvr_session_options_default(NULL);
    lmvr_session_get_options(s, NULL);
    lmvr_session_get_options(NULL, NULL);
    lmvr_session_get_options(NULL, &in_use);
    assert_int_equal(in_use.max_new_tokens, 128);
    assert_int_equal(lmvr_session_feature_count(NULL), 0);
    assert_int_equal(lmvr_session_batch(NULL), 0);
    assert_int_equal(lmvr_session_kv_cache_bytes(NULL), 0);
    lmvr_session_get_feature(s, 0, NULL);
    for (int i = 0; i < 2; i++) {
        memset(&feature, 1, sizeof feature);
        lmvr_session_get_feature(i ? NULL : s, 1, &feature);
        assert_memory_equal(&feature, &none, sizeof feature);
    }
    lmvr_session_get_feature(s, 0, &feature);
    assert_string_equal(feature.spec, "llm:all:mean:-1");
    lmvr_session_free(s);
    lmvr_session_free(NULL);
}

static void a_clip_alone_gives_its_encoder_by_default(void **state)
{
    (void)state;
    lmvr_session_options options = defaults();
    lmvr_feature_info feature;
    lmvr_model *clip;
    lmvr_session *s;
    assert_int_equal(lmvr_model_open(CLIP, LMVR_DTYPE_F32, 0, &clip, &error), LMVR_OK);
    assert_int_equal(lmvr_session_create(clip, &options, &s, &error), LMVR_OK);
    assert_int_equal(lmvr_session_feature_count(s), 1);
    lmvr_session_get_feature(s, 0, &feature);
    assert_string_equal(feature.spec, "encoder:patches:mean:-2");
    lmvr_session_free(s);
    lmvr_model_free(clip);
}

/* ---- images ---- */

static int count_result(const lmvr_result *result, void *user)
{
    if (user)
        *(lmvr_result *)user = *result;
    return 0;
}

static lmvr_session *pixels_session(lmvr_filter_fn *filter)
{
    static const char *const features[] = {"pixels"};
    lmvr_session_options options = defaults();
    lmvr_session *s;
    options.features = features;
    options.feature_count = 1;
    options.filter = filter;
    if (lmvr_session_create(model, &options, &s, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return s;
}

static void embedding_refuses_each_wrong_null(void **state)
{
    (void)state;
    const lmvr_image image = {.path = IMAGE};
    lmvr_session *s = pixels_session(NULL);
    REFUSED("lmvr_embed: session is NULL", lmvr_embed, NULL, &image, 1, count_result, NULL);
    REFUSED("lmvr_embed: images is NULL", lmvr_embed, s, NULL, 1, count_result, NULL);
    REFUSED("lmvr_embed: on_result is NULL", lmvr_embed, s, &image, 1, NULL, NULL);
    REFUSED("lmvr_embed: on_result is NULL", lmvr_embed, s, NULL, 0, NULL, NULL);
    assert_int_equal(lmvr_embed(s, NULL, 0, count_result, NULL, NULL), LMVR_OK);
    assert_int_equal(lmvr_embed(s, &image, 1, count_result, NULL, NULL), LMVR_OK);
    lmvr_session_free(s);
}

static lmvr_status leave_nothing(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *why)
{
    (void)index;
    (void)hash;
    (void)user;
    assert_int_equal(lmvr_pixels_replace(pixels, 1, 1, NULL, why), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_pixels_replace(NULL, 1, 1, pixels->rgb, why), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_pixels_replace(pixels, 1 << 20, 1 << 20, pixels->rgb, why), LMVR_ERROR_INPUT);
    return lmvr_pixels_replace(pixels, 0, 0, pixels->rgb, why);
}

static void a_wrong_image_fails_alone(void **state)
{
    (void)state;
    static const uint8_t gray[3];
    const lmvr_image wrong[] = {{0},
                                {.path = ""},
                                {.rgb = gray},
                                {.rgb = gray, .width = 1, .height = -1},
                                {.rgb = gray, .width = INT32_MAX, .height = INT32_MAX}};
    lmvr_session *s = pixels_session(NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lmvr_result result = {.status = LMVR_OK};
        assert_int_equal(lmvr_embed(s, &wrong[i], 1, count_result, &result, &error), LMVR_OK);
        assert_int_equal(result.status, LMVR_ERROR_INPUT);
    }
    lmvr_session_free(s);
}

static void a_filter_that_leaves_no_pixels_fails_its_image(void **state)
{
    (void)state;
    const lmvr_image image = {.path = IMAGE};
    lmvr_result result = {.status = LMVR_OK};
    lmvr_session *s = pixels_session(leave_nothing);
    assert_int_equal(lmvr_embed(s, &image, 1, count_result, &result, &error), LMVR_OK);
    assert_int_equal(result.status, LMVR_ERROR_INPUT);
    lmvr_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_model_refuses_each_wrong_argument),
        cmocka_unit_test(inspecting_a_model_refuses_each_wrong_argument),
        cmocka_unit_test(a_cache_type_is_refused_where_there_is_no_cache),
        cmocka_unit_test(asking_a_model_accepts_null),
        cmocka_unit_test(creating_a_session_refuses_each_null),
        cmocka_unit_test(creating_a_session_refuses_each_wrong_number),
        cmocka_unit_test(creating_a_session_refuses_null_features),
        cmocka_unit_test(asking_a_session_accepts_null_and_any_index),
        cmocka_unit_test(a_clip_alone_gives_its_encoder_by_default),
        cmocka_unit_test(embedding_refuses_each_wrong_null),
        cmocka_unit_test(a_wrong_image_fails_alone),
        cmocka_unit_test(a_filter_that_leaves_no_pixels_fails_its_image),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
