/*
 * LLaVA-NeXT, also called LLaVA 1.6 (transformers' LlavaNextForConditionalGeneration): LLaVA with tiles, whose tokens are put
 * together as one picture again.
 */
#include "connector/anyres.h"
#include "model/architecture.h"
#include "model/load_tensor.h"

#include <stdlib.h>

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    TRY(config_parse_llava(sources, config, error));
    return config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_LLAVA_NEXT, &config->preprocess,
                                   error);
}

static lmvr_status load(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    const struct projector_config *c = &config->projector;
    struct anyres *anyres = calloc(1, sizeof *anyres);
    if (!anyres)
        return error_no_memory(loader->error, "the projector");
    lmvr_status status = load_projector(loader, config, &anyres->projector);
    if (status == LMVR_OK)
        status = load_vector(loader, "image_newline", config->language.width, &anyres->newline);
    *connector = anyres_connector(anyres, c->feature_layers, c->feature_layer_count, c->drop_class);
    return status;
}

static struct counts count_connector(const struct model_config *config)
{
    struct counts counts = count_projector(config);
    counts.vectors += config->language.width;
    return counts;
}

/* The grid is that of the tiles' tokens, over the image without what pads it; the whole picture's tokens have no cells. */
static int64_t visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    int side = config->vision.position_side;
    struct anyres_part part = anyres_part_of(picture, side);
    int32_t *cell = grid ? grid->cells : NULL;
    for (int i = 0; cell && i < side * side; i++)
        *cell++ = -1;
    for (int i = 0; cell && i < part.rows * (part.columns + 1); i++) {
        int row = i / (part.columns + 1), column = i % (part.columns + 1);
        *cell++ = column < part.columns ? row * part.columns + column : -1;
    }
    if (grid)
        *grid = (struct token_grid){part.rows, part.columns, -1, grid->cells};
    return anyres_count(picture, side);
}

static const struct template_choice templates[] = {
    {"[INST]", "mistral"}, {"<|start_header_id|>", "llama3"}, {NULL, "llava_hf"}};

const struct architecture architecture_llava_next = {.model_type = "llava_next",
                                                     .templates = templates,
                                                     .parse = parse,
                                                     .load_connector = load,
                                                     .image_token = "<image>",
                                                     .count_connector = count_connector,
                                                     .visual_tokens = visual_tokens};
