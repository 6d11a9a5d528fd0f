/* Weights in 8 and 4 bits, and a key-value cache in 8, against f32: the shipped models' features and responses. */
#include "golden.h"
#include "lmvr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT   LMVR_TEST_DATA "/.."
#define IMAGES 8
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

static void embed(const char *model_name, lmvr_dtype dtype, lmvr_dtype cache_dtype, struct outcome *o)
{
    static char paths[IMAGES][512];
    char path[512];
    lmvr_error error;
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_image images[IMAGES] = {{0}};
    const lmvr_model_options opened = {.size = sizeof opened, .dtype = dtype, .device = "cpu", .cache_dtype = cache_dtype};
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], ROOT "/examples/scenes/%d.jpg", i + 1);
        images[i].path = paths[i];
    }
    snprintf(path, sizeof path, ROOT "/models/%s", model_name);
    CHECK(lmvr_model_open_with(path, &opened, &model, &error));
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = FEATURES;
    options.max_new_tokens = 30;
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

static void features_and_responses_stay_near_those_of_f32(void **state)
{
    (void)state;
    static const char *const models[] = {"lmvr-small", "lmvr-blip2-small"};
    static struct outcome exact, rounded;
    for (size_t i = 0; i < 2; i++) {
        embed(models[i], LMVR_DTYPE_F32, LMVR_DTYPE_F32, &exact);
        embed(models[i], LMVR_DTYPE_INT8, LMVR_DTYPE_DEFAULT, &rounded);
        compare(models[i], &exact, &rounded, 0.999, 1);
        embed(models[i], LMVR_DTYPE_INT8, LMVR_DTYPE_INT8, &rounded);
        compare(models[i], &exact, &rounded, 0.999, 1);
        embed(models[i], LMVR_DTYPE_INT4, LMVR_DTYPE_DEFAULT, &rounded);
        compare(models[i], &exact, &rounded, 0.99, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(features_and_responses_stay_near_those_of_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
