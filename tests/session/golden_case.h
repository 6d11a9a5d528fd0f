/* Sessions that do what a case of a golden reference says. */
#ifndef LMVR_TESTS_SESSION_GOLDEN_CASE_H
#define LMVR_TESTS_SESSION_GOLDEN_CASE_H

#include "golden.h"
#include "session/session.h"
#include "session/open_model.h"

#define UNUSED     __attribute__((unused))
#define STEP_ERROR 1e-5 /* relative L2 in f32; 1e-4 is promised */

static const char *const checkpoints[] = {
    "llava-old-f32",      "llava-new-bf16",   "llava-f16-tied",        "llava-odd-f32",         "llava-pad",
    "blip2-old-f32",      "blip2-new-bf16",   "blip2-odd-f16",         "smolvlm-hub-bf16",      "smolvlm2-f32",
    "idefics3-whole-f16", "qwen2vl-hub-bf16", "qwen2vl-new-f32",       "qwen25vl-hub-f16",      "qwen25vl-new-bf16",
    "qwen3vl-hub-bf16",   "qwen3vl-odd-f32",  "llavanext-llama3-bf16", "llavanext-mistral-f16", "llava-siglip-f32"};

UNUSED static struct lmvr_model *open_model(const struct golden *g, lmvr_dtype dtype)
{
    lmvr_error error = {{0}};
    struct lmvr_model *model;
    if (open_tested(g->folder, dtype, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return model;
}

UNUSED static lmvr_aspect aspect_of(json_t *object)
{
    const char *aspect = golden_string(object, "aspect");
    return !aspect                       ? LMVR_ASPECT_DEFAULT
           : strcmp(aspect, "pad") == 0  ? LMVR_ASPECT_PAD
           : strcmp(aspect, "crop") == 0 ? LMVR_ASPECT_CROP
                                         : LMVR_ASPECT_STRETCH;
}

UNUSED static struct lmvr_session *open_session(const struct lmvr_model *model, const lmvr_session_options *options)
{
    lmvr_error error = {{0}};
    struct lmvr_session *session;
    if (lmvr_session_create(model, options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return session;
}

UNUSED static size_t list_features(json_t *names, const char **features)
{
    size_t count = json_array_size(names);
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        features[i] = json_string_value(json_array_get(names, i));
    return count;
}

UNUSED static void options_of_case(const struct lmvr_model *model, json_t *object, const char **features, const char *list,
                                   lmvr_session_options *options)
{
    lmvr_session_options_default(options);
    options->features = features;
    options->feature_count = list_features(json_object_get(object, list), features);
    options->prompt = golden_string(object, "prompt");
    options->template_name = golden_string(object, "template");
    options->system = golden_string(object, "system");
    if (!options->template_name && model_config_is(&model->config, "llava"))
        options->template_name = "llava_hf"; /* the hub's chat template, which is not our default */
    options->max_new_tokens = (int)json_integer_value(json_object_get(object, "max_new_tokens"));
    options->aspect = aspect_of(object);
}

/* LLaVA's own chat template repeats a system turn, which nobody wants. */
UNUSED static bool is_ours(const struct lmvr_model *model, json_t *object)
{
    return !(model_config_is(&model->config, "llava") && golden_string(object, "system"));
}

/* The picture of a case or an image. */
UNUSED static void read_picture(const struct lmvr_session *session, json_t *object, struct picture *picture)
{
    char path[600];
    struct image image;
    lmvr_error error = {{0}};
    golden_image_path(object, path, sizeof path);
    CHECK(image_read(path, &image, NULL, &error));
    CHECK(preprocess_picture(&session->preprocess, &image, picture, &error));
    image_finish(&image);
}

#endif
