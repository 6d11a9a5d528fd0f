/* What run.json says of a session's options can be read from it, and nothing else can. */
#include "cmocka_all.h"

#include "record/settings.h"

#include <string.h>

static lmvr_error error;

#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != LMVR_OK)                                                                                                 \
            fail_msg("%s", error.message);                                                                                     \
    } while (0)

/* The settings of a session, by way of an object. */
static json_t *round_trip(const char *model_name, lmvr_dtype dtype, const lmvr_session_options *options, struct settings *s)
{
    char path[600];
    lmvr_model *model;
    lmvr_session *session;
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", model_name);
    CHECK(lmvr_model_open(path, dtype, 0, &model, &error));
    CHECK(lmvr_session_create(model, options, &session, &error));
    json_t *run = settings_describe(model, session, NULL);
    assert_non_null(run);
    CHECK(settings_read(run, "run.json", s, &error));
    lmvr_model_info info;
    lmvr_model_get_info(model, &info);
    assert_int_equal(s->fingerprint, info.fingerprint);
    assert_string_equal(s->architecture, info.architecture);
    assert_int_equal(s->dtype, info.dtype);
    lmvr_session_free(session);
    lmvr_model_free(model);
    return run;
}

static void test_all_options(void **state)
{
    (void)state;
    struct settings s;
    lmvr_session_options o;
    lmvr_session_options_default(&o);
    o.prompt = "Who?";
    o.template_name = "plain";
    o.max_new_tokens = 7;
    o.temperature = 0.7f;
    o.top_p = 0.9f;
    o.seed = 123456789012345;
    o.aspect = LMVR_ASPECT_STRETCH;
    o.normalize = true;
    o.dims = 5;
    json_t *run = round_trip("llava-old-f32", LMVR_DTYPE_INT8, &o, &s);
    assert_string_equal(s.session.prompt, "Who?");
    assert_string_equal(s.session.template_name, "plain");
    assert_int_equal(s.session.max_new_tokens, 7);
    assert_true(s.session.temperature == 0.7f);
    assert_true(s.session.top_p == 0.9f);
    assert_int_equal(s.session.seed, 123456789012345);
    assert_int_equal(s.session.aspect, LMVR_ASPECT_STRETCH);
    assert_true(s.session.normalize && !s.session.before_generation);
    assert_int_equal(s.session.dims, 5);
    assert_null(s.gpu);
    json_decref(run);
}

static void test_models_of_any_size(void **state)
{
    (void)state;
    struct settings s;
    lmvr_session_options o;
    lmvr_session_options_default(&o);
    o.system = "You see.";
    o.min_pixels = 3136;
    o.max_pixels = 50176;
    o.before_generation = true;
    json_t *run = round_trip("qwen2vl-new-f32", LMVR_DTYPE_F32, &o, &s);
    assert_string_equal(s.session.system, "You see.");
    assert_int_equal(s.session.min_pixels, 3136);
    assert_int_equal(s.session.max_pixels, 50176);
    assert_true(s.session.before_generation);
    json_decref(run);
}

static void test_models_without_words(void **state)
{
    (void)state;
    struct settings s;
    lmvr_session_options o;
    lmvr_session_options_default(&o);
    json_t *run = round_trip("clip-f32", LMVR_DTYPE_DEFAULT, &o, &s);
    assert_null(s.session.prompt);
    assert_null(s.session.template_name);
    assert_int_equal(s.session.max_new_tokens, 128); /* the default */
    json_decref(run);
}

static void test_a_gpu_that_was_fast(void **state)
{
    (void)state;
    struct settings s;
    json_t *run = json_pack("{s:s, s:s, s:b}", "model", "000000000000face", "device", "NVIDIA H200", "fast", 1);
    assert_int_equal(settings_read(run, "run.json", &s, &error), LMVR_OK);
    assert_string_equal(s.gpu, "NVIDIA H200");
    assert_true(s.fast);
    json_decref(run);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json, *sentence;
    } cases[] = {
        {"{}", "run.json: model is missing"},
        {"{\"model\": \"12\"}", "run.json: model is \"12\", expected a model's fingerprint"},
        {"{\"model\": \"000000000000face\", \"dtype\": \"f64\"}", "run.json: dtype is \"f64\", expected "},
        {"{\"model\": \"000000000000face\", \"seed\": \"1\"}", "run.json: seed is \"1\", expected a whole number"},
        {"{\"model\": \"000000000000face\", \"dims\": 0}", "run.json: dims is 0, expected a whole number"},
        {"{\"model\": \"000000000000face\", \"prompt\": 1}", "run.json: prompt is 1, expected "},
        {"{\"model\": \"000000000000face\", \"fog\": 3}",
         "run.json: the rows depend on \"fog\", which is not an option of lmvr embed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s;
        json_t *run = json_loads(cases[i].json, 0, NULL);
        assert_int_equal(settings_read(run, "run.json", &s, &error), LMVR_ERROR_INVALID);
        if (strncmp(error.message, cases[i].sentence, strlen(cases[i].sentence)) != 0)
            fail_msg("\"%s\" should be said, but: %s", cases[i].sentence, error.message);
        json_decref(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_models_of_any_size),
        cmocka_unit_test(test_models_without_words),
        cmocka_unit_test(test_a_gpu_that_was_fast),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
