/* CLIP's vision encoder (transformers' CLIPModel, CLIPVisionModel), alone or in a LLaVA. */
#include "model/architecture.h"

#include <string.h>

#define VISION "vision_tower.vision_model."

const struct vision_family vision_clip = {.model_type = "clip_vision_model",
                                          .patches = VISION "embeddings.patch_embedding",
                                          .class_token = VISION "embeddings.class_embedding",
                                          .positions = VISION "embeddings.position_embedding.weight",
                                          .pre_norm = VISION "pre_layrnorm",
                                          .block = VISION "encoder.layers.%d.",
                                          .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                          .attention_out = "self_attn.out_proj",
                                          .norm1 = "layer_norm1",
                                          .norm2 = "layer_norm2",
                                          .mlp = {"mlp.fc1"},
                                          .mlp_out = "mlp.fc2"};

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

/* In CLIPConfig an old vision_config_dict overrides all of vision_config; keys that it lacks have their defaults. */
static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node vision;
    const char *key = json_node_get(&sources->config, "vision_config_dict") ? "vision_config_dict" : "vision_config";
    TRY(json_node_object(&sources->config, key, &vision, error));
    TRY(config_parse_clip_vision(&vision, &config->vision, error));
    return parse_processor(sources, config, error);
}

static lmvr_status parse_vision_model(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    config->vision = config_clip_vision;
    TRY(config_parse_vision(&sources->config, &config->vision, error));
    return parse_processor(sources, config, error);
}

const struct architecture architecture_clip = {.model_type = "clip", .parse = parse};
const struct architecture architecture_clip_vision = {.model_type = "clip_vision_model", .parse = parse_vision_model};
