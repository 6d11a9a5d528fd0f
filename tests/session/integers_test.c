/* Weights in 8 and 4 bits, on the device that this build is for, and a key-value cache in 8, against f32 on the processor:
 * features and responses. */
#include "golden.h"
#include "lmvr.h"
#include "scratch.h"
#include "session/open_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT LMVR_TEST_DATA "/.."
#if defined(LMVR_ON_GPU) || defined(LMVR_ON_CARD)
#define ELSEWHERE true /* not on the processor */
#else
#define ELSEWHERE false
#endif
#ifdef LMVR_ON_GPU /* the emulation is slow */
#define IMAGES  1
#define LONGEST 8 /* of the responses */
#else
#define IMAGES  8
#define LONGEST 30
#endif
#define WIDTH  4096 /* of all features of an image together */
#define TOKENS 64

static const char *const features[] = {"llm:generated", "llm:all:mean:2", "llm:image:mean:1", "adaptor", "encoder:patches"};
#define FEATURES (sizeof features / sizeof *features)

struct outcome {
    const lmvr_session *session;
    size_t widths[FEATURES];
    float rows[IMAGES][FEATURES][WIDTH / FEATURES];
    int32_t tokens[IMAGES][TOKENS];
    size_t token_counts[IMAGES];
};

static int take(const lmvr_result *result, void *user)
{
    struct outcome *o = user;
    assert_int_equal(result->status, LMVR_OK);
    for (size_t f = 0; f < FEATURES; f++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(o->session, f, &info);
        o->widths[f] = info.dim;
        assert_true(info.dim <= WIDTH / FEATURES);
        memcpy(o->rows[result->index][f], result->features[f], info.dim * sizeof(float));
    }
    assert_true(result->token_count <= TOKENS);
    memcpy(o->tokens[result->index], result->tokens, result->token_count * sizeof(int32_t));
    o->token_counts[result->index] = result->token_count;
    return 0;
}

static lmvr_model *open_model(const char *path, lmvr_dtype dtype, lmvr_dtype cache_dtype, bool elsewhere)
{
    lmvr_error error;
    lmvr_model *model;
    const lmvr_model_options options = {.size = sizeof options, .dtype = dtype, .device = "cpu", .cache_dtype = cache_dtype};
    if (elsewhere)
        CHECK(open_tested(path, dtype, &model, &error));
    else
        CHECK(lmvr_model_open_with(path, &options, &model, &error));
    return model;
}

/* Scenes for the shipped models, which have learned them. */
static void image_path(const char *model, int i, char *path, size_t size)
{
    static const char *const others[] = {"wide.jpg", "tall.png"};
    if (strstr(model, ROOT "/models/"))
        snprintf(path, size, ROOT "/examples/scenes/%d.jpg", i + 1);
    else
        snprintf(path, size, LMVR_TEST_DATA "/golden/images/%s", others[i % 2]);
}

static void embed(const char *path, lmvr_dtype dtype, lmvr_dtype cache_dtype, bool elsewhere, struct outcome *o)
{
    static char paths[IMAGES][512];
    lmvr_error error;
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_image images[IMAGES] = {{0}};
    lmvr_model *model = open_model(path, dtype, cache_dtype, elsewhere);
    for (int i = 0; i < IMAGES; i++) {
        image_path(path, i, paths[i], sizeof paths[i]);
        images[i].path = paths[i];
    }
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = FEATURES;
    options.max_new_tokens = LONGEST;
    CHECK(lmvr_session_create(model, &options, &session, &error));
    memset(o, 0, sizeof *o);
    o->session = session;
    CHECK(lmvr_embed(session, images, IMAGES, take, o, &error));
    lmvr_session_free(session);
    lmvr_model_free(model);
}

/* Features of whole responses are compared where these are the same. */
static void compare(const char *model, const struct outcome *exact, const struct outcome *rounded, double least,
                    int most_changed)
{
    int changed = 0;
    for (int i = 0; i < IMAGES; i++) {
        bool same = exact->token_counts[i] == rounded->token_counts[i] &&
                    memcmp(exact->tokens[i], rounded->tokens[i], sizeof exact->tokens[i]) == 0;
        changed += !same;
        for (size_t f = same ? 0 : 2; f < FEATURES; f++) {
            double found = cosine(exact->rows[i][f], rounded->rows[i][f], exact->widths[f]);
            if (!(found >= least))
                fail_msg("%s, image %d, %s: cosine %.6f, expected at least %.4f", model, i + 1, features[f], found, least);
        }
    }
    if (changed > most_changed)
        fail_msg("%s: %d of %d responses changed, expected at most %d", model, changed, IMAGES, most_changed);
}

#ifndef LMVR_ON_CARD /* where the shipped models are not taken along */
static void features_and_responses_stay_near_those_of_f32(void **state)
{
    (void)state;
    static const char *const models[] = {ROOT "/models/lmvr-small", ROOT "/models/lmvr-blip2-small"};
    static struct outcome exact, rounded;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        embed(models[i], LMVR_DTYPE_F32, LMVR_DTYPE_F32, false, &exact);
        embed(models[i], LMVR_DTYPE_INT8, LMVR_DTYPE_DEFAULT, ELSEWHERE, &rounded);
        compare(models[i], &exact, &rounded, 0.999, 1);
        if (!ELSEWHERE) {
            embed(models[i], LMVR_DTYPE_INT8, LMVR_DTYPE_INT8, false, &rounded);
            compare(models[i], &exact, &rounded, 0.999, 1);
        }
        embed(models[i], LMVR_DTYPE_INT4, LMVR_DTYPE_DEFAULT, ELSEWHERE, &rounded);
        compare(models[i], &exact, &rounded, 0.99, 3);
    }
}
#endif

/* Random weights are far from theirs in 4 bits, but the quantized ones are the same everywhere. */
static void features_stay_near_the_processors_in_the_same_type(void **state)
{
    (void)state;
    static const char *const models[] = {"llava-old-f32", "llava-odd-f32", "qwen3vl-odd-f32"};
    static struct outcome processors, others;
    for (size_t i = 0; ELSEWHERE && i < sizeof models / sizeof *models; i++)
        for (int dtype = LMVR_DTYPE_INT8; dtype <= LMVR_DTYPE_INT4; dtype++) {
            char path[512];
            snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", models[i]);
            embed(path, (lmvr_dtype)dtype, LMVR_DTYPE_DEFAULT, false, &processors);
            embed(path, (lmvr_dtype)dtype, LMVR_DTYPE_DEFAULT, true, &others);
            compare(path, &processors, &others, 0.9995, IMAGES);
        }
}

static void check_converted(const char *path, lmvr_dtype dtype)
{
    static struct outcome before, after;
    lmvr_error error;
    char folder[] = "/tmp/lmvr-test-XXXXXX"; /* elsewhere than data, which may be named from here */
    const lmvr_convert_options options = {.size = sizeof options, .dtype = dtype};
    assert_non_null(mkdtemp(folder));
    CHECK(lmvr_model_convert(path, &options, folder, &error));
    embed(path, dtype, LMVR_DTYPE_DEFAULT, ELSEWHERE, &before);
    embed(folder, LMVR_DTYPE_DEFAULT, LMVR_DTYPE_DEFAULT, ELSEWHERE, &after);
    assert_memory_equal(before.rows, after.rows, sizeof before.rows);
    assert_memory_equal(before.tokens, after.tokens, sizeof before.tokens);
    remove_tree(folder);
}

/* Whoever quantizes the weights, and whether they come with factors or, in GGUF, without. */
static void converted_models_compute_the_same_bits(void **state)
{
    (void)state;
    static const char *const models[] = {"llava-odd-f32", "blip2-odd-f16", "gguf-llava-q4_0", "gguf-qwen3vl-q4_1"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[512];
        snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", models[i]);
        check_converted(path, i % 2 ? LMVR_DTYPE_INT4 : LMVR_DTYPE_INT8);
        if (!ELSEWHERE) /* where all are slow */
            check_converted(path, i % 2 ? LMVR_DTYPE_INT8 : LMVR_DTYPE_INT4);
    }
}

static void a_cache_in_8_bits_is_the_processors(void **state)
{
    (void)state;
    lmvr_error error;
    lmvr_model *model;
    const lmvr_model_options options = {.dtype = LMVR_DTYPE_INT4, .cache_dtype = LMVR_DTYPE_INT8};
    lmvr_status status = open_tested_with(LMVR_TEST_DATA "/golden/llava-old-f32", &options, &model, &error);
    assert_int_equal(status, ELSEWHERE ? LMVR_ERROR_INVALID : LMVR_OK);
    if (ELSEWHERE)
        assert_string_equal(error.message, "a KV cache in int8: only the processor has one, not cuda:0, where it is bf16");
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef LMVR_ON_CARD
        cmocka_unit_test(features_and_responses_stay_near_those_of_f32),
#endif
        cmocka_unit_test(features_stay_near_the_processors_in_the_same_type),
        cmocka_unit_test(a_cache_in_8_bits_is_the_processors), cmocka_unit_test(converted_models_compute_the_same_bits)};
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
