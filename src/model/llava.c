/* LLaVA (transformers' LlavaForConditionalGeneration): CLIP's encoder, a two-layer projector, a decoder of the LLaMA family. */
#include "model/architecture.h"

#include <stdlib.h>
#include <string.h>

lmvr_status config_parse_tower(const struct json_node *node, struct vision_config *vision, lmvr_error *error)
{
    const char *model_type = NULL;
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (model_type && strcmp(model_type, config_siglip_vision.family->model_type) == 0)
        *vision = config_siglip_vision;
    else
        *vision = node->object ? config_clip_vision : config_llava_vision;
    return config_parse_vision(node, vision, error);
}

lmvr_status config_parse_llava(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node vision;
    config->has_language = true;
    config->prompt = "Describe the image.";
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    TRY(config_parse_tower(&vision, &config->vision, error));
    TRY(config_parse_projector(&sources->config, &config->vision, &config->projector, error));
    config->encoder_state = config->projector.feature_layers[config->projector.feature_layer_count - 1];
    return config_parse_text(sources, &config->language, error);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    enum config_processor processor;
    config->template_name = "vicuna_v1";
    TRY(config_parse_llava(sources, config, error));
    processor = config->vision.family == &vision_clip ? PROCESSOR_LLAVA : PROCESSOR_SIGLIP;
    return config_parse_preprocess(&sources->processor, config->vision.image_size, processor, &config->preprocess, error);
}

void model_config_compose_llava(const struct vision_config *vision, struct model_config *config)
{
    config->family = &architecture_llava;
    config->has_language = true;
    config->vision = *vision;
    config->projector = (struct projector_config){.activation = ACTIVATION_GELU,
                                                  .bias = true,
                                                  .feature_layers = {vision->blocks - 1},
                                                  .feature_layer_count = 1,
                                                  .drop_class = true};
    config->encoder_state = config->projector.feature_layers[0];
}

static lmvr_status load(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    struct projector *projector = calloc(1, sizeof *projector);
    if (!projector)
        return error_no_memory(loader->error, "the projector");
    lmvr_status status = load_projector(loader, config, projector);
    *connector = projector_connector(projector, config->projector.feature_layers, config->projector.feature_layer_count,
                                     config->projector.drop_class);
    return status;
}

/* The patches, row by row, after the class token where that is kept. */
static int64_t visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    int rows = picture->views[0].height / config->vision.patch_size,
        columns = picture->views[0].width / config->vision.patch_size;
    int first = config->vision.family->class_token && !config->projector.drop_class ? 1 : 0;
    int tokens = first + rows * columns;
    for (int i = 0; grid && grid->cells && i < tokens; i++)
        grid->cells[i] = i < first ? -1 : i - first;
    if (grid)
        *grid = (struct token_grid){rows, columns, 0, grid->cells};
    return tokens;
}

const struct architecture architecture_llava = {.model_type = "llava",
                                                .parse = parse,
                                                .load_connector = load,
                                                .count_connector = count_projector,
                                                .image_token = "<image>",
                                                .visual_tokens = visual_tokens};
