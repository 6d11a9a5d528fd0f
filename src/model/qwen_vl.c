/*
 * Qwen2-VL, Qwen2.5-VL and Qwen3-VL (transformers' Qwen2VLForConditionalGeneration and its successors): an encoder of views of
 * any size with 2-D rotary positions, mergers of 2 x 2 patches, a Qwen2 or Qwen3 with M-RoPE.
 */
#include "model/architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what the three have in common and apart ---------------------------------------------------------------------------- */

#define VISION_NAMES                                                                                                           \
    .patches = "visual.patch_embed.proj", .names.block = "visual.blocks.%d.", .names.qkv = {"attn.qkv"},                       \
    .names.attention_out = "attn.proj", .names.norm1 = "norm1", .names.norm2 = "norm2", .frames = 2

static const struct vision_family vision_qwen2 = {VISION_NAMES, .model_type = "qwen2_vl", .names.mlp = {"mlp.fc1"},
                                                  .names.mlp_out = "mlp.fc2"};
static const struct vision_family vision_qwen2_5 = {VISION_NAMES, .model_type = "qwen2_5_vl",
                                                    .names.mlp = {"mlp.gate_proj", "mlp.up_proj"},
                                                    .names.mlp_out = "mlp.down_proj", .rms = true};
static const struct vision_family vision_qwen3 = {VISION_NAMES,
                                                  .model_type = "qwen3_vl",
                                                  .positions = "visual.pos_embed.weight",
                                                  .names.mlp = {"mlp.linear_fc1"},
                                                  .names.mlp_out = "mlp.linear_fc2",
                                                  .patch_bias = true};

static const struct merger_names merger_qwen2 = {"visual.merger.", "ln_q", "mlp.0", "mlp.2", false};
static const struct merger_names merger_qwen3 = {"visual.merger.", "norm", "linear_fc1", "linear_fc2", false};
static const struct merger_names merger_deep = {"visual.deepstack_merger_list.%d.", "norm", "linear_fc1", "linear_fc2", true};

static bool is_qwen3(const struct model_config *config)
{
    return config->vision.family == &vision_qwen3;
}

/* ---- configuration ------------------------------------------------------------------------------------------------------ */

static const struct vision_config vision_default = {.channels = 3,
                                                    .patch_size = 14,
                                                    .merge = 2,
                                                    .blocks = 32,
                                                    .heads = 16,
                                                    .layer_norm_eps = 1e-6f,
                                                    .qkv_bias = true,
                                                    .rotary = true};

/* The visual tokens' width is the language model's. */
static lmvr_status check_width(const struct json_node *node, const char *key, int language_width, lmvr_error *error)
{
    int width = 3584;
    TRY(json_node_int(node, key, 1, CONFIG_MAX_WIDTH, &width, error));
    if (width == language_width)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s is %d, but the language model's hidden_size %d", node->file,
                     node->path, key, width, language_width);
}

static lmvr_status check_vision(const struct json_node *node, const char *width_key, const struct vision_config *v,
                                lmvr_error *error)
{
    if (v->width % v->heads == 0 && v->width / v->heads % 4 == 0) /* half of the rotated pairs are rows', half columns' */
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s is %d, expected num_heads, %d, times a multiple of 4", node->file,
                     node->path, width_key, v->width, v->heads);
}

/* The keys that all three have; `width_key` names the encoder's own width. */
static lmvr_status parse_vision(const struct json_node *node, const char *width_key, struct vision_config *v, lmvr_error *error)
{
    const struct json_int sizes[] = {
        {"depth", 1, CONFIG_MAX_BLOCKS, &v->blocks},         {width_key, 1, CONFIG_MAX_WIDTH, &v->width},
        {"num_heads", 1, CONFIG_MAX_WIDTH, &v->heads},       {"in_channels", 3, 3, &v->channels},
        {"patch_size", 1, CONFIG_MAX_IMAGE, &v->patch_size}, {"spatial_merge_size", 1, CONFIG_MAX_BLOCKS, &v->merge},
    };
    int frames = 2;
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    TRY(json_node_int(node, "temporal_patch_size", 2, 2, &frames, error));
    TRY(config_parse_activation(node, "hidden_act", &v->activation, error));
    return check_vision(node, width_key, v, error);
}

static lmvr_status parse_vision2(const struct json_node *node, struct model_config *config, lmvr_error *error)
{
    struct vision_config *v = &config->vision;
    float ratio = 4;
    *v = vision_default;
    v->family = &vision_qwen2;
    v->width = 1280;
    v->activation = ACTIVATION_QUICK_GELU;
    TRY(parse_vision(node, "embed_dim", v, error));
    TRY(json_node_float(node, "mlp_ratio", 1e-3f, 1e3f, &ratio, error));
    v->mlp_width = (int)((float)v->width * ratio);
    if (v->mlp_width < 1 || v->mlp_width > CONFIG_MAX_WIDTH)
        return json_refuse(node, "mlp_ratio", "one that gives the MLP a width from 1 to 1048576", error);
    return check_width(node, "hidden_size", config->language.width, error);
}

static lmvr_status parse_windows(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    int window = 112, whole[CONFIG_MAX_BLOCKS] = {7, 15, 23, 31}, count = 4;
    TRY(json_node_int(node, "window_size", 1, CONFIG_MAX_IMAGE, &window, error));
    TRY(json_node_ints(node, "fullatt_block_indexes", 0, CONFIG_MAX_BLOCKS - 1, CONFIG_MAX_BLOCKS, whole, &count, error));
    v->window = window / v->merge / v->patch_size;
    if (v->window < 1)
        return json_refuse(node, "window_size", "at least spatial_merge_size times patch_size", error);
    for (int i = 0; i < count; i++)
        v->whole[whole[i] / 64] |= (uint64_t)1 << whole[i] % 64;
    return LMVR_OK;
}

static lmvr_status parse_vision2_5(const struct json_node *node, struct model_config *config, lmvr_error *error)
{
    struct vision_config *v = &config->vision;
    *v = vision_default;
    v->family = &vision_qwen2_5;
    v->width = 3584;
    v->mlp_width = 3420;
    v->activation = ACTIVATION_SILU;
    TRY(parse_vision(node, "hidden_size", v, error));
    TRY(json_node_int(node, "intermediate_size", 1, CONFIG_MAX_WIDTH, &v->mlp_width, error));
    TRY(parse_windows(node, v, error));
    return check_width(node, "out_hidden_size", config->language.width, error);
}

/* DeepStack's mergers read the outputs of these blocks, and their tokens go behind as many blocks of the language model. */
static lmvr_status parse_deepstack(const struct json_node *node, struct model_config *config, lmvr_error *error)
{
    struct merger_config *m = &config->merger;
    int blocks[CONFIG_MAX_LEVELS] = {8, 16, 24}, count = 3;
    TRY(json_node_ints(node, "deepstack_visual_indexes", 0, config->vision.blocks - 1, CONFIG_MAX_LEVELS - 1, blocks, &count,
                       error));
    if (count > config->language.blocks)
        return json_refuse(node, "deepstack_visual_indexes", "no more of them than the language model has blocks", error);
    for (int i = 0; i < count; i++)
        m->states[m->levels++] = blocks[i] + 1;
    return LMVR_OK;
}

static lmvr_status parse_positions(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    int positions = 2304;
    TRY(json_node_int(node, "num_position_embeddings", 1, 1 << 24, &positions, error));
    while (v->position_side * v->position_side < positions)
        v->position_side++;
    if (v->position_side * v->position_side != positions)
        return json_refuse(node, "num_position_embeddings", "the square of a whole number", error);
    return LMVR_OK;
}

static lmvr_status parse_vision3(const struct json_node *node, struct model_config *config, lmvr_error *error)
{
    struct vision_config *v = &config->vision;
    *v = vision_default;
    v->family = &vision_qwen3;
    v->patch_size = 16;
    v->blocks = 27;
    v->width = 1152;
    v->mlp_width = 4304;
    v->activation = ACTIVATION_GELU_TANH;
    TRY(parse_vision(node, "hidden_size", v, error));
    TRY(json_node_int(node, "intermediate_size", 1, CONFIG_MAX_WIDTH, &v->mlp_width, error));
    TRY(parse_positions(node, v, error));
    return check_width(node, "out_hidden_size", config->language.width, error);
}

static const struct language_config qwen2_default = {.vocabulary = 152064,
                                                     .width = 8192,
                                                     .blocks = 80,
                                                     .heads = 64,
                                                     .kv_heads = 8,
                                                     .mlp_width = 29568,
                                                     .max_positions = 32768,
                                                     .activation = ACTIVATION_SILU,
                                                     .rms_norm_eps = 1e-5f,
                                                     .rope = {.theta = 1000000, .factor = 1, .sections = {16, 24, 24}},
                                                     .qkv_bias = true,
                                                     .begin_token = -1,
                                                     .final_token = -1,
                                                     .end_tokens = {151645}};

static const struct language_config qwen3_default = {
    .vocabulary = 151936,
    .width = 4096,
    .blocks = 32,
    .heads = 32,
    .kv_heads = 32,
    .head_dim = 128,
    .mlp_width = 22016,
    .max_positions = 128000,
    .activation = ACTIVATION_SILU,
    .rms_norm_eps = 1e-6f,
    .rope = {.theta = 500000, .factor = 1, .sections = {24, 20, 20}, .interleaved = true},
    .qk_norm = true,
    .begin_token = -1,
    .final_token = -1,
    .end_tokens = {151645}};

/* Older files have the language model's keys at the top level. Only the top level ties the head. */
static lmvr_status parse_language(const struct config_sources *sources, struct language_config *l, lmvr_error *error)
{
    struct json_node text;
    bool tied = false;
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    if (l->qk_norm) {
        TRY(json_node_bool(&text, "attention_bias", &l->qkv_bias, error));
        l->out_bias = l->qkv_bias;
    }
    TRY(config_parse_decoder(text.object ? &text : &sources->config, &sources->generation, l, error));
    TRY(json_node_bool(&sources->config, "tie_word_embeddings", &tied, error));
    l->tied = tied;
    return LMVR_OK;
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config,
                         const struct language_config *language, const char *template_name,
                         lmvr_status (*parse_encoder)(const struct json_node *, struct model_config *, lmvr_error *),
                         lmvr_error *error)
{
    struct json_node vision;
    config->has_language = true;
    config->prompt = "Describe the image.";
    config->template_name = template_name;
    config->language = *language;
    TRY(parse_language(sources, &config->language, error));
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    TRY(parse_encoder(&vision, config, error));
    config->encoder_state = config->vision.blocks;
    config->merger = (struct merger_config){.levels = 1, .states = {config->vision.blocks}};
    if (is_qwen3(config))
        TRY(parse_deepstack(&vision, config, error));
    TRY(config_parse_preprocess(&sources->processor, 0, PROCESSOR_QWEN2_VL, &config->preprocess, error));
    if (config->preprocess.patch == config->vision.patch_size && config->preprocess.merge == config->vision.merge)
        return LMVR_OK;
    return error_set(
        error, LMVR_ERROR_INVALID,
        "%s: %spatch_size and merge_size are %d and %d, but config.json's patch_size and spatial_merge_size %d and %d",
        sources->processor.file, sources->processor.path, config->preprocess.patch, config->preprocess.merge,
        config->vision.patch_size, config->vision.merge);
}

static lmvr_status parse2(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    return parse(sources, config, &qwen2_default, "qwen2_vl", parse_vision2, error);
}

static lmvr_status parse2_5(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    return parse(sources, config, &qwen2_default, "qwen2_vl", parse_vision2_5, error);
}

static lmvr_status parse3(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    return parse(sources, config, &qwen3_default, "qwen3_vl", parse_vision3, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

static lmvr_status load(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    const struct merger_config *c = &config->merger;
    struct mergers *mergers = calloc(1, sizeof *mergers);
    if (!mergers)
        return error_no_memory(loader->error, "the connector");
    mergers->count = c->levels;
    lmvr_status status = load_merger(loader, config, is_qwen3(config) ? &merger_qwen3 : &merger_qwen2, 0, &mergers->of[0]);
    for (int i = 1; i < c->levels && status == LMVR_OK; i++)
        status = load_merger(loader, config, &merger_deep, i - 1, &mergers->of[i]);
    *connector = merger_connector(mergers, c->states);
    return status;
}

static struct counts count_connector(const struct model_config *config)
{
    struct counts counts = count_merger(config, &merger_qwen2), deep = count_merger(config, &merger_deep);
    counts.matrices += (config->merger.levels - 1) * deep.matrices;
    counts.vectors += (config->merger.levels - 1) * deep.vectors;
    return counts;
}

/* ---- prompt ------------------------------------------------------------------------------------------------------------- */

static int64_t visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    const struct view *view = &picture->views[0];
    int side = config->vision.patch_size * config->vision.merge, rows = view->height / side, columns = view->width / side;
    for (int i = 0; grid && grid->cells && i < rows * columns; i++)
        grid->cells[i] = i;
    if (grid)
        *grid = (struct token_grid){rows, columns, 0, grid->cells};
    return (int64_t)rows * columns;
}

#define QWEN(MODEL_TYPE, PARSE)                                                                                                \
    {                                                                                                                          \
        .model_type = (MODEL_TYPE), .parse = (PARSE), .load_connector = load, .count_connector = count_connector,              \
        .image_token = "<|image_pad|>", .visual_tokens = visual_tokens                                                         \
    }

const struct architecture architecture_qwen2_vl = QWEN("qwen2_vl", parse2);
const struct architecture architecture_qwen2_5_vl = QWEN("qwen2_5_vl", parse2_5);
const struct architecture architecture_qwen3_vl = QWEN("qwen3_vl", parse3);
