/* Configurations of today's models: each value that cannot be is refused with a sentence that names it. */
#include "golden.h"
#include "model/config.h"

static lmvr_error error;

static json_t *load_json(const char *folder, const char *file)
{
    char path[512];
    json_error_t bad;
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s/%s", folder, file);
    json_t *json = json_load_file(path, 0, &bad);
    assert_non_null(json);
    return json;
}

/* Sets a key of the object at `path`, "" being the root; NULL: removes it. */
static void set(json_t *root, const char *path, const char *key, const char *value)
{
    json_error_t bad;
    json_t *object = *path ? json_object_get(root, path) : root;
    if (value)
        json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, &bad));
    else
        json_object_del(object, key);
}

struct fault {
    const char *folder, *file; /* a checkpoint, and the file that is changed: config or processor */
    const char *path, *key, *value, *sentence;
};

static void assert_refused(const struct fault *f)
{
    struct model_config config;
    json_t *json = load_json(f->folder, "config.json"), *processor = load_json(f->folder, "preprocessor_config.json");
    set(strcmp(f->file, "config") == 0 ? json : processor, f->path, f->key, f->value);
    char *text = json_dumps(json, 0), *processor_text = json_dumps(processor, 0);
    lmvr_status status = model_config_parse("F", text, processor_text, &config, &error);
    if (status != LMVR_ERROR_INVALID || !strstr(error.message, f->sentence))
        fail_msg("%s of %s: %s, expected \"%s\"", f->key, f->folder, status == LMVR_OK ? "accepted" : error.message,
                 f->sentence);
    free(text);
    free(processor_text);
    json_decref(json);
    json_decref(processor);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct fault faults[] = {
        {"qwen2vl-hub-bf16", "config", "vision_config", "depth", "0",
         "vision_config.depth is 0, expected a whole number from 1"},
        {"qwen2vl-hub-bf16", "config", "vision_config", "num_heads", "5",
         "vision_config.embed_dim is 32, expected num_heads, 5"},
        {"qwen2vl-hub-bf16", "config", "vision_config", "mlp_ratio", "1e-3", "vision_config.mlp_ratio is 0.001"},
        {"qwen2vl-hub-bf16", "config", "vision_config", "hidden_size", "40",
         "vision_config.hidden_size is 40, but the language model's hidden_size 48"},
        {"qwen2vl-hub-bf16", "config", "vision_config", "temporal_patch_size", "3", "temporal_patch_size is 3"},
        {"qwen2vl-hub-bf16", "config", "rope_scaling", "mrope_section", "[2, 3]",
         "mrope_section is [2,3], expected three numbers"},
        {"qwen2vl-hub-bf16", "config", "rope_scaling", "mrope_section", "[2, 3, 4]",
         "mrope_section has 2, 3 and 4, expected half of head_dim, 16, together"},
        {"qwen2vl-hub-bf16", "config", "rope_scaling", "type", "\"yarn\"",
         "rope_scaling.type is \"yarn\", expected default or mrope"},
        {"qwen2vl-hub-bf16", "config", "", "image_token_id", "360", "image_token_id is 360, expected an id inside"},
        {"qwen2vl-hub-bf16", "processor", "", "patch_size", "7", "patch_size and merge_size are 7 and 2, but config.json's"},
        {"qwen2vl-hub-bf16", "processor", "", "image_processor_type", "\"CLIPImageProcessor\"", "image_processor_type is"},
        {"qwen25vl-hub-f16", "config", "vision_config", "window_size", "3",
         "vision_config.window_size is 3, expected at least"},
        {"qwen25vl-hub-f16", "config", "vision_config", "fullatt_block_indexes", "[-1]", "fullatt_block_indexes"},
        {"qwen3vl-odd-f32", "config", "vision_config", "num_position_embeddings", "48",
         "num_position_embeddings is 48, expected the square of a whole number"},
        {"qwen3vl-odd-f32", "config", "vision_config", "deepstack_visual_indexes", "[3]", "deepstack_visual_indexes"},
        {"qwen3vl-odd-f32", "config", "text_config", "head_dim", "13", "text_config.head_dim is 13, expected an even number"},
        {"smolvlm2-f32", "config", "", "scale_factor", "3", "scale_factor is 3, which does not divide the 4 patches"},
        {"smolvlm2-f32", "config", "vision_config", "model_type", "\"dinov2\"",
         "vision_config.model_type is \"dinov2\", expected"},
        {"smolvlm2-f32", "processor", "max_image_size", "longest_edge", "30", "max_image_size"},
        {"llavanext-mistral-f16", "config", "", "vision_feature_layer", "[]",
         "vision_feature_layer is [], expected at least one"},
        {"llavanext-mistral-f16", "config", "text_config", "model_type", "\"phi\"",
         "text_config.model_type is \"phi\", expected llama"},
        {"llavanext-mistral-f16", "processor", "", "image_grid_pinpoints", "[[28]]", "image_grid_pinpoints"},
        {"llava-siglip-f32", "config", "", "vision_feature_select_strategy", "\"default\"",
         "vision_feature_select_strategy is \"default\", expected full, as the encoder has no class token"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_refused(&faults[i]);
}

/* A window is a limit of positions, since attention within it is the same. */
static void a_sliding_window_limits_the_positions(void **state)
{
    (void)state;
    struct model_config config;
    json_t *json = load_json("llavanext-mistral-f16", "config.json");
    json_t *processor = load_json("llavanext-mistral-f16", "preprocessor_config.json");
    char *processor_text = json_dumps(processor, 0);
    static const struct {
        const char *window;
        int positions;
    } cases[] = {{"null", 32768}, {"4096", 4096}, {"65536", 32768}};
    for (int i = 0; i < 3; i++) {
        set(json, "text_config", "sliding_window", cases[i].window);
        char *text = json_dumps(json, 0);
        CHECK(model_config_parse("F", text, processor_text, &config, &error));
        assert_int_equal(config.language.max_positions, cases[i].positions);
        free(text);
    }
    free(processor_text);
    json_decref(json);
    json_decref(processor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_sliding_window_limits_the_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
