/* A converted model computes what the model that it was made from computes in the same type, to the last bit, and is whole or
 * not there. */
#include "golden.h"
#include "lmvr.h"
#include "model/convert.h"
#include "scratch.h"

#include <dirent.h>

#define GOLDEN LMVR_TEST_DATA "/golden/"
#define MOST   65536 /* numbers of an image */

/* Every kind of model, of weights, and of file. */
static const char *const models[] = {
    "llava-old-f32",      "llava-f16-tied",    "llava-new-bf16",        "llava-siglip-bf16", "llavanext-mistral-f16",
    "blip2-odd-f16",      "blip2-old-f32",     "clip-text-f32",         "siglip-odd-bf16",   "siglip-f32",
    "qwen2vl-hub-bf16",   "qwen25vl-new-bf16", "qwen3vl-odd-f32",       "smolvlm2-f32",      "idefics3-whole-f16",
    "embedding/gme",      "own/llava-1.5",     "own/llava-1.6-mistral", "gguf-llava-q4_0",   "gguf-llava-q4_k_m",
    "gguf-qwen25vl-q5_1", "gguf-qwen3vl-q4_1", "gguf-smolvlm-q8_0"};
#define MODELS (sizeof models / sizeof *models)

static lmvr_error error;

/* What a model computes of an image: its features, then its tokens. */
struct outcome {
    lmvr_dtype dtype;
    char stored[64];
    const lmvr_session *session;
    size_t count;
    float numbers[MOST];
};

static int take(const lmvr_result *result, void *user)
{
    struct outcome *o = user;
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    for (size_t f = 0; f < lmvr_session_feature_count(o->session); f++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(o->session, f, &info);
        assert_true(o->count + info.dim <= MOST);
        memcpy(o->numbers + o->count, result->features[f], info.dim * sizeof(float));
        o->count += info.dim;
    }
    assert_true(o->count + result->token_count <= MOST);
    for (size_t i = 0; i < result->token_count; i++)
        o->numbers[o->count++] = (float)result->tokens[i];
    return 0;
}

static void compute(const char *path, lmvr_dtype dtype, struct outcome *o)
{
    static const char *const features[] = {"llm", "llm:image:max:1", "adaptor", "encoder:patches"};
    lmvr_model *model;
    lmvr_session *session;
    lmvr_model_info info;
    lmvr_session_options options;
    const lmvr_image images[] = {{.path = GOLDEN "images/wide.jpg"}, {.path = GOLDEN "images/tall.png"}};
    const lmvr_model_options opened = {.size = sizeof opened, .dtype = dtype, .device = "cpu"};
    CHECK(lmvr_model_open_with(path, &opened, &model, &error));
    lmvr_model_get_info(model, &info);
    lmvr_session_options_default(&options);
    if (info.language.blocks) {
        options.features = features;
        options.feature_count = 4;
        options.max_new_tokens = 8;
    }
    CHECK(lmvr_session_create(model, &options, &session, &error));
    memset(o, 0, sizeof *o);
    o->dtype = info.dtype;
    o->session = session;
    snprintf(o->stored, sizeof o->stored, "%s", info.stored_dtypes);
    CHECK(lmvr_embed(session, images, 2, take, o, &error));
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void convert(const char *path, lmvr_dtype dtype, const char *output)
{
    const lmvr_convert_options options = {.size = sizeof options, .dtype = dtype};
    CHECK(lmvr_model_convert(path, &options, output, &error));
}

static const char *golden_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    return path;
}

static void assert_same(const char *name, lmvr_dtype dtype, const struct outcome *before, const struct outcome *after)
{
    if (before->count != after->count || memcmp(before->numbers, after->numbers, before->count * sizeof(float)) != 0)
        fail_msg("%s in %s computes something else once it is converted", name, lmvr_dtype_name(dtype));
}

static void compare(const char *name, lmvr_dtype dtype, lmvr_dtype opened)
{
    static struct outcome before, after;
    const char *path = golden_path(name);
    remove_tree("c");
    convert(path, dtype, "c");
    assert_false(exists("c.tmp"));
    compute(path, dtype, &before);
    compute("c", opened, &after);
    assert_int_equal(after.dtype, dtype);
    assert_same(name, dtype, &before, &after);
}

static void quantized_models_compute_the_same_bits_and_open_in_their_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODELS; i++) {
        compare(models[i], LMVR_DTYPE_INT8, LMVR_DTYPE_DEFAULT);
        compare(models[i], LMVR_DTYPE_INT4, LMVR_DTYPE_DEFAULT);
    }
}

static void models_of_floats_compute_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODELS; i++)
        compare(models[i], i % 2 ? LMVR_DTYPE_BF16 : LMVR_DTYPE_F32, i % 2 ? LMVR_DTYPE_BF16 : LMVR_DTYPE_F32);
}

static void their_stored_types_are_told(void **state)
{
    (void)state;
    lmvr_model_info info;
    convert(golden_path("llava-new-bf16"), LMVR_DTYPE_INT4, "c");
    CHECK(lmvr_model_inspect("c", LMVR_DTYPE_DEFAULT, &info, &error));
    assert_string_equal(info.stored_dtypes, "BF16, INT8, INT4");
    assert_int_equal(info.dtype, LMVR_DTYPE_INT4);
    CHECK(lmvr_model_inspect("c", LMVR_DTYPE_INT8, &info, &error));
    assert_int_equal(info.dtype, LMVR_DTYPE_INT8);
}

static void they_open_in_other_types_too(void **state)
{
    (void)state;
    static struct outcome exact, widened, rounded;
    const char *path = golden_path("qwen2vl-new-f32");
    compute(path, LMVR_DTYPE_F32, &exact);
    convert(path, LMVR_DTYPE_INT8, "c");
    compute("c", LMVR_DTYPE_F32, &widened);
    assert_int_equal(widened.dtype, LMVR_DTYPE_F32);
    assert_true(cosine(exact.numbers, widened.numbers, 64) > 0.999);
    /* what was widened and quantized again is where it was */
    convert("c", LMVR_DTYPE_F32, "f");
    convert("f", LMVR_DTYPE_INT8, "g");
    compute("c", LMVR_DTYPE_DEFAULT, &rounded);
    compute("g", LMVR_DTYPE_DEFAULT, &widened);
    assert_true(cosine(rounded.numbers, widened.numbers, 64) > 0.999);
}

static void a_converted_model_converts_to_itself(void **state)
{
    (void)state;
    convert(golden_path("llava-f16-tied"), LMVR_DTYPE_INT4, "a");
    convert("a", LMVR_DTYPE_INT4, "b");
    assert_same_file("a/model.safetensors", "b/model.safetensors");
    assert_same_file("a/config.json", "b/config.json");
}

static int count_shards(const char *folder)
{
    int count = 0;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    for (const struct dirent *entry; (entry = readdir(opened));)
        count += strncmp(entry->d_name, "model-0", 7) == 0;
    closedir(opened);
    return count;
}

static void shards_have_an_index(void **state)
{
    (void)state;
    static struct outcome one, many;
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT8};
    const char *path = golden_path("llava-new-bf16");
    CHECK(model_convert(path, &options, 20000, "s", &error));
    assert_true(exists("s/model.safetensors.index.json"));
    assert_false(exists("s/model.safetensors"));
    assert_true(count_shards("s") > 2);
    convert(path, LMVR_DTYPE_INT8, "c");
    compute("s", LMVR_DTYPE_DEFAULT, &many);
    compute("c", LMVR_DTYPE_DEFAULT, &one);
    assert_same("shards", LMVR_DTYPE_INT8, &one, &many);
}

static void files_beside_the_weights_are_copied(void **state)
{
    (void)state;
    char from[600];
    const char *const files[] = {"preprocessor_config.json", "tokenizer.model", "generation_config.json"};
    convert(golden_path("llava-old-f32"), LMVR_DTYPE_INT8, "c");
    for (size_t i = 0; i < 3; i++) {
        char to[64];
        snprintf(from, sizeof from, "%s/%s", golden_path("llava-old-f32"), files[i]);
        snprintf(to, sizeof to, "c/%s", files[i]);
        if (exists(from))
            assert_same_file(from, to);
    }
    assert_false(exists("c/pytorch_model.bin"));
    convert(golden_path("embedding/gme"), LMVR_DTYPE_INT4, "d");
    convert(golden_path("own/llava-1.5"), LMVR_DTYPE_INT4, "e"); /* the encoder's folder lies beside the model's */
    assert_true(exists("e/clip-tiny/config.json"));
}

/* ---- what is not replaced --------------------------------------------------------------------------------------------- */

static void assert_refused(const char *path, const char *output, bool replace, const char *why)
{
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT8, .replace = replace};
    assert_int_equal(lmvr_model_convert(path, &options, output, &error), LMVR_ERROR_INVALID);
    if (!strstr(error.message, why))
        fail_msg("%s: expected \"%s\"", error.message, why);
}

static void what_is_in_the_way_stays(void **state)
{
    (void)state;
    const char *path = golden_path("llava-new-bf16");
    const lmvr_convert_options replacing = {.size = sizeof replacing, .dtype = LMVR_DTYPE_INT4, .replace = true};
    convert(path, LMVR_DTYPE_INT8, "c");
    assert_refused(path, "c", false, "c: holds files already; --force replaces a model");
    CHECK(lmvr_model_convert(path, &replacing, "c/", &error));
    lmvr_model_info info;
    CHECK(lmvr_model_inspect("c", LMVR_DTYPE_DEFAULT, &info, &error));
    assert_int_equal(info.dtype, LMVR_DTYPE_INT4);
    write_text("c/photo.jpg", "mine");
    assert_refused(path, "c", true, "photo.jpg: is no part of a model");
    assert_true(exists("c/photo.jpg"));
    write_text("file", "mine");
    assert_refused(path, "file", true, "file: is a file");
    assert_int_equal(mkdir("empty", 0777), 0);
    convert(path, LMVR_DTYPE_INT8, "empty");
    assert_refused("empty", "empty", true, "empty: is the model itself");
    assert_refused("none", "x", false, "none");
    assert_false(exists("x"));
    assert_false(exists("x.tmp"));
}

static void what_a_killed_run_left_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(mkdir("c.tmp", 0777), 0);
    write_text("c.tmp/model.safetensors.tmp", "half");
    convert(golden_path("llava-new-bf16"), LMVR_DTYPE_INT8, "c");
    assert_false(exists("c.tmp"));
    assert_false(exists("c/model.safetensors.tmp"));
    assert_int_equal(mkdir("d.tmp", 0777), 0);
    write_text("d.tmp/photo.jpg", "mine");
    assert_refused(golden_path("llava-new-bf16"), "d", true, "photo.jpg: is no part of a model");
    assert_true(exists("d.tmp/photo.jpg"));
}

static int stop_in_the_middle(uint64_t done, uint64_t total, void *user)
{
    (void)user;
    return done > total / 2;
}

static void a_stopped_conversion_leaves_nothing(void **state)
{
    (void)state;
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT8, .progress = stop_in_the_middle};
    assert_int_equal(lmvr_model_convert(golden_path("llava-new-bf16"), &options, "c", &error), LMVR_STOPPED);
    assert_false(exists("c"));
    assert_false(exists("c.tmp"));
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_DEFAULT};
    const char *path = golden_path("llava-new-bf16");
    assert_int_equal(lmvr_model_convert(path, &options, "c", &error), LMVR_ERROR_INVALID);
    options.dtype = LMVR_DTYPE_INT8;
    assert_int_equal(lmvr_model_convert(path, &options, "", &error), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_model_convert(path, &options, NULL, &error), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_model_convert(NULL, &options, "c", &error), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_model_convert(path, NULL, "c", NULL), LMVR_ERROR_INVALID);
    options.threads = -1;
    assert_int_equal(lmvr_model_convert(path, &options, "c", &error), LMVR_ERROR_INVALID);
    lmvr_convert_options_default(NULL);
    lmvr_convert_options_default(&options);
    assert_int_equal(options.dtype, LMVR_DTYPE_DEFAULT);
    assert_false(exists("c"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(quantized_models_compute_the_same_bits_and_open_in_their_type),
        IN_FOLDER(models_of_floats_compute_the_same_bits),
        IN_FOLDER(their_stored_types_are_told),
        IN_FOLDER(they_open_in_other_types_too),
        IN_FOLDER(a_converted_model_converts_to_itself),
        IN_FOLDER(shards_have_an_index),
        IN_FOLDER(files_beside_the_weights_are_copied),
        IN_FOLDER(what_is_in_the_way_stays),
        IN_FOLDER(what_a_killed_run_left_is_replaced),
        IN_FOLDER(a_stopped_conversion_leaves_nothing),
        IN_FOLDER(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
