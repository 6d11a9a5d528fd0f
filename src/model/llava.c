/* LLaVA (transformers' LlavaForConditionalGeneration): CLIP's encoder, a two-layer projector, a decoder of the LLaMA family. */
#include "model/architecture.h"

#include <stdlib.h>

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node vision;
    config->has_language = true;
    config->prompt = "Describe the image.";
    config->template_name = "vicuna_v1";
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    config->vision = vision.object ? config_clip_vision : config_llava_vision;
    TRY(config_parse_vision(&vision, &config->vision, error));
    TRY(config_parse_projector(&sources->config, &config->vision, &config->projector, error));
    config->encoder_state = config->projector.feature_layer;
    TRY(config_parse_text(sources, &config->language, error));
    return config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_LLAVA, &config->preprocess, error);
}

void model_config_compose_llava(const struct vision_config *vision, struct model_config *config)
{
    config->family = &architecture_llava;
    config->has_language = true;
    config->vision = *vision;
    config->projector = (struct projector_config){
        .activation = ACTIVATION_GELU, .bias = true, .feature_layer = vision->blocks - 1, .drop_class = true};
    config->encoder_state = config->projector.feature_layer;
}

static lmvr_status load(struct loader *loader, const struct model_config *config, struct lmvr_model *model)
{
    struct projector *projector = calloc(1, sizeof *projector);
    if (!projector)
        return error_no_memory(loader->error, "the projector");
    lmvr_status status = load_projector(loader, config, projector);
    model->connector = projector_connector(projector, config->encoder_state, config->projector.drop_class);
    return status == LMVR_OK ? load_decoder(loader, &config->language, &model->language) : status;
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

const struct architecture architecture_llava = {
    .model_type = "llava", .parse = parse, .load = load, .count_connector = count_projector, .visual_tokens = visual_tokens};
