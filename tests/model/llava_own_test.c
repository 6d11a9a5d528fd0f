/* Folders in the layout of LLaVA's own code: where their encoder is looked for, and what is refused. */
#include "lmvr.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "scratch.h"

#include <math.h>

#define OWN LMVR_TEST_DATA "/golden/own/"

static lmvr_error error;

#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != LMVR_OK)                                                                                                 \
            fail_msg("%s", error.message);                                                                                     \
    } while (0)

static void assert_found(const char *folder, const char *tower)
{
    struct model_config config;
    if (model_config_read(folder, &config, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_string_equal(config.tower, tower);
}

static void assert_refused(const char *folder, const char *sentence)
{
    lmvr_model_info info;
    assert_int_equal(lmvr_model_inspect(folder, LMVR_DTYPE_F32, &info, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void link_to(const char *from, const char *to)
{
    assert_int_equal(symlink(from, to), 0);
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

/* The golden LLaVA 1.5 as `folder`, which names an encoder `tower`, with a key more in its configuration. The projector's shard
 * and the index are those of `projector`. */
static void make_model_of(const char *projector, const char *folder, const char *tower, const char *more)
{
    static const char *const names[] = {"pytorch_model-00001-of-00003.bin", "pytorch_model-00002-of-00003.bin",
                                        "tokenizer.model", "pytorch_model-00003-of-00003.bin", "pytorch_model.bin.index.json"};
    char path[200], from[600], json[1000];
    make_folder(folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        snprintf(from, sizeof from, OWN "%s/%s", i < 3 ? "llava-1.5" : projector, names[i]);
        link_to(from, path);
    }
    snprintf(json, sizeof json,
             "{\"architectures\": [\"LlavaLlamaForCausalLM\"], \"model_type\": \"llava\", \"hidden_size\": 32, "
             "\"intermediate_size\": 64, \"num_attention_heads\": 2, \"num_hidden_layers\": 2, \"vocab_size\": 387, "
             "\"mm_vision_tower\": \"%s\"%s%s}",
             tower, *more ? ", " : "", more);
    snprintf(path, sizeof path, "%s/config.json", folder);
    write_text(path, json);
}

static void make_model(const char *folder, const char *tower, const char *more)
{
    make_model_of("llava-1.5", folder, tower, more);
}

/* ---- the encoder's folder ---- */

static void the_encoder_is_found_where_its_name_leads(void **state)
{
    (void)state;
    make_folder("models");
    make_folder("models/org");
    make_model("models/org/m", "openai/clip", "");
    make_folder("models/openai");
    link_to(OWN "openai/clip-tiny", "models/openai/clip");
    assert_found("models/org/m", "models/org/m/../../openai/clip");
    make_folder("models/org/openai");
    link_to(OWN "openai/clip-tiny", "models/org/openai/clip");
    assert_found("models/org/m", "models/org/m/../openai/clip");
    link_to(OWN "openai/clip-tiny", "models/org/m/clip");
    assert_found("models/org/m", "models/org/m/clip");
    link_to(OWN "openai/clip-tiny", "models/org/clip");
    assert_found("models/org/m", "models/org/m/../clip");
    make_folder("openai");
    link_to(OWN "openai/clip-tiny", "openai/clip");
    assert_found("models/org/m", "openai/clip");
}

static void a_snapshot_finds_that_of_its_encoder(void **state)
{
    (void)state;
    make_folder("models--a--m");
    make_folder("models--a--m/snapshots");
    make_model("models--a--m/snapshots/12", "openai/clip", "");
    make_folder("models--openai--clip");
    make_folder("models--openai--clip/refs");
    write_text("models--openai--clip/refs/main", "ab34");
    make_folder("models--openai--clip/snapshots");
    link_to(OWN "openai/clip-tiny", "models--openai--clip/snapshots/ab34");
    assert_found("models--a--m/snapshots/12", "models--a--m/snapshots/12/../../../models--openai--clip/snapshots/ab34");
}

static void an_encoder_that_is_nowhere_is_looked_for_in_all_places(void **state)
{
    (void)state;
    make_model("m", "openai/clip", "");
    assert_refused("m", "m/config.json: mm_vision_tower is openai/clip, the encoder, whose folder is in none of these places: "
                        "openai/clip, m/../clip, m/clip, m/../openai/clip, m/../../openai/clip");
    make_folder("m/clip");
    assert_refused("m", "m/clip: has no config.json; expected a Hugging Face folder");
}

static void the_encoder_must_be_named(void **state)
{
    (void)state;
    make_model("m", "", "");
    assert_refused("m", "m/config.json: mm_vision_tower is \"\", expected the name of a CLIP's folder");
    make_model("n", "clip/", "");
    assert_refused("n", "n/config.json: mm_vision_tower is \"clip/\", expected the name of a CLIP's folder");
}

static void weights_of_the_encoder_are_missed_by_name(void **state)
{
    (void)state;
    lmvr_model *model;
    make_model("m", "clip", "\"mm_projector_type\": \"mlp2x_gelu\"");
    make_folder("m/clip");
    link_to(OWN "openai/clip-tiny/config.json", "m/clip/config.json");
    link_to(OWN "openai/clip-tiny/preprocessor_config.json", "m/clip/preprocessor_config.json");
    assert_int_equal(lmvr_model_open("m", LMVR_DTYPE_F32, 1, &model, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "m/clip: has neither model.safetensors nor pytorch_model.bin, nor an index of their shards");
}

/* ---- the configuration ---- */

static void other_ways_are_refused_by_their_key(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"\"mm_use_im_start_end\": true", "mm_use_im_start_end is true, expected false"},
        {"\"s2\": true", "s2 is true, expected false"},
        {"\"mm_resampler_type\": \"perceiver\"", "mm_resampler_type is \"perceiver\", expected null"},
        {"\"mm_projector_type\": \"mlp3x_gelu\"", "mm_projector_type is \"mlp3x_gelu\", expected linear or mlp2x_gelu"},
        {"\"mm_vision_select_feature\": \"cls\"", "mm_vision_select_feature is \"cls\", expected patch or cls_patch"},
        {"\"mm_vision_select_layer\": -4", "mm_vision_select_layer is -4, expected a whole number from -3 to 2"},
        {"\"mm_hidden_size\": 1024", "mm_hidden_size is 1024, expected 24"},
        {"\"image_aspect_ratio\": \"anyres_max_9\"",
         "image_aspect_ratio is \"anyres_max_9\", expected square, none, pad or anyres"},
        {"\"image_aspect_ratio\": \"anyres\"",
         "mm_patch_merge_type is missing, expected spatial_unpad, as image_aspect_ratio is anyres"},
    };
    make_folder("openai");
    link_to(OWN "openai/clip-tiny", "openai/clip");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char folder[8], sentence[300];
        snprintf(folder, sizeof folder, "m%zu", i);
        make_model(folder, "openai/clip", refused[i][0]);
        snprintf(sentence, sizeof sentence, "%s/config.json: %s", folder, refused[i][1]);
        assert_refused(folder, sentence);
    }
}

static void pictures_are_cropped_unless_they_are_padded(void **state)
{
    (void)state;
    struct model_config config;
    make_folder("openai");
    link_to(OWN "openai/clip-tiny", "openai/clip");
    make_model("crop", "openai/clip", "");
    make_model("pad", "openai/clip", "\"image_aspect_ratio\": \"pad\"");
    assert_int_equal(model_config_read("crop", &config, &error), LMVR_OK);
    assert_false(config.preprocess.pad_to_square);
    assert_int_equal(model_config_read("pad", &config, &error), LMVR_OK);
    assert_true(config.preprocess.pad_to_square);
    assert_string_equal(config.template_name, "vicuna_v1");
    assert_string_equal(config.architecture, "LlavaLlamaForCausalLM");
}

/* ---- the first LLaVA's projector, of one layer ---- */

static float weight[32][24], bias[32];

/* A mean of what a linear map gives is what it gives of the mean. */
static int compare(const lmvr_result *result, void *user)
{
    int *compared = user;
    assert_int_equal(result->status, LMVR_OK);
    for (int i = 0; i < 32; i++, ++*compared) {
        double sum = (double)bias[i];
        for (int j = 0; j < 24; j++)
            sum += (double)weight[i][j] * (double)result->features[0][j];
        assert_true(fabs(sum - (double)result->features[1][i]) < 1e-5 * (1 + fabs(sum)));
    }
    return 0;
}

static void a_projector_of_one_layer_is_a_linear_map(void **state)
{
    (void)state;
    static const char *const features[] = {"encoder:patches:mean:-2", "adaptor:all:mean"};
    const lmvr_image image = {.path = LMVR_TEST_DATA "/golden/images/gradient.jpg"};
    const int64_t shape[] = {32, 24};
    struct checkpoint *checkpoint;
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    int compared = 0;
    make_model_of("linear", "m", "clip", "\"mm_projector_type\": \"linear\"");
    link_to(OWN "openai/clip-tiny", "m/clip");
    CHECK(checkpoint_open("m", &checkpoint, &error));
    CHECK(checkpoint_read(checkpoint, "multi_modal_projector.linear_1.weight", 2, shape, weight[0], &error));
    CHECK(checkpoint_read(checkpoint, "multi_modal_projector.linear_1.bias", 1, shape, bias, &error));
    checkpoint_close(checkpoint);
    CHECK(lmvr_model_open("m", LMVR_DTYPE_F32, 1, &model, &error));
    lmvr_session_options_default(&options);
    options.features = (const char **)features;
    options.feature_count = 2;
    CHECK(lmvr_session_create(model, &options, &session, &error));
    CHECK(lmvr_embed(session, &image, 1, compare, &compared, &error));
    assert_int_equal(compared, 32);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void a_projector_is_counted_by_its_layers(void **state)
{
    (void)state;
    lmvr_model_info one, two;
    make_folder("openai");
    link_to(OWN "openai/clip-tiny", "openai/clip");
    make_model_of("linear", "one", "openai/clip", "");
    make_model("two", "openai/clip", "\"mm_projector_type\": \"mlp2x_gelu\"");
    CHECK(lmvr_model_inspect("one", LMVR_DTYPE_F32, &one, &error));
    CHECK(lmvr_model_inspect("two", LMVR_DTYPE_F32, &two, &error));
    assert_true(two.connector_parameters - one.connector_parameters == 32 * 32 + 32);
    assert_true(one.fingerprint != two.fingerprint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)
        in_folder(the_encoder_is_found_where_its_name_leads),
        in_folder(a_snapshot_finds_that_of_its_encoder),
        in_folder(an_encoder_that_is_nowhere_is_looked_for_in_all_places),
        in_folder(the_encoder_must_be_named),
        in_folder(weights_of_the_encoder_are_missed_by_name),
        in_folder(other_ways_are_refused_by_their_key),
        in_folder(pictures_are_cropped_unless_they_are_padded),
        in_folder(a_projector_of_one_layer_is_a_linear_map),
        in_folder(a_projector_is_counted_by_its_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
