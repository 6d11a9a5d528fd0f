/* BLIP-2 (transformers' Blip2ForConditionalGeneration): EVA's encoder, a Q-Former, a T5. */
#include "model/architecture.h"

#include <stdlib.h>

#define VISION "vision_tower.vision_model."

const struct vision_family vision_eva = {.model_type = "blip_2_vision_model",
                                         .patches = VISION "embeddings.patch_embedding",
                                         .class_token = VISION "embeddings.class_embedding",
                                         .positions = VISION "embeddings.position_embedding",
                                         .post_norm = VISION "post_layernorm",
                                         .names.block = VISION "encoder.layers.%d.",
                                         .names.qkv = {"self_attn.qkv"},
                                         .names.attention_out = "self_attn.projection",
                                         .names.norm1 = "layer_norm1",
                                         .names.norm2 = "layer_norm2",
                                         .names.mlp = {"mlp.fc1"},
                                         .names.mlp_out = "mlp.fc2",
                                         .table_dims = 3,
                                         .patch_bias = true};

lmvr_status config_parse_eva(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    *v = (struct vision_config){.family = &vision_eva,
                                .image_size = 224,
                                .patch_size = 14,
                                .channels = 3,
                                .merge = 1,
                                .width = 1408,
                                .blocks = 39,
                                .heads = 16,
                                .mlp_width = 6144,
                                .activation = ACTIVATION_GELU,
                                .layer_norm_eps = 1e-6f,
                                .qkv_bias = true};
    TRY(json_node_bool(node, "qkv_bias", &v->qkv_bias, error));
    return config_parse_vision(node, v, error);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    static const struct json_name types[] = {{"t5", 0}};
    struct json_node vision, text;
    int type;
    config->has_language = true;
    config->prompt = "a photo of";
    config->template_name = "none";
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    TRY(config_parse_eva(&vision, &config->vision, error));
    config->encoder_state = config->vision.blocks;
    TRY(config_parse_qformer(&sources->config, &config->qformer, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    if (!json_node_get(&text, "model_type")) /* transformers' default is OPT */
        return json_refuse(&sources->config, "text_config", "one whose model_type is t5, the only supported one", error);
    TRY(json_node_name(&text, "model_type", types, 1, &type, error));
    TRY(config_parse_t5(&text, &sources->generation, &config->language, error));
    return config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_BLIP, &config->preprocess, error);
}

static lmvr_status load(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    struct qformer *qformer = calloc(1, sizeof *qformer);
    if (!qformer)
        return error_no_memory(loader->error, "the Q-Former");
    lmvr_status status = load_qformer(loader, config, qformer);
    *connector = qformer_connector(qformer, config->encoder_state);
    return status;
}

static int64_t visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    const struct view *view = &picture->views[0];
    for (int i = 0; grid && grid->cells && i < config->qformer.queries; i++)
        grid->cells[i] = -1;
    if (grid)
        *grid = (struct token_grid){view->height / config->vision.patch_size, view->width / config->vision.patch_size, 0,
                                    grid->cells};
    return config->qformer.queries;
}

const struct architecture architecture_blip2 = {.model_type = "blip-2",
                                                .parse = parse,
                                                .load_connector = load,
                                                .count_connector = count_qformer,
                                                .visual_tokens = visual_tokens};
