/* Embedding models give, with no feature asked for, the vectors that their own code gives. */
#include "golden.h"
#include "session/session.h"
#include "session/open_model.h"

struct cases {
    json_t *json;
    struct golden golden; /* its tensors */
};

static lmvr_error error;

static void cases_open(struct cases *c)
{
    json_error_t bad;
    c->json = json_load_file(LMVR_TEST_DATA "/golden/embedding/reference.json", 0, &bad);
    assert_non_null(c->json);
    CHECK(safetensors_open(LMVR_TEST_DATA "/golden/embedding/reference.safetensors", &c->golden.tensors, &error));
}

struct kept {
    float row[64];
    size_t dim;
};

static int keep(const lmvr_result *result, void *user)
{
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    struct kept *kept = user;
    memcpy(kept->row, result->features[0], kept->dim * sizeof *kept->row);
    return 0;
}

/* Its code opens these files in other ways: alpha on white, no EXIF orientation. */
static bool is_opened_otherwise(json_t *object)
{
    const char *image = golden_string(object, "image"), *opened = golden_string(object, "opened");
    return opened && strcmp(opened, "file") == 0 &&
           (strcmp(image, "shapes_rgba.png") == 0 || strcmp(image, "oriented_gray.jpg") == 0);
}

/* Pictures of thousands of patches are for a whole run, not for each build with sanitizers. */
static bool is_ours(json_t *object)
{
    const char *image = golden_string(object, "image");
    return !json_is_true(json_object_get(object, "refused")) && !is_opened_otherwise(object) &&
           (image || golden_string(object, "text")) && !(image && strstr(image, "huge"));
}

static void compare_prompt(const struct lmvr_session *session, const lmvr_image *input, json_t *object)
{
    char *filled;
    CHECK(input_fill(session, input, input->path != NULL, &filled, &error));
    char expected[8192] = "";
    const char *prompt = golden_string(object, "prompt"), *image = strstr(prompt, "<|image_pad|>");
    snprintf(expected, sizeof expected, "%.*s%s%s", (int)(image ? image - prompt : (long)strlen(prompt)), prompt,
             image ? "<image>" : "", image ? image + strlen("<|image_pad|>") : "");
    assert_string_equal(filled, expected);
    free(filled);
}

static void compare(const struct cases *c, const struct lmvr_model *model, json_t *object)
{
    char path[600];
    size_t dim;
    lmvr_session_options options;
    struct lmvr_session *session;
    lmvr_image input = {.text = golden_string(object, "text"), .system = golden_string(object, "instruction")};
    if (golden_string(object, "image")) {
        golden_image_path(object, path, sizeof path);
        input.path = path;
    }
    lmvr_session_options_default(&options);
    options.min_pixels = (int)json_integer_value(json_object_get(object, "min_pixels"));
    options.max_pixels = (int)json_integer_value(json_object_get(object, "max_pixels"));
    CHECK(lmvr_session_create(model, &options, &session, &error));
    float *expected = golden_floats(&c->golden, golden_string(object, "name"), "embedding", &dim);
    struct kept kept = {.dim = dim};
    assert_non_null(expected);
    assert_int_equal(session->features.features[0].dim, dim);
    assert_true(dim <= sizeof kept.row / sizeof *kept.row);
    compare_prompt(session, &input, object);
    CHECK(lmvr_embed(session, &input, 1, keep, &kept, &error));
    assert_close(kept.row, expected, dim, 1e-5, "the embedding", golden_string(object, "name"));
    free(expected);
    lmvr_session_free(session);
}

static void compare_all(const char *checkpoint, int least)
{
    struct cases c;
    char folder[512];
    struct lmvr_model *model;
    size_t index;
    json_t *object;
    int compared = 0;
    cases_open(&c);
    snprintf(folder, sizeof folder, LMVR_TEST_DATA "/golden/embedding/%s", checkpoint);
    CHECK(open_tested(folder, LMVR_DTYPE_F32, &model, &error));
    json_array_foreach(json_object_get(c.json, "cases"), index, object)
    {
        if (strcmp(golden_string(object, "checkpoint"), checkpoint) != 0 || !is_ours(object))
            continue;
        compare(&c, model, object);
        compared++;
    }
    assert_true(compared >= least);
    lmvr_model_free(model);
    json_decref(c.json);
    safetensors_close(c.golden.tensors);
}

static void qwen3_vl_embedding_is_its_own_code(void **state)
{
    (void)state;
    compare_all("qwen3vl-embedding", 22);
}

static void gme_is_its_own_code(void **state)
{
    (void)state;
    compare_all("gme", 15);
}

static void a_model_without_a_head_generates_nothing(void **state)
{
    (void)state;
    struct lmvr_model *model;
    struct lmvr_session *session;
    lmvr_session_options options;
    CHECK(open_tested(LMVR_TEST_DATA "/golden/embedding/qwen3vl-embedding", LMVR_DTYPE_F32, &model, &error));
    lmvr_session_options_default(&options);
    options.describe = true;
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "this embedding model has no head, so it generates nothing"));
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qwen3_vl_embedding_is_its_own_code),
        cmocka_unit_test(gme_is_its_own_code),
        cmocka_unit_test(a_model_without_a_head_generates_nothing),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
