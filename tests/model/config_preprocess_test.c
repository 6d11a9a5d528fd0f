#include "cmocka_all.h"

#include "model/config_parts.h"

#include <string.h>

static struct preprocess p;
static lmvr_error error;

static lmvr_status parse(const char *json, int image_size, enum config_processor processor)
{
    json_t *root;
    if (json_parse("preprocessor_config.json", json, strlen(json), &root, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    struct json_node node = json_node_root("preprocessor_config.json", root);
    lmvr_status status = config_parse_preprocess(&node, image_size, processor, &p, &error);
    json_decref(root);
    return status;
}

static void expect_read(const char *json, int image_size, enum config_processor processor)
{
    if (parse(json, image_size, processor) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void expect_refused(const char *json, enum config_processor processor, const char *sentence)
{
    assert_int_equal(parse(json, 336, processor), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void keys_that_are_left_out_have_each_processors_defaults(void **state)
{
    (void)state;
    expect_read("{}", 224, PROCESSOR_SIGLIP);
    assert_true(p.way == VIEWS_FIXED && p.shortest_edge == 0 && p.width == 224 && p.height == 224 && !p.do_center_crop);
    assert_true(p.mean[1] == 0.5 && p.std[2] == 0.5 && p.filter == FILTER_BICUBIC);
    expect_read("{}", 0, PROCESSOR_QWEN2_VL);
    assert_true(p.way == VIEWS_ANY_SIZE && p.do_resize && p.min_pixels == 3136 && p.max_pixels == 1003520);
    assert_true(p.patch == 14 && p.merge == 2 && p.temporal_patch == 2 && p.mean[0] == 0.48145466 &&
                p.filter == FILTER_BICUBIC);
    expect_read("{}", 0, PROCESSOR_IDEFICS3);
    assert_true(p.way == VIEWS_TILES && p.longest_edge == 1456 && p.tile == 364 && p.do_split && p.do_resize);
    assert_true(p.mean[0] == 0.5 && p.std[0] == 0.5 && p.filter == FILTER_LANCZOS);
    expect_read("{}", 224, PROCESSOR_LLAVA_NEXT);
    assert_true(p.way == VIEWS_ANYRES && p.shortest_edge == 224 && p.crop_width == 224 && p.tile == 224 && p.grid_count == 5);
    assert_true(p.grids[0].width == 672 && p.grids[0].height == 336 && p.grids[4].width == 1008 && p.grids[4].height == 336);
    assert_true(p.mean[0] == 0.48145466 && p.filter == FILTER_BICUBIC && p.do_center_crop);
}

static void every_name_of_a_processor_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum config_processor processor;
    } names[] = {
        {"CLIPImageProcessor", PROCESSOR_CLIP},
        {"CLIPFeatureExtractor", PROCESSOR_CLIP},
        {"LlavaImageProcessor", PROCESSOR_LLAVA},
        {"BlipImageProcessor", PROCESSOR_BLIP},
        {"SiglipImageProcessor", PROCESSOR_SIGLIP},
        {"Qwen2VLImageProcessor", PROCESSOR_QWEN2_VL},
        {"Idefics3ImageProcessor", PROCESSOR_IDEFICS3},
        {"SmolVLMImageProcessor", PROCESSOR_IDEFICS3},
        {"LlavaNextImageProcessor", PROCESSOR_LLAVA_NEXT},
    };
    static const char *const ends[] = {"", "Fast", "Pil"};
    char json[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t e = 0; e < 3; e++) {
            snprintf(json, sizeof json, "{\"image_processor_type\": \"%s%s\"}", names[i].name, ends[e]);
            expect_read(json, 0, names[i].processor);
        }
}

static void a_processor_that_makes_other_views_than_the_model_takes_is_refused(void **state)
{
    (void)state;
    expect_refused(
        "{\"image_processor_type\": \"Qwen2VLImageProcessor\"}", PROCESSOR_CLIP,
        "preprocessor_config.json: image_processor_type is \"Qwen2VLImageProcessor\", expected CLIPImageProcessor or "
        "CLIPFeatureExtractor or LlavaImageProcessor or BlipImageProcessor or SiglipImageProcessor");
    expect_refused("{\"image_processor_type\": \"CLIPImageProcessor\"}", PROCESSOR_QWEN2_VL,
                   "preprocessor_config.json: image_processor_type is \"CLIPImageProcessor\", expected Qwen2VLImageProcessor");
    expect_refused("{\"image_processor_type\": \"Qwen2VLImageProcessorFaster\"}", PROCESSOR_QWEN2_VL,
                   "preprocessor_config.json: image_processor_type is \"Qwen2VLImageProcessorFaster\", expected "
                   "Qwen2VLImageProcessor");
    expect_refused(
        "{\"image_processor_type\": 1}", PROCESSOR_IDEFICS3,
        "preprocessor_config.json: image_processor_type is 1, expected Idefics3ImageProcessor or SmolVLMImageProcessor");
}

static void limits_of_pixels_are_read_from_either_place(void **state)
{
    (void)state;
    expect_read("{\"size\": {\"longest_edge\": 16777216, \"shortest_edge\": 65536}, \"patch_size\": 16, \"merge_size\": 3,"
                " \"temporal_patch_size\": 4}",
                0, PROCESSOR_QWEN2_VL);
    assert_true(p.min_pixels == 65536 && p.max_pixels == 16777216 && p.patch == 16 && p.merge == 3 && p.temporal_patch == 4);
    expect_read("{\"min_pixels\": 4000}", 0, PROCESSOR_QWEN2_VL);
    assert_true(p.min_pixels == 4000 && p.max_pixels == 1003520);
    expect_read("{\"size\": {\"min_pixels\": 5, \"max_pixels\": 6}, \"min_pixels\": 7, \"max_pixels\": 8}", 0,
                PROCESSOR_QWEN2_VL);
    assert_true(p.min_pixels == 7 && p.max_pixels == 8);
    expect_read("{\"size\": {\"shortest_edge\": 5, \"longest_edge\": 6}, \"max_pixels\": 8}", 0, PROCESSOR_QWEN2_VL);
    assert_true(p.min_pixels == 5 && p.max_pixels == 8);
    expect_refused(
        "{\"size\": {\"min_pixels\": 5, \"max_pixels\": 6}, \"max_pixels\": 8}", PROCESSOR_QWEN2_VL,
        "preprocessor_config.json: size is {\"min_pixels\":5,\"max_pixels\":6}, expected shortest_edge and longest_edge");
    expect_refused("{\"size\": {\"shortest_edge\": 0, \"longest_edge\": 6}}", PROCESSOR_QWEN2_VL,
                   "preprocessor_config.json: size.shortest_edge is 0, expected a whole number from 1 to 2147483647");
    expect_refused("{\"size\": 5}", PROCESSOR_QWEN2_VL, "preprocessor_config.json: size is 5, expected an object");
    expect_refused("{\"patch_size\": 0}", PROCESSOR_QWEN2_VL,
                   "preprocessor_config.json: patch_size is 0, expected a whole number from 1 to 1024");
    expect_refused("{\"merge_size\": 65}", PROCESSOR_QWEN2_VL,
                   "preprocessor_config.json: merge_size is 65, expected a whole number from 1 to 64");
}

static void tiles_are_read_as_smolvlm_writes_them(void **state)
{
    (void)state;
    expect_read("{\"image_processor_type\": \"SmolVLMImageProcessor\", \"size\": {\"longest_edge\": 2048},"
                " \"max_image_size\": {\"longest_edge\": 512}, \"resample\": 3, \"do_image_splitting\": false,"
                " \"video_sampling\": {\"fps\": 1}}",
                0, PROCESSOR_IDEFICS3);
    assert_true(p.longest_edge == 2048 && p.tile == 512 && !p.do_split && p.filter == FILTER_BICUBIC);
    expect_read("{\"size\": {\"height\": 600, \"width\": 700}}", 0, PROCESSOR_IDEFICS3);
    assert_true(p.longest_edge == 0 && p.height == 600 && p.width == 700);
    expect_refused("{\"size\": {\"shortest_edge\": 5}}", PROCESSOR_IDEFICS3,
                   "preprocessor_config.json: size is {\"shortest_edge\":5}, expected longest_edge, or height and width");
    expect_refused("{\"max_image_size\": {}}", PROCESSOR_IDEFICS3,
                   "preprocessor_config.json: max_image_size is {}, expected longest_edge");
    expect_refused("{\"max_image_size\": 364}", PROCESSOR_IDEFICS3,
                   "preprocessor_config.json: max_image_size is 364, expected an object");
    expect_refused("{\"do_image_splitting\": 1}", PROCESSOR_IDEFICS3,
                   "preprocessor_config.json: do_image_splitting is 1, expected true or false");
}

static void grids_are_pairs_of_height_and_width(void **state)
{
    (void)state;
    expect_read("{\"size\": 336, \"crop_size\": 336, \"image_grid_pinpoints\": [[336, 672]]}", 336, PROCESSOR_LLAVA_NEXT);
    assert_true(p.grid_count == 1 && p.grids[0].height == 336 && p.grids[0].width == 672 && p.tile == 336);
    static const char *const bad[] = {"[]",          "[[336]]",   "[[336,0]]", "[[336,672,1]]",
                                      "[[1,16385]]", "[336,672]", "[[1.5,2]]", "7"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[128], sentence[256];
        snprintf(json, sizeof json, "{\"image_grid_pinpoints\": %s}", bad[i]);
        snprintf(
            sentence, sizeof sentence,
            "preprocessor_config.json: image_grid_pinpoints is %s, expected 1 to 64 pairs [height, width] of pixels from 1 "
            "to 16384",
            bad[i]);
        expect_refused(json, PROCESSOR_LLAVA_NEXT, sentence);
    }
}

static void views_of_one_size_must_have_the_encoders(void **state)
{
    (void)state;
    expect_refused("{}", PROCESSOR_LLAVA_NEXT,
                   "preprocessor_config.json: crop_size is 224 x 224 pixels, but config.json's image_size 336");
    expect_refused("{}", PROCESSOR_SIGLIP,
                   "preprocessor_config.json: size is 224 x 224 pixels, but config.json's image_size 336");
    expect_read("{\"size\": {\"height\": 384, \"width\": 384}}", 384, PROCESSOR_SIGLIP);
    expect_read("{}", 336, PROCESSOR_QWEN2_VL);
    expect_read("{}", 336, PROCESSOR_IDEFICS3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_are_left_out_have_each_processors_defaults),
        cmocka_unit_test(every_name_of_a_processor_is_known),
        cmocka_unit_test(a_processor_that_makes_other_views_than_the_model_takes_is_refused),
        cmocka_unit_test(limits_of_pixels_are_read_from_either_place),
        cmocka_unit_test(tiles_are_read_as_smolvlm_writes_them),
        cmocka_unit_test(grids_are_pairs_of_height_and_width),
        cmocka_unit_test(views_of_one_size_must_have_the_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
