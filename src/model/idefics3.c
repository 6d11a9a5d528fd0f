/*
 * Idefics3 and SmolVLM (transformers' Idefics3ForConditionalGeneration, SmolVLMForConditionalGeneration): SigLIP's encoder on
 * tiles and on the whole picture, a pixel shuffle, a decoder of the LLaMA family.
 */
#include "model/architecture.h"

#include <stdio.h>
#include <stdlib.h>

#define VISION "vision_tower.vision_model."

/* The connector reads the last state after the norm, which is therefore its last hidden state here. */
static const struct vision_family vision_idefics3 = {.model_type = "idefics3_vision",
                                                     .patches = VISION "embeddings.patch_embedding",
                                                     .positions = VISION "embeddings.position_embedding.weight",
                                                     .post_norm = VISION "post_layernorm",
                                                     .names.block = VISION "encoder.layers.%d.",
                                                     .names.qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                                     .names.attention_out = "self_attn.out_proj",
                                                     .names.norm1 = "layer_norm1",
                                                     .names.norm2 = "layer_norm2",
                                                     .names.mlp = {"mlp.fc1"},
                                                     .names.mlp_out = "mlp.fc2",
                                                     .patch_bias = true};

static const struct merger_names shuffle = {.prefix = "connector.modality_projection.", .fc1 = "proj"};

static lmvr_status parse_vision(const struct json_node *root, struct vision_config *v, lmvr_error *error)
{
    static const struct json_name types[] = {{"idefics3", 0}, {"idefics3_vision", 0}, {"smolvlm", 0}, {"smolvlm_vision", 0}};
    struct json_node node;
    int type;
    *v = (struct vision_config){.family = &vision_idefics3,
                                .image_size = 224,
                                .patch_size = 32,
                                .channels = 3,
                                .merge = 2,
                                .width = 1152,
                                .blocks = 12,
                                .heads = 16,
                                .mlp_width = 3072,
                                .activation = ACTIVATION_GELU_TANH,
                                .layer_norm_eps = 1e-6f,
                                .qkv_bias = true};
    TRY(json_node_object(root, "vision_config", &node, error));
    TRY(json_node_name(&node, "model_type", types, sizeof types / sizeof *types, &type, error));
    TRY(config_parse_vit(&node, v, error));
    TRY(json_node_int(root, "scale_factor", 1, CONFIG_MAX_BLOCKS, &v->merge, error));
    if (v->position_side % v->merge == 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: scale_factor is %d, which does not divide the %d patches of a tile's side",
                     root->file, v->merge, v->position_side);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    config->has_language = true;
    config->prompt = "Describe the image.";
    TRY(parse_vision(&sources->config, &config->vision, error));
    config->encoder_state = config->vision.blocks;
    config->merger = (struct merger_config){.levels = 1, .states = {config->vision.blocks}};
    TRY(config_parse_text(sources, &config->language, error));
    TRY(config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_IDEFICS3, &config->preprocess,
                                error));
    if (config->preprocess.tile == config->vision.image_size)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: %smax_image_size is %d pixels, but config.json's image_size %d",
                     sources->processor.file, sources->processor.path, config->preprocess.tile, config->vision.image_size);
}

static lmvr_status load(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    struct mergers *mergers = calloc(1, sizeof *mergers);
    if (!mergers)
        return error_no_memory(loader->error, "the connector");
    mergers->count = 1;
    lmvr_status status = load_merger(loader, config, &shuffle, 0, &mergers->of[0]);
    *connector = merger_connector(mergers, config->merger.states);
    return status;
}

static struct counts count_connector(const struct model_config *config)
{
    return count_merger(config, &shuffle);
}

/* Tiles, row by row, then the whole picture, as Idefics3Processor's get_image_prompt_string has them. */
static lmvr_status expand(const struct picture *picture, char **text, lmvr_error *error)
{
    size_t size = 0;
    FILE *stream = open_memstream(text, &size);
    if (!stream)
        return error_no_memory(error, "the prompt");
    for (int row = 0; row < picture->tile_rows; row++) {
        for (int column = 0; column < picture->tile_columns; column++)
            fprintf(stream, "<fake_token_around_image><row_%d_col_%d>" PROMPT_IMAGE, row + 1, column + 1);
        fputc('\n', stream);
    }
    if (picture->tile_rows)
        fputc('\n', stream);
    fputs("<fake_token_around_image><global-img>" PROMPT_IMAGE "<fake_token_around_image>", stream);
    return fclose(stream) == 0 ? LMVR_OK : error_no_memory(error, "the prompt");
}

/* The grid is the tiles', side by side; without tiles, the whole picture's. */
static int64_t visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    int side = config->vision.position_side / config->vision.merge, each = side * side;
    int across = picture->tile_columns ? picture->tile_columns : 1;
    for (int v = 0; grid && grid->cells && v < picture->view_count; v++) {
        bool in_grid = picture->tile_rows == 0 || picture->views[v].row >= 0;
        int row = picture->tile_rows ? picture->views[v].row : 0, column = picture->tile_rows ? picture->views[v].column : 0;
        for (int i = 0; i < each; i++)
            grid->cells[v * each + i] = in_grid ? (row * side + i / side) * across * side + column * side + i % side : -1;
    }
    if (grid)
        *grid = (struct token_grid){(picture->tile_rows ? picture->tile_rows : 1) * side, across * side,
                                    picture->tile_rows ? -1 : 0, grid->cells};
    return (int64_t)picture->view_count * each;
}

static const struct template_choice templates[] = {{"<|begin_of_text|>", "idefics3"}, {NULL, "smolvlm"}};

#define IDEFICS3(MODEL_TYPE)                                                                                                   \
    {                                                                                                                          \
        .model_type = (MODEL_TYPE), .templates = templates, .parse = parse, .load_connector = load,                            \
        .count_connector = count_connector, .image_token = "<image>", .expand = expand, .visual_tokens = visual_tokens         \
    }

const struct architecture architecture_idefics3 = IDEFICS3("idefics3");
const struct architecture architecture_smolvlm = IDEFICS3("smolvlm");
