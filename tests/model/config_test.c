#include "format/safetensors_file.h"
#include "model/config.h"

#include <math.h>

static lmvr_error error;

/* The smallest LLaVA: transformers' defaults for everything, which make it LLaVA-1.5-7B, with its image processor. */
static const char llava[] = "{\"model_type\": \"llava\"}";
static const char processor_336[] = "{\"size\": {\"shortest_edge\": 336}, \"crop_size\": {\"height\": 336, \"width\": 336}}";

static struct model_config config;

static lmvr_status read_config(const char *json, const char *processor, const char *generation)
{
    write_text("config.json", json);
    write_text("preprocessor_config.json", processor);
    remove("generation_config.json");
    if (generation)
        write_text("generation_config.json", generation);
    return model_config_read(".", &config, &error);
}

static void assert_read(const char *json, const char *processor, const char *generation)
{
    if (read_config(json, processor, generation) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void assert_refused(const char *json, const char *processor, const char *generation, const char *part)
{
    assert_int_equal(read_config(json, processor, generation), LMVR_ERROR_INVALID);
    assert_contains(error.message, part);
}

/* A LLaVA with this in its text_config, vision_config or root. */
static const char *with(const char *where, const char *keys)
{
    static char text[4096];
    if (where)
        snprintf(text, sizeof text, "{\"model_type\": \"llava\", \"%s\": {%s}}", where, keys);
    else
        snprintf(text, sizeof text, "{\"model_type\": \"llava\", %s}", keys);
    return text;
}

static const char *with_vision(const char *keys)
{
    static char text[1024];
    snprintf(text, sizeof text, "\"image_size\": 336%s%s", keys[0] ? ", " : "", keys);
    return with("vision_config", text);
}

/* ---- defaults ---- */

static void keys_that_are_left_out_have_the_defaults_of_transformers(void **state)
{
    (void)state;
    assert_read(llava, processor_336, NULL);
    const struct vision_config *v = &config.vision;
    const struct language_config *l = &config.language;
    assert_string_equal(config.architecture, "LlavaForConditionalGeneration");
    assert_true(config.has_language);
    assert_true(v->image_size == 336 && v->patch_size == 14 && v->channels == 3 && v->width == 1024 && v->blocks == 24);
    assert_true(v->heads == 16 && v->mlp_width == 4096 && v->activation == ACTIVATION_QUICK_GELU && v->layer_norm_eps == 1e-5f);
    assert_true(config.projector.activation == ACTIVATION_GELU && config.projector.bias && config.projector.drop_class);
    assert_int_equal(config.projector.feature_layers[0], 23);
    assert_true(l->vocabulary == 32000 && l->width == 4096 && l->blocks == 32 && l->heads == 32 && l->kv_heads == 32);
    assert_true(l->head_dim == 128 && l->mlp_width == 11008 && l->max_positions == 2048 && l->activation == ACTIVATION_SILU);
    assert_true(l->rms_norm_eps == 1e-6f && l->rope.theta == 10000 && l->rope.factor == 1);
    assert_true(!l->tied && !l->qkv_bias && !l->out_bias && !l->mlp_bias);
    assert_true(l->begin_token == 1 && l->end_token_count == 1 && l->end_tokens[0] == 2);
}

static void a_vision_config_that_is_there_has_clips_defaults_and_not_llavas(void **state)
{
    (void)state;
    assert_read(with("vision_config", ""), "{}", NULL);
    const struct vision_config *v = &config.vision;
    assert_true(v->image_size == 224 && v->patch_size == 32 && v->width == 768 && v->blocks == 12 && v->heads == 12);
    assert_true(v->mlp_width == 3072);
}

static void null_is_left_out(void **state)
{
    (void)state;
    assert_read(
        "{\"architectures\": null, \"model_type\": \"llava\", \"vision_config\": null, \"text_config\": {\"hidden_size\": "
        "null, \"head_dim\": null, \"num_key_value_heads\": null, \"rope_scaling\": null, \"bos_token_id\": null},"
        " \"vision_feature_layer\": null}",
        processor_336, "{\"eos_token_id\": null}");
    assert_true(config.vision.width == 1024 && config.language.width == 4096 && config.language.kv_heads == 32);
    assert_true(config.language.begin_token == 1 && config.language.end_token_count == 1);
}

static void what_is_given_is_taken(void **state)
{
    (void)state;
    assert_read(
        "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"model_type\": \"llava\","
        "\"projector_hidden_act\": \"gelu_pytorch_tanh\", \"multimodal_projector_bias\": false,"
        "\"vision_feature_layer\": [0], \"vision_feature_select_strategy\": \"full\","
        "\"vision_config\": {\"model_type\": \"clip_vision_model\", \"image_size\": 30, \"patch_size\": 10,"
        "  \"hidden_size\": 36.0, \"num_hidden_layers\": 4, \"num_attention_heads\": 3, \"intermediate_size\": 50,"
        "  \"hidden_act\": \"relu\", \"layer_norm_eps\": 0.5},"
        "\"text_config\": {\"model_type\": \"llama\", \"vocab_size\": 333, \"hidden_size\": 40, \"num_hidden_layers\": 5,"
        "  \"num_attention_heads\": 6, \"num_key_value_heads\": 2, \"head_dim\": 8, \"intermediate_size\": 7,"
        "  \"max_position_embeddings\": 77, \"hidden_act\": \"swish\", \"rms_norm_eps\": 0.25, \"attention_bias\": true,"
        "  \"mlp_bias\": true, \"tie_word_embeddings\": true, \"bos_token_id\": 5, \"eos_token_id\": [6, 332]}}",
        "{\"size\": 30, \"crop_size\": 30}", NULL);
    const struct vision_config *v = &config.vision;
    const struct language_config *l = &config.language;
    assert_true(config.projector.activation == ACTIVATION_GELU_TANH && !config.projector.bias && !config.projector.drop_class);
    assert_int_equal(config.projector.feature_layers[0], 0);
    assert_true(v->image_size == 30 && v->patch_size == 10 && v->width == 36 && v->blocks == 4 && v->heads == 3);
    assert_true(v->mlp_width == 50 && v->activation == ACTIVATION_RELU && v->layer_norm_eps == 0.5f);
    assert_true(l->vocabulary == 333 && l->width == 40 && l->blocks == 5 && l->heads == 6 && l->kv_heads == 2);
    assert_true(l->head_dim == 8 && l->mlp_width == 7 && l->max_positions == 77 && l->activation == ACTIVATION_SILU);
    assert_true(l->rms_norm_eps == 0.25f && l->tied && l->qkv_bias && l->out_bias && l->mlp_bias && l->begin_token == 5);
    assert_true(l->end_token_count == 2 && l->end_tokens[0] == 6 && l->end_tokens[1] == 332);
}

/* ---- which model ---- */

static void a_clip_model_is_read_in_each_of_its_forms(void **state)
{
    (void)state;
    assert_read("{\"model_type\": \"clip\", \"vision_config\": {\"num_hidden_layers\": 7}}", "{}", NULL);
    assert_string_equal(config.architecture, "CLIPModel");
    assert_true(!config.has_language && config.vision.blocks == 7);
    assert_read("{\"model_type\": \"clip_vision_model\", \"num_hidden_layers\": 8}", "{}", NULL);
    assert_string_equal(config.architecture, "CLIPVisionModel");
    assert_int_equal(config.vision.blocks, 8);
    assert_read(
        "{\"architectures\": [\"CLIPVisionModel\"], \"model_type\": \"clip\", \"vision_config\": {\"num_hidden_layers\": 9}}",
        "{}", NULL);
    assert_string_equal(config.architecture, "CLIPVisionModel");
    assert_int_equal(config.vision.blocks, 9);
    assert_read("{\"architectures\": [\"CLIPVisionModelWithProjection\"]}", "{}", NULL);
    assert_read("{\"model_type\": \"clip\"}", "{}", NULL);
    assert_int_equal(config.vision.blocks, 12);
}

static void an_old_vision_config_dict_replaces_all_of_vision_config(void **state)
{
    (void)state;
    assert_read("{\"model_type\": \"clip\", \"vision_config\": {\"num_hidden_layers\": 7, \"hidden_size\": 24},"
                " \"vision_config_dict\": {\"num_hidden_layers\": 8}}",
                "{}", NULL);
    assert_true(config.vision.blocks == 8 && config.vision.width == 768);
}

static void other_models_are_refused_with_those_that_work(void **state)
{
    (void)state;
    assert_refused("{\"architectures\": [\"Blip2ForImageTextRetrieval\"], \"model_type\": \"blip-2\"}", "{}", NULL,
                   "config.json: architecture Blip2ForImageTextRetrieval is not supported; supported are "
                   "LlavaForConditionalGeneration, LlavaNextForConditionalGeneration, LlavaLlamaForCausalLM, "
                   "LlavaMistralForCausalLM, Blip2ForConditionalGeneration, "
                   "Qwen2VLForConditionalGeneration, GmeQwen2VL, Qwen2_5_VLForConditionalGeneration, "
                   "Qwen3VLForConditionalGeneration, "
                   "Idefics3ForConditionalGeneration, SmolVLMForConditionalGeneration, CLIPModel, CLIPVisionModel, "
                   "CLIPVisionModelWithProjection, SiglipModel and SiglipVisionModel");
    assert_refused("{\"architectures\": [\"Gemma3ForConditionalGeneration\"], \"model_type\": \"gemma3\"}", "{}", NULL,
                   "architecture Gemma3ForConditionalGeneration is not supported; supported are Llava");
    assert_refused("{\"architectures\": [\"LlavaForConditionalGeneration\"], \"model_type\": \"clip\"}", "{}", NULL,
                   "architecture LlavaForConditionalGeneration does not match model_type clip");
    assert_refused("{\"model_type\": \"opt\"}", "{}", NULL,
                   "model_type is \"opt\", expected llava, llava_next, llava_llama, llava_mistral, blip-2, qwen2_vl, "
                   "qwen2_5_vl, qwen3_vl, idefics3, smolvlm, clip, "
                   "clip_vision_model, siglip or siglip_vision_model");
    assert_refused("{}", "{}", NULL, "model_type is missing");
    assert_refused("{\"architectures\": \"CLIPModel\"}", "{}", NULL, "architectures is \"CLIPModel\", expected a list");
    assert_refused(with("text_config", "\"model_type\": \"gemma\""), processor_336, NULL,
                   "text_config.model_type is \"gemma\", expected llama, mistral or qwen2");
    assert_refused(with("vision_config", "\"model_type\": \"dinov2\""), processor_336, NULL,
                   "vision_config.model_type is \"dinov2\", expected clip_vision_model");
}

/* ---- BLIP-2 ---- */

static const char processor_224[] = "{\"size\": {\"height\": 224, \"width\": 224}}";

static void a_blip_2_has_the_defaults_of_transformers(void **state)
{
    (void)state;
    assert_read("{\"model_type\": \"blip-2\", \"text_config\": {\"model_type\": \"t5\"}}", processor_224, NULL);
    const struct vision_config *v = &config.vision;
    const struct qformer_config *q = &config.qformer;
    const struct language_config *l = &config.language;
    assert_string_equal(config.architecture, "Blip2ForConditionalGeneration");
    assert_true(config.has_language && model_config_is(&config, "blip-2") && l->encoder_decoder);
    assert_true(strcmp(v->family->model_type, "blip_2_vision_model") == 0 && v->image_size == 224 && v->patch_size == 14 &&
                v->width == 1408 && v->blocks == 39);
    assert_true(v->heads == 16 && v->mlp_width == 6144 && v->activation == ACTIVATION_GELU && v->layer_norm_eps == 1e-6f);
    assert_true(v->qkv_bias && q->queries == 32 && q->width == 768 && q->blocks == 12 && q->heads == 12);
    assert_true(q->mlp_width == 3072 && q->cross_every == 2 && q->layer_norm_eps == 1e-12f);
    assert_true(l->vocabulary == 32128 && l->width == 512 && l->head_dim == 64 && l->mlp_width == 2048 && l->heads == 8);
    assert_true(l->t5.encoder_blocks == 6 && l->blocks == 6 && l->t5.buckets == 32 && l->t5.max_distance == 128);
    assert_true(l->activation == ACTIVATION_RELU && !l->t5.gated && l->t5.scale_head && l->t5.start_token == 0);
    assert_true(l->begin_token == -1 && l->final_token == 1 && l->end_token_count == 1 && l->end_tokens[0] == 1);
    assert_true(!config.preprocess.do_center_crop && config.preprocess.width == 224 && config.preprocess.height == 224);
}

static const char *with_t5(const char *keys)
{
    static char text[1024];
    snprintf(text, sizeof text, "{\"model_type\": \"blip-2\", \"text_config\": {\"model_type\": \"t5\", %s}}", keys);
    return text;
}

static void a_t5_says_its_activation_and_its_head_in_several_ways(void **state)
{
    (void)state;
    const struct language_config *l = &config.language;
    assert_read(with_t5("\"feed_forward_proj\": \"gated-gelu\", \"tie_word_embeddings\": false"), processor_224, NULL);
    assert_true(l->activation == ACTIVATION_GELU_TANH && l->t5.gated && !l->t5.scale_head);
    /* the hub's BLIP-2: the exact gelu after all */
    assert_read(with_t5("\"feed_forward_proj\": \"gated-gelu\", \"dense_act_fn\": \"gelu\""), processor_224, NULL);
    assert_true(l->activation == ACTIVATION_GELU && l->t5.gated && l->t5.scale_head);
    assert_read(with_t5("\"tie_word_embeddings\": true, \"scale_decoder_outputs\": false"), processor_224, NULL);
    assert_true(!l->t5.scale_head);
    assert_read(with_t5("\"num_layers\": 3, \"num_decoder_layers\": 5, \"pad_token_id\": 7"), processor_224,
                "{\"eos_token_id\": [1, 9]}");
    assert_true(l->t5.encoder_blocks == 3 && l->blocks == 5 && l->t5.start_token == 7 && l->end_token_count == 2);
}

static void a_blip_2_that_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"model_type\": \"blip-2\"}", processor_224, NULL, "text_config is missing, expected one whose");
    assert_refused("{\"model_type\": \"blip-2\", \"text_config\": {\"model_type\": \"opt\"}}", processor_224, NULL,
                   "text_config.model_type is \"opt\", expected t5");
    assert_refused(with_t5("\"relative_attention_num_buckets\": 2"), processor_224, NULL,
                   "relative_attention_num_buckets is 2");
    assert_refused(with_t5("\"relative_attention_max_distance\": 16"), processor_224, NULL,
                   "relative_attention_max_distance is 16, expected more than half");
    assert_refused(with_t5("\"feed_forward_proj\": \"gated-x\""), processor_224, NULL, "feed_forward_proj is \"gated-x\"");
    assert_refused(with_t5("\"num_heads\": 1048576"), processor_224, NULL, "num_heads times d_kv");
    assert_refused(with_t5("\"d_ff\": 8"), "{}", NULL, "size is 384 x 384 pixels, but config.json's image_size 224");
}

/* ---- ranges ---- */

static void numbers_out_of_range_are_refused_by_key(void **state)
{
    (void)state;
    static const char *const text[][2] = {
        {"\"hidden_size\": \"x\"", "text_config.hidden_size is \"x\", expected a whole number from 1 to 1048576"},
        {"\"hidden_size\": 0", "text_config.hidden_size is 0"},
        {"\"hidden_size\": -4096", "text_config.hidden_size is -4096"},
        {"\"hidden_size\": 1e300", "text_config.hidden_size is 1e300"},
        {"\"hidden_size\": 9223372036854775807", "text_config.hidden_size"},
        {"\"hidden_size\": 40.5", "text_config.hidden_size is 40.5"},
        {"\"hidden_size\": true", "text_config.hidden_size is true"},
        {"\"vocab_size\": 16777217", "text_config.vocab_size"},
        {"\"intermediate_size\": 0", "text_config.intermediate_size"},
        {"\"num_hidden_layers\": 0", "text_config.num_hidden_layers"},
        {"\"num_attention_heads\": 0", "text_config.num_attention_heads"},
        {"\"num_attention_heads\": 33", "not a multiple of num_attention_heads, 33"},
        {"\"num_key_value_heads\": 5", "not a multiple of num_key_value_heads, 5"},
        {"\"num_key_value_heads\": 64", "not a multiple of num_key_value_heads, 64"},
        {"\"head_dim\": 63", "head_dim is 63, expected an even number"},
        {"\"head_dim\": 1048576", "num_attention_heads times head_dim"},
        {"\"hidden_act\": \"tanh\"", "text_config.hidden_act is \"tanh\", expected gelu, quick_gelu"},
        {"\"rms_norm_eps\": 0", "text_config.rms_norm_eps is 0"},
        {"\"rms_norm_eps\": -1e-6", "text_config.rms_norm_eps"},
        {"\"rope_theta\": 0", "text_config.rope_theta is 0"},
        {"\"rope_theta\": \"10000\"", "text_config.rope_theta"},
        {"\"max_position_embeddings\": 0", "text_config.max_position_embeddings"},
        {"\"bos_token_id\": 32000", "text_config.bos_token_id is 32000, expected a whole number from 0 to 31999"},
        {"\"eos_token_id\": 32000", "text_config.eos_token_id is 32000"},
        {"\"eos_token_id\": [2, -1]", "text_config.eos_token_id is [2,-1]"},
        {"\"eos_token_id\": [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", "a list of up to 16"},
        {"\"attention_bias\": 1", "text_config.attention_bias is 1, expected true or false"},
        {"\"tie_word_embeddings\": \"yes\"", "text_config.tie_word_embeddings"},
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        assert_refused(with("text_config", text[i][0]), processor_336, NULL, text[i][1]);
    static const char *const vision[][2] = {
        {"\"hidden_size\": []", "vision_config.hidden_size is []"},
        {"\"num_channels\": 4", "vision_config.num_channels is 4"},
        {"\"patch_size\": 337", "patch_size is 337, more than image_size, 336"},
        {"\"num_attention_heads\": 7", "not a multiple of num_attention_heads, 7"},
        {"\"layer_norm_eps\": 0", "vision_config.layer_norm_eps"},
        {"\"hidden_act\": 3", "vision_config.hidden_act is 3"},
    };
    for (size_t i = 0; i < sizeof vision / sizeof *vision; i++)
        assert_refused(with_vision(vision[i][0]), processor_336, NULL, vision[i][1]);
    assert_refused(with("vision_config", "\"image_size\": [336, 336]"), processor_336, NULL, "image_size is [336,336]");
    assert_refused(with(NULL, "\"text_config\": []"), processor_336, NULL, "text_config is [], expected an object");
    assert_refused(with(NULL, "\"projector_hidden_act\": \"mish\""), processor_336, NULL, "projector_hidden_act is \"mish\"");
}

static void feature_layers_count_from_either_end_and_not_beyond(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        int layer;
    } good[] = {{"\"vision_feature_layer\": -1", 24},
                {"\"vision_feature_layer\": -25", 0},
                {"\"vision_feature_layer\": 24", 24},
                {"\"vision_feature_layer\": [-2]", 23}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_read(with(NULL, good[i].keys), processor_336, NULL);
        assert_int_equal(config.projector.feature_layers[0], good[i].layer);
    }
    assert_refused(with(NULL, "\"vision_feature_layer\": -26"), processor_336, NULL, "from -25 to 24");
    assert_refused(with(NULL, "\"vision_feature_layer\": 25"), processor_336, NULL, "from -25 to 24");
    assert_refused(with(NULL, "\"vision_feature_layer\": []"), processor_336, NULL, "expected at least one layer");
    assert_read(with(NULL, "\"vision_feature_layer\": [-2, 5]"), processor_336, NULL);
    assert_int_equal(config.projector.feature_layer_count, 2);
    assert_int_equal(config.projector.feature_layers[0], 23);
    assert_int_equal(config.projector.feature_layers[1], 5);
    assert_refused(with(NULL, "\"vision_feature_select_strategy\": \"cls\""), processor_336, NULL, "expected default or full");
}

/* ---- positions, tokens, tying ---- */

static void both_spellings_of_scaled_positions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        float theta, factor;
    } good[] = {
        {"\"rope_theta\": 5000.0", 5000, 1},
        {"\"rope_theta\": 5000, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}", 5000, 4},
        {"\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.5}", 10000, 4.5f},
        {"\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1000000.0}", 1000000, 1},
        {"\"rope_parameters\": {\"rope_type\": \"linear\", \"rope_theta\": 7, \"factor\": 2.0}", 7, 2},
        {"\"rope_parameters\": {\"rope_theta\": 7, \"partial_rotary_factor\": 1.0}", 7, 1},
        /* the object's own theta has priority, then a non-empty old object over a new one, then rope_type over type */
        {"\"rope_theta\": 5, \"rope_parameters\": {\"rope_theta\": 7}", 7, 1},
        {"\"rope_theta\": 5, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}, \"rope_parameters\": {\"rope_theta\": 7}",
         5, 2},
        {"\"rope_scaling\": {}, \"rope_parameters\": {\"rope_theta\": 7}", 7, 1},
        {"\"rope_scaling\": {\"rope_type\": \"default\", \"type\": \"linear\", \"factor\": 2}", 10000, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_read(with("text_config", good[i].keys), processor_336, NULL);
        assert_true(config.language.rope.theta == good[i].theta && config.language.rope.factor == good[i].factor);
    }
    static const char *const bad[][2] = {
        {"\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}",
         "text_config.rope_scaling.type is \"dynamic\", expected default, linear or llama3"},
        {"\"rope_parameters\": {\"rope_type\": \"llama3\", \"factor\": 8}",
         "text_config.rope_parameters.low_freq_factor is missing"},
        {"\"rope_parameters\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4, "
         "\"original_max_position_embeddings\": 8192}",
         "text_config.rope_parameters.high_freq_factor is 4, expected more than low_freq_factor"},
        {"\"rope_scaling\": {\"type\": \"linear\"}", "text_config.rope_scaling.factor is missing"},
        {"\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", "text_config.rope_scaling.factor is 0"},
        {"\"rope_scaling\": {\"type\": \"linear\", \"factor\": \"2\"}", "text_config.rope_scaling.factor is \"2\""},
        {"\"rope_scaling\": 2", "text_config.rope_scaling is 2, expected an object"},
        {"\"rope_parameters\": {\"partial_rotary_factor\": 0.5}", "partial_rotary_factor is 0.5"},
        {"\"partial_rotary_factor\": 0.5", "text_config.partial_rotary_factor is 0.5"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(with("text_config", bad[i][0]), processor_336, NULL, bad[i][1]);
}

static void end_tokens_come_from_generation_config_first(void **state)
{
    (void)state;
    const struct language_config *l = &config.language;
    assert_read(with("text_config", "\"eos_token_id\": 7"), processor_336, "{\"eos_token_id\": [8, 9]}");
    assert_true(l->end_token_count == 2 && l->end_tokens[0] == 8 && l->end_tokens[1] == 9);
    assert_read(with("text_config", "\"eos_token_id\": 7"), processor_336, "{\"eos_token_id\": 8}");
    assert_true(l->end_token_count == 1 && l->end_tokens[0] == 8);
    assert_read(with("text_config", "\"eos_token_id\": [7, 6]"), processor_336, "{}");
    assert_true(l->end_token_count == 2 && l->end_tokens[0] == 7 && l->end_tokens[1] == 6);
    assert_read(with("text_config", "\"eos_token_id\": null"), processor_336, NULL);
    assert_int_equal(l->end_token_count, 0);
    assert_refused(llava, processor_336, "{\"eos_token_id\": 32000}",
                   "generation_config.json: eos_token_id is 32000, expected a whole number from 0 to 31999");
    assert_refused(llava, processor_336, "{\"eos_token_id\": \"</s>\"}", "generation_config.json: eos_token_id");
    assert_refused(llava, processor_336, "{", "generation_config.json: is not valid JSON");
}

static void either_place_ties_the_head(void **state)
{
    (void)state;
    static const char *const places[] = {"\"tie_word_embeddings\": true", "\"text_config\": {\"tie_word_embeddings\": true}",
                                         "\"tie_word_embeddings\": false, \"text_config\": {\"tie_word_embeddings\": true}"};
    for (int i = 0; i < 3; i++) {
        assert_read(with(NULL, places[i]), processor_336, NULL);
        assert_true(config.language.tied);
    }
}

/* ---- image processor ---- */

static void every_spelling_of_a_size_is_read(void **state)
{
    (void)state;
    const struct preprocess *p = &config.preprocess;
    assert_read(llava, "{\"size\": 400, \"crop_size\": 336, \"resample\": 2}", NULL);
    assert_true(p->shortest_edge == 400 && p->crop_width == 336 && p->crop_height == 336 && p->filter == FILTER_BILINEAR);
    assert_read(llava, "{\"size\": {\"shortest_edge\": 400}, \"crop_size\": {\"height\": 336, \"width\": 336}}", NULL);
    assert_true(p->shortest_edge == 400 && p->crop_width == 336 && p->do_center_crop && p->filter == FILTER_BICUBIC);
    assert_read(llava, "{\"size\": {\"height\": 336, \"width\": 336}, \"do_center_crop\": false}", NULL);
    assert_true(p->shortest_edge == 0 && p->width == 336 && p->height == 336 && !p->do_center_crop);
    assert_read(llava, "{\"size\": [300, 400], \"crop_size\": [336, 336]}", NULL);
    assert_true(p->shortest_edge == 0 && p->height == 300 && p->width == 400 && p->crop_width == 336);
    assert_refused(llava, "{\"size\": {\"height\": 336}}", NULL,
                   "preprocessor_config.json: size is {\"height\":336}, expected");
    assert_refused(llava, "{\"size\": {\"shortest_edge\": 336, \"longest_edge\": 400}}", NULL, "expected height and width");
    assert_refused(llava, "{\"size\": {\"longest_edge\": 400}}", NULL, "expected shortest_edge, or height and width");
    assert_refused(llava, "{\"size\": \"336\"}", NULL, "expected shortest_edge, or height and width");
    assert_refused(llava, "{\"size\": [336]}", NULL, "expected a height and a width");
    assert_refused(llava, "{\"size\": 0}", NULL, "size is 0");
    assert_refused(llava, "{\"crop_size\": {\"shortest_edge\": 336}}", NULL, "crop_size is");
    assert_refused(llava, "{\"crop_size\": {\"height\": 336, \"width\": -1}}", NULL, "crop_size.width is -1");
    assert_refused(llava, "{\"crop_size\": \"x\"}", NULL, "crop_size is \"x\"");
}

static void a_processor_whose_output_is_not_the_encoders_input_is_refused(void **state)
{
    (void)state;
    assert_refused(llava, "{}", NULL, "crop_size is 224 x 224 pixels, but config.json's image_size 336");
    assert_refused(llava, "{\"size\": 336, \"do_center_crop\": false}", NULL,
                   "do_center_crop is false and size a shortest edge");
    assert_refused(llava, "{\"size\": [336, 335], \"do_center_crop\": false}", NULL, "size is 335 x 336 pixels");
    assert_refused(llava, "{\"do_resize\": false, \"do_center_crop\": false}", NULL, "both false");
    assert_read(llava, "{\"do_resize\": false, \"crop_size\": 336}", NULL);
    assert_read(llava, "{\"do_pad\": true, \"size\": 336, \"do_center_crop\": false}", NULL);
}

static void values_are_normalized_as_the_processor_says(void **state)
{
    (void)state;
    const struct preprocess *p = &config.preprocess;
    assert_read(llava, "{\"crop_size\": 336}", NULL);
    assert_true(p->do_rescale && p->do_normalize && p->mean[0] == 0.48145466 && p->std[2] == 0.27577711);
    assert_true(fabs(p->rescale_factor * 255 - 1) < 1e-12);
    assert_read(llava,
                "{\"crop_size\": 336, \"image_mean\": [0, 0.25, 1], \"image_std\": 0.5, \"do_rescale\": false,"
                " \"rescale_factor\": 0.125, \"do_normalize\": false}",
                NULL);
    assert_true(p->mean[0] == 0 && p->mean[1] == 0.25 && p->mean[2] == 1 && p->std[0] == 0.5 && p->std[2] == 0.5);
    assert_true(!p->do_rescale && !p->do_normalize && p->rescale_factor == 0.125);
    assert_refused(llava, "{\"image_mean\": [0, 1]}", NULL, "image_mean is [0,1], expected three numbers");
    assert_refused(llava, "{\"image_mean\": [0, 1, \"2\"]}", NULL, "image_mean");
    assert_refused(llava, "{\"image_mean\": {}}", NULL, "image_mean");
    assert_refused(llava, "{\"image_std\": [1, 0, 1]}", NULL, "image_std is [1,0,1], expected three numbers other than zero");
    assert_refused(llava, "{\"image_std\": 0}", NULL, "image_std");
    assert_refused(llava, "{\"resample\": 6}", NULL, "resample is 6");
    assert_refused(
        llava, "{\"resample\": \"cubic\"}", NULL,
        "preprocessor_config.json: resample is \"cubic\", expected nearest, lanczos, bilinear, bicubic, box or hamming, "
        "or their number from 0 to 5");
    assert_refused(llava, "{\"rescale_factor\": 0}", NULL, "rescale_factor is 0");
    assert_refused(llava, "{\"do_resize\": 1}", NULL, "do_resize is 1");
}

static void filters_have_pillows_names_and_numbers(void **state)
{
    (void)state;
    static const char *const filters[] = {"\"nearest\"", "\"lanczos\"", "\"Bilinear\"",
                                          "\"BICUBIC\"", "\"box\"",     "\"hamming\""};
    char json[128];
    for (int i = 0; i < 6; i++) {
        snprintf(json, sizeof json, "{\"crop_size\": 336, \"resample\": %s}", filters[i]);
        assert_read(llava, json, NULL);
        assert_int_equal(config.preprocess.filter, i);
        snprintf(json, sizeof json, "{\"crop_size\": 336, \"resample\": %d}", i);
        assert_read(llava, json, NULL);
        assert_int_equal(config.preprocess.filter, i);
    }
}

static void only_llavas_processor_pads(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool pads;
    } cases[] = {
        {"{\"crop_size\": 336}", false},
        {"{\"crop_size\": 336, \"do_pad\": true}", true},
        {"{\"crop_size\": 336, \"do_pad\": true, \"image_processor_type\": \"LlavaImageProcessorFast\"}", true},
        {"{\"crop_size\": 336, \"do_pad\": true, \"image_processor_type\": \"CLIPImageProcessor\"}", false},
        {"{\"crop_size\": 336, \"do_pad\": true, \"feature_extractor_type\": \"CLIPFeatureExtractor\"}", false},
        {"{\"crop_size\": 336, \"do_pad\": false, \"image_processor_type\": \"LlavaImageProcessor\"}", false},
        {"{\"crop_size\": 336, \"image_aspect_ratio\": \"pad\"}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_read(llava, cases[i].json, NULL);
        assert_int_equal(config.preprocess.pad_to_square, cases[i].pads);
    }
    assert_read("{\"model_type\": \"clip\"}", "{\"do_pad\": true}", NULL);
    assert_false(config.preprocess.pad_to_square);
    assert_refused(llava, "{\"image_processor_type\": \"ViTImageProcessor\"}", NULL,
                   "image_processor_type is \"ViTImageProcessor\", expected CLIPImageProcessor");
}

/* ---- files ---- */

static void an_image_processor_inside_processor_config_goes_first(void **state)
{
    (void)state;
    write_text("processor_config.json", "{\"image_processor\": {\"size\": 400, \"crop_size\": 336}}");
    assert_read(llava, "{", NULL); /* is not even looked at */
    assert_int_equal(config.preprocess.shortest_edge, 400);
    write_text("processor_config.json", "{\"patch_size\": 14}");
    assert_read(llava, processor_336, NULL);
    assert_int_equal(config.preprocess.shortest_edge, 336);
    write_text("processor_config.json", "{\"image_processor\": {\"size\": 0}}");
    assert_refused(llava, processor_336, NULL, "processor_config.json: image_processor.size is 0");
}

static lmvr_status read_without_preprocessor(const char *processor)
{
    write_text("config.json", llava);
    write_text("processor_config.json", processor);
    return model_config_read(".", &config, &error);
}

static void a_processor_config_that_is_an_image_processor_stands_in_for_the_other_file(void **state)
{
    (void)state;
    assert_int_equal(read_without_preprocessor("{\"processor_class\": \"LlavaProcessor\", \"size\": 400, \"crop_size\": 336}"),
                     LMVR_OK);
    assert_int_equal(config.preprocess.shortest_edge, 400);
    assert_int_equal(read_without_preprocessor("{\"image_mean\": [0, 0, 0], \"crop_size\": 336}"), LMVR_OK);
    assert_true(config.preprocess.mean[1] == 0);
    assert_int_equal(read_without_preprocessor("{\"size\": 0}"), LMVR_ERROR_INVALID);
    assert_contains(error.message, "./processor_config.json: size is 0");
    assert_int_equal(read_without_preprocessor("{\"patch_size\": 14}"), LMVR_ERROR_INVALID);
    assert_contains(error.message, "./preprocessor_config.json: cannot open");
    assert_read(llava, processor_336, NULL); /* goes before it */
    write_text("processor_config.json", "{\"size\": 400, \"crop_size\": 336}");
    assert_read(llava, processor_336, NULL);
    assert_int_equal(config.preprocess.shortest_edge, 336);
}

static void an_encoder_alone_has_the_processor_of_either_file(void **state)
{
    (void)state;
    struct preprocess p;
    assert_int_equal(config_read_preprocess(".", 64, &p, &error), LMVR_OK);
    assert_true(p.shortest_edge == 64 && p.crop_width == 64 && p.crop_height == 64 && p.filter == FILTER_BICUBIC);
    write_text("processor_config.json", "{\"size\": 80, \"crop_size\": 64}");
    assert_int_equal(config_read_preprocess(".", 64, &p, &error), LMVR_OK);
    assert_int_equal(p.shortest_edge, 80);
    write_text("preprocessor_config.json", "{\"size\": 70, \"crop_size\": 64}");
    assert_int_equal(config_read_preprocess(".", 64, &p, &error), LMVR_OK);
    assert_int_equal(p.shortest_edge, 70);
    write_text("processor_config.json", "{\"image_processor\": {\"size\": 90, \"crop_size\": 64}}");
    assert_int_equal(config_read_preprocess(".", 64, &p, &error), LMVR_OK);
    assert_int_equal(p.shortest_edge, 90);
    assert_int_equal(config_read_preprocess("shape.json", 64, &p, &error), LMVR_OK); /* a file has none beside it */
    assert_int_equal(p.shortest_edge, 64);
}

static void quantized_weights_are_refused_by_their_method(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true}", "quantized by bitsandbytes (quantization_config)"},
        {"{\"load_in_8bit\": true}", "quantized by bitsandbytes"},
        {"{\"quant_method\": \"gptq\", \"bits\": 4}", "quantized by gptq"},
        {"{\"quant_method\": \"awq\"}", "quantized by awq"},
        {"{\"quant_method\": \"fp8\"}", "quantized by fp8"},
        {"{}", "quantized by a method without a name"},
        {"{\"quant_method\": 4}", "quantization_config.quant_method is 4, expected a string"},
        {"4", "quantization_config is 4, expected an object"},
    };
    char json[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(json, sizeof json, "\"quantization_config\": %s", cases[i][0]);
        assert_refused(with(NULL, json), processor_336, NULL, cases[i][1]);
    }
    assert_refused(with(NULL, "\"quantization_config\": {\"quant_method\": \"awq\"}"), processor_336, NULL,
                   "give the original model, whose weights are not quantized, in its place");
    assert_refused(with("text_config", "\"quantization_config\": {\"quant_method\": \"awq\"}"), processor_336, NULL,
                   "quantized by awq (text_config.quantization_config)");
    assert_refused("{\"model_type\": \"clip\", \"quantization_config\": {\"quant_method\": \"awq\"}}", "{}", NULL, "by awq");
    assert_read(with(NULL, "\"quantization_config\": null"), processor_336, NULL);
}

static void an_image_token_outside_the_vocabulary_is_refused(void **state)
{
    (void)state;
    assert_read(with(NULL, "\"image_token_index\": 31999"), processor_336, NULL);
    assert_read(with(NULL, "\"image_token_id\": 0"), processor_336, NULL);
    assert_refused(with(NULL, "\"image_token_index\": 99999"), processor_336, NULL,
                   "config.json: image_token_index is 99999, expected an id inside the vocabulary of 32000 tokens");
    assert_refused(with(NULL, "\"image_token_id\": 32000"), processor_336, NULL, "image_token_id is 32000");
    assert_refused(with(NULL, "\"image_token_index\": -1"), processor_336, NULL, "image_token_index is -1");
    assert_refused("{\"model_type\": \"blip-2\", \"image_token_index\": 32128, \"text_config\": {\"model_type\": \"t5\"}}",
                   processor_224, NULL, "image_token_index is 32128, expected an id inside the vocabulary of 32128 tokens");
    assert_read("{\"model_type\": \"clip\", \"image_token_index\": 99999}", "{}", NULL); /* reads no text */
}

static void a_file_that_is_missing_is_named(void **state)
{
    (void)state;
    assert_int_equal(model_config_read("nowhere", &config, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "nowhere: cannot open: No such file or directory");
    write_text("config.json", llava);
    assert_int_equal(model_config_read("./", &config, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "./preprocessor_config.json: cannot open: No such file or directory");
    assert_int_equal(model_config_read("config.json", &config, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "config.json: is a file; expected a Hugging Face folder, with a config.json in it");
}

static void the_hash_tells_any_change_of_a_file(void **state)
{
    (void)state;
    assert_read(llava, processor_336, NULL);
    uint64_t first = config.hash;
    assert_read(llava, processor_336, NULL);
    assert_true(config.hash == first);
    assert_read(llava, processor_336, "{}");
    assert_true(config.hash != first);
    assert_read(llava, "{\"crop_size\": 336}", NULL);
    assert_true(config.hash != first);
    assert_read("{\"model_type\":\"llava\"}", processor_336, NULL);
    assert_true(config.hash != first);
}

/* Checkpoints that transformers wrote and read; the numbers are those of its configuration objects. */
static void golden_configurations_are_read_as_transformers_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int feature_layer, head_dim, end_tokens;
        float factor;
        bool drop_class, tied, pads;
    } cases[] = {
        {"llava-old-f32", 2, 12, 1, 1, true, false, false}, {"llava-new-bf16", 3, 16, 2, 2, false, false, false},
        {"llava-f16-tied", 2, 16, 2, 4, true, true, false}, {"llava-odd-f32", 1, 8, 1, 1, true, false, false},
        {"llava-pad", 1, 16, 1, 1, true, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", cases[i].name);
        if (model_config_read(path, &config, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        assert_int_equal(config.projector.feature_layers[0], cases[i].feature_layer);
        assert_int_equal(config.projector.drop_class, cases[i].drop_class);
        assert_int_equal(config.language.head_dim, cases[i].head_dim);
        assert_int_equal(config.language.end_token_count, cases[i].end_tokens);
        assert_int_equal(config.language.tied, cases[i].tied);
        assert_true(config.language.rope.factor == cases[i].factor);
        assert_int_equal(config.preprocess.pad_to_square, cases[i].pads);
    }
    assert_int_equal(model_config_read(LMVR_TEST_DATA "/golden/clip-f32", &config, &error), LMVR_OK);
    assert_true(!config.has_language && config.vision.image_size == 35 && config.vision.blocks == 3);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(keys_that_are_left_out_have_the_defaults_of_transformers),
        in_folder(a_vision_config_that_is_there_has_clips_defaults_and_not_llavas),
        in_folder(null_is_left_out),
        in_folder(what_is_given_is_taken),
        in_folder(a_blip_2_has_the_defaults_of_transformers),
        in_folder(a_t5_says_its_activation_and_its_head_in_several_ways),
        in_folder(a_blip_2_that_cannot_be_is_refused),
        in_folder(a_clip_model_is_read_in_each_of_its_forms),
        in_folder(an_old_vision_config_dict_replaces_all_of_vision_config),
        in_folder(other_models_are_refused_with_those_that_work),
        in_folder(numbers_out_of_range_are_refused_by_key),
        in_folder(feature_layers_count_from_either_end_and_not_beyond),
        in_folder(both_spellings_of_scaled_positions_are_read),
        in_folder(end_tokens_come_from_generation_config_first),
        in_folder(either_place_ties_the_head),
        in_folder(every_spelling_of_a_size_is_read),
        in_folder(a_processor_whose_output_is_not_the_encoders_input_is_refused),
        in_folder(values_are_normalized_as_the_processor_says),
        in_folder(filters_have_pillows_names_and_numbers),
        in_folder(only_llavas_processor_pads),
        in_folder(an_image_processor_inside_processor_config_goes_first),
        in_folder(a_processor_config_that_is_an_image_processor_stands_in_for_the_other_file),
        in_folder(an_encoder_alone_has_the_processor_of_either_file),
        in_folder(quantized_weights_are_refused_by_their_method),
        in_folder(an_image_token_outside_the_vocabulary_is_refused),
        in_folder(a_file_that_is_missing_is_named),
        in_folder(the_hash_tells_any_change_of_a_file),
        in_folder(golden_configurations_are_read_as_transformers_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
