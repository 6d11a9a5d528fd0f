/* SigLIP (transformers' SiglipModel; also SigLIP 2 of fixed size), its vision encoder alone (SiglipVisionModel), and that as
 * part of a LLaVA. */
#include "model/architecture.h"

#define VISION "vision_tower.vision_model."

static const struct vision_family vision_siglip = {.model_type = "siglip_vision_model",
                                                   .patches = VISION "embeddings.patch_embedding",
                                                   .positions = VISION "embeddings.position_embedding.weight",
                                                   .names.block = VISION "encoder.layers.%d.",
                                                   .names.qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                                   .names.attention_out = "self_attn.out_proj",
                                                   .names.norm1 = "layer_norm1",
                                                   .names.norm2 = "layer_norm2",
                                                   .names.mlp = {"mlp.fc1"},
                                                   .names.mlp_out = "mlp.fc2",
                                                   .patch_bias = true};

const struct vision_config config_siglip_vision = {.family = &vision_siglip,
                                                   .image_size = 224,
                                                   .patch_size = 16,
                                                   .channels = 3,
                                                   .merge = 1,
                                                   .width = 768,
                                                   .blocks = 12,
                                                   .heads = 12,
                                                   .mlp_width = 3072,
                                                   .activation = ACTIVATION_GELU_TANH,
                                                   .layer_norm_eps = 1e-6f,
                                                   .qkv_bias = true};

/* By default features read the last state but one, as for CLIP. */
static lmvr_status parse_node(const struct config_sources *sources, const struct json_node *vision, struct model_config *config,
                              lmvr_error *error)
{
    bool head = true;
    config->vision = config_siglip_vision;
    TRY(config_parse_vision(vision, &config->vision, error));
    TRY(json_node_bool(vision, "vision_use_head", &head, error));
    config->joint = (struct joint_config){.width = head ? config->vision.width : 0, .pools = true};
    config->encoder_state = config->vision.blocks - 1;
    return config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_SIGLIP, &config->preprocess,
                                   error);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node vision, text;
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    TRY(parse_node(sources, &vision, config, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    TRY(config_parse_siglip_text(&text, &config->text, error));
    config->has_text = config->joint.width > 0;
    if (!config->has_text || config->text.projection == config->joint.width)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: %sprojection_size is %d, but pictures' vectors have %d numbers (vision_config.hidden_size)",
                     text.file, text.object ? text.path : "text_config.", config->text.projection, config->joint.width);
}

static lmvr_status parse_vision_model(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    return parse_node(sources, &sources->config, config, error);
}

const struct architecture architecture_siglip = {.model_type = "siglip", .parse = parse};
const struct architecture architecture_siglip_vision = {.model_type = "siglip_vision_model", .parse = parse_vision_model};
