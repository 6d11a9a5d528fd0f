/* CLIP (transformers' CLIPModel), its vision encoder alone (CLIPVisionModel), and that as part of a LLaVA. */
#include "model/architecture.h"

#include <string.h>

#define VISION "vision_tower.vision_model."

const struct vision_family vision_clip = {.model_type = "clip_vision_model",
                                          .patches = VISION "embeddings.patch_embedding",
                                          .class_token = VISION "embeddings.class_embedding",
                                          .positions = VISION "embeddings.position_embedding.weight",
                                          .pre_norm = VISION "pre_layrnorm",
                                          .names.block = VISION "encoder.layers.%d.",
                                          .names.qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                          .names.attention_out = "self_attn.out_proj",
                                          .names.norm1 = "layer_norm1",
                                          .names.norm2 = "layer_norm2",
                                          .names.mlp = {"mlp.fc1"},
                                          .names.mlp_out = "mlp.fc2"};

const struct vision_config config_clip_vision = {.family = &vision_clip,
                                                 .image_size = 224,
                                                 .patch_size = 32,
                                                 .channels = 3,
                                                 .merge = 1,
                                                 .width = 768,
                                                 .blocks = 12,
                                                 .heads = 12,
                                                 .mlp_width = 3072,
                                                 .activation = ACTIVATION_QUICK_GELU,
                                                 .layer_norm_eps = 1e-5f,
                                                 .qkv_bias = true};

const struct vision_config config_llava_vision = {.family = &vision_clip,
                                                  .image_size = 336,
                                                  .patch_size = 14,
                                                  .channels = 3,
                                                  .merge = 1,
                                                  .width = 1024,
                                                  .blocks = 24,
                                                  .heads = 16,
                                                  .mlp_width = 4096,
                                                  .activation = ACTIVATION_QUICK_GELU,
                                                  .layer_norm_eps = 1e-5f,
                                                  .qkv_bias = true};

lmvr_status config_parse_clip_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error)
{
    const char *model_type = NULL;
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (model_type && strcmp(model_type, vision_eva.model_type) == 0)
        return config_parse_eva(node, vision, error);
    *vision = config_clip_vision;
    return config_parse_vision(node, vision, error);
}

/* By default features read the last state but one, as LLaVA does. */
static lmvr_status parse_processor(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    config->encoder_state = config->vision.blocks - 1;
    return config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_CLIP, &config->preprocess, error);
}

/* In CLIPConfig an old vision_config_dict overrides all of vision_config, and likewise the text's; keys that it lacks have
 * their defaults. */
lmvr_status config_parse_clip_parts(const struct json_node *node, struct json_node *vision, struct json_node *text,
                                    lmvr_error *error)
{
    const char *const keys[] = {json_node_get(node, "vision_config_dict") ? "vision_config_dict" : "vision_config",
                                json_node_get(node, "text_config_dict") ? "text_config_dict" : "text_config"};
    TRY(json_node_object(node, keys[0], vision, error));
    return json_node_object(node, keys[1], text, error);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node vision, text;
    TRY(config_parse_clip_parts(&sources->config, &vision, &text, error));
    TRY(config_parse_clip_vision(&vision, &config->vision, error));
    TRY(config_parse_clip_text(&text, &config->text, error));
    config->joint.width = 512;
    TRY(json_node_int(&sources->config, "projection_dim", 1, CONFIG_MAX_WIDTH, &config->joint.width, error));
    config->text.projection = config->joint.width;
    config->has_text = true;
    return parse_processor(sources, config, error);
}

/* With a projection as CLIPVisionModelWithProjection, or without. */
static lmvr_status parse_vision_model(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    config->vision = config_clip_vision;
    TRY(config_parse_vision(&sources->config, &config->vision, error));
    config->joint.width = 512;
    TRY(json_node_int(&sources->config, "projection_dim", 1, CONFIG_MAX_WIDTH, &config->joint.width, error));
    return parse_processor(sources, config, error);
}

const struct architecture architecture_clip = {.model_type = "clip", .parse = parse};
const struct architecture architecture_clip_vision = {.model_type = "clip_vision_model", .parse = parse_vision_model};
