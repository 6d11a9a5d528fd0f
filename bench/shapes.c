/* Shapes for random weights: the configurations of commonly used models, as their files on the hub have them. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define CLIP_L(SIZE)                                                                                                           \
    "\"vision_config\": {\"model_type\": \"clip_vision_model\", \"image_size\": " SIZE ", \"patch_size\": 14, "                \
    "\"hidden_size\": 1024, \"num_hidden_layers\": 24, \"num_attention_heads\": 16, \"intermediate_size\": 4096}"
#define LLAMA(NUMBERS)                                                                                                         \
    "\"text_config\": {\"model_type\": \"llama\", \"rms_norm_eps\": 1e-5, \"max_position_embeddings\": 4096, " NUMBERS "}"
#define LLAVA(VISION, TEXT) "{\"model_type\": \"llava\", \"image_token_index\": 0, " VISION ", " TEXT "}"
#define FLAN_T5(WIDTH, HEADS, MLP)                                                                                             \
    "{\"model_type\": \"blip-2\", \"vision_config\": {}, \"qformer_config\": {}, \"text_config\": {\"model_type\": \"t5\", "   \
    "\"d_model\": " WIDTH ", \"num_heads\": " HEADS ", \"d_ff\": " MLP ", \"d_kv\": 64, \"num_layers\": 24, "                  \
    "\"num_decoder_layers\": 24, \"feed_forward_proj\": \"gated-gelu\", \"dense_act_fn\": \"gelu\", "                          \
    "\"tie_word_embeddings\": false}}"
/* The shortest edge becomes the side of the center crop. */
#define CROPPED(SIZE)   "{\"size\": {\"shortest_edge\": " SIZE "}, \"crop_size\": {\"height\": " SIZE ", \"width\": " SIZE "}}"
#define STRETCHED(SIZE) "{\"size\": {\"height\": " SIZE ", \"width\": " SIZE "}}"

/* Views of the image's size, or tiles. */
#define HALF_MEAN_STD "\"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]"
#define QWEN3_PIXELS                                                                                                           \
    "{\"size\": {\"shortest_edge\": 65536, \"longest_edge\": 16777216}, \"patch_size\": 16, \"merge_size\": 2, " HALF_MEAN_STD \
    "}"
#define SMOLVLM_PIXELS "{\"size\": {\"longest_edge\": 2048}, \"max_image_size\": {\"longest_edge\": 512}, " HALF_MEAN_STD "}"

#define QWEN3_VL_2B                                                                                                            \
    "{\"model_type\": \"qwen3_vl\", \"tie_word_embeddings\": true, \"text_config\": {\"vocab_size\": 151936, "                 \
    "\"hidden_size\": 2048, \"num_hidden_layers\": 28, \"num_attention_heads\": 16, \"num_key_value_heads\": 8, "              \
    "\"head_dim\": 128, \"intermediate_size\": 6144, \"max_position_embeddings\": 262144, \"rope_theta\": 5000000, "           \
    "\"rope_scaling\": {\"rope_type\": \"default\", \"mrope_interleaved\": true, \"mrope_section\": [24, 20, 20]}}, "          \
    "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"num_heads\": 16, \"intermediate_size\": 4096, "               \
    "\"patch_size\": 16, \"num_position_embeddings\": 2304, \"deepstack_visual_indexes\": [5, 11, 17], "                       \
    "\"out_hidden_size\": 2048}}"
#define QWEN2_5_VL_3B                                                                                                          \
    "{\"model_type\": \"qwen2_5_vl\", \"tie_word_embeddings\": true, \"vocab_size\": 151936, \"hidden_size\": 2048, "          \
    "\"num_hidden_layers\": 36, \"num_attention_heads\": 16, \"num_key_value_heads\": 2, \"intermediate_size\": 11008, "       \
    "\"max_position_embeddings\": 128000, \"rms_norm_eps\": 1e-6, \"rope_theta\": 1000000, "                                   \
    "\"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [16, 24, 24]}, "                                               \
    "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"num_heads\": 16, \"intermediate_size\": 3420, "               \
    "\"patch_size\": 14, \"window_size\": 112, \"fullatt_block_indexes\": [7, 15, 23, 31], \"out_hidden_size\": 2048}}"
#define SMOLVLM_256M                                                                                                           \
    "{\"model_type\": \"idefics3\", \"scale_factor\": 4, \"image_token_id\": 49190, "                                          \
    "\"vision_config\": {\"hidden_size\": 768, \"num_attention_heads\": 12, \"image_size\": 512, \"patch_size\": 16}, "        \
    "\"text_config\": {\"model_type\": \"llama\", \"vocab_size\": 49280, \"hidden_size\": 576, \"num_hidden_layers\": 30, "    \
    "\"num_attention_heads\": 9, \"num_key_value_heads\": 3, \"intermediate_size\": 1536, "                                    \
    "\"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-5, \"rope_theta\": 100000}}"
#define MISTRAL_7B                                                                                                             \
    "\"text_config\": {\"model_type\": \"mistral\", \"vocab_size\": 32064, \"intermediate_size\": 14336, "                     \
    "\"num_key_value_heads\": 8, \"max_position_embeddings\": 32768, \"rope_theta\": 1000000, \"sliding_window\": null}"

/* CLIP ViT-L/14's text encoder. */
#define TEXT_L                                                                                                                 \
    {                                                                                                                          \
        .vocabulary = 49408, .width = 768, .blocks = 12, .heads = 12, .mlp_width = 3072, .positions = 77,                      \
        .activation = ACTIVATION_QUICK_GELU, .layer_norm_eps = 1e-5f, .end_token = 2                                           \
    }

static const struct shape {
    const char *name, *config, *processor;
    struct text_config text; /* for CLIP training; width 0: none */
    int projection, pairs;   /* for CLIP training: width of the shared embedding; image-text pairs per step */
} shapes[] = {
    /* llava-hf/llava-1.5-7b-hf */
    {"llava-1.5-7b", LLAVA(CLIP_L("336"), LLAMA("\"vocab_size\": 32064")), CROPPED("336"), TEXT_L, 768, 4},
    /* the paper's: CLIP ViT-L/14 at 224 with Vicuna-7B */
    {"vicuna-7b-224", LLAVA(CLIP_L("224"), LLAMA("\"vocab_size\": 32000")), CROPPED("224"), TEXT_L, 768, 8},
    /* Salesforce/blip2-flan-t5-xxl, the paper's, and blip2-flan-t5-xl */
    {"blip2-flan-t5-xxl", FLAN_T5("4096", "64", "10240"), STRETCHED("224"), {0}, 0, 0},
    {"blip2-flan-t5-xl", FLAN_T5("2048", "32", "5120"), STRETCHED("224"), {0}, 0, 0},
    /* Qwen/Qwen3-VL-2B-Instruct */
    {"qwen3-vl-2b", QWEN3_VL_2B, QWEN3_PIXELS, {0}, 0, 0},
    /* Qwen/Qwen2.5-VL-3B-Instruct */
    {"qwen2.5-vl-3b", QWEN2_5_VL_3B, "{\"min_pixels\": 3136, \"max_pixels\": 12845056}", {0}, 0, 0},
    /* HuggingFaceTB/SmolVLM-256M-Instruct */
    {"smolvlm-256m", SMOLVLM_256M, SMOLVLM_PIXELS, {0}, 0, 0},
    /* llava-hf/llava-v1.6-mistral-7b-hf, whose pinpoints are the default */
    {"llava-next-7b", "{\"model_type\": \"llava_next\", " CLIP_L("336") ", " MISTRAL_7B "}", CROPPED("336"), {0}, 0, 0},
    {"tiny",
     LLAVA("\"vision_config\": {\"image_size\": 112, \"patch_size\": 14, \"hidden_size\": 128, \"num_hidden_layers\": 4, "
           "\"num_attention_heads\": 4, \"intermediate_size\": 512}",
           LLAMA("\"vocab_size\": 4096, \"hidden_size\": 256, \"num_hidden_layers\": 4, \"num_attention_heads\": 8, "
                 "\"num_key_value_heads\": 4, \"intermediate_size\": 688")),
     CROPPED("112"),
     {0},
     0,
     0},
    /* a LLaMA of 1B parameters with the paper's encoder */
    {"llava-1b",
     LLAVA(CLIP_L("224"),
           LLAMA("\"vocab_size\": 32000, \"hidden_size\": 2048, \"num_hidden_layers\": 22, \"num_attention_heads\": 32, "
                 "\"num_key_value_heads\": 4, \"intermediate_size\": 5632")),
     CROPPED("224"), TEXT_L, 768, 8},
    /* the model shipped with lmvr: models/recipe */
    {"lmvr-small",
     LLAVA("\"vision_config\": {\"image_size\": 192, \"patch_size\": 16, \"hidden_size\": 192, \"num_hidden_layers\": 5, "
           "\"num_attention_heads\": 3, \"intermediate_size\": 768}",
           LLAMA("\"vocab_size\": 1088, \"hidden_size\": 256, \"num_hidden_layers\": 4, \"num_attention_heads\": 4, "
                 "\"intermediate_size\": 704")),
     CROPPED("192"),
     {.vocabulary = 1026,
      .width = 192,
      .blocks = 2,
      .heads = 3,
      .mlp_width = 512,
      .positions = 64,
      .activation = ACTIVATION_QUICK_GELU,
      .layer_norm_eps = 1e-5f,
      .begin_token = 1024,
      .end_token = 1025},
     256,
     64},
};

static lmvr_status find(const char *name, const struct shape **shape, lmvr_error *error)
{
    char names[256] = "";
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            *shape = &shapes[i];
            return LMVR_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", shapes[i].name);
    }
    return error_set(error, LMVR_ERROR_INVALID, "the shape is \"%s\", expected one of %s", name, names);
}

lmvr_status bench_shape(const char *name, int layers, struct model_config *config, lmvr_error *error)
{
    const struct shape *shape;
    TRY(find(name, &shape, error));
    TRY(model_config_parse(shape->name, shape->config, shape->processor, config, error));
    config->prompt = "";
    config->template_name = "none";
    struct language_config *l = &config->language;
    l->blocks = layers ? layers : l->blocks;
    l->t5.encoder_blocks = layers && l->t5.encoder_blocks ? layers : l->t5.encoder_blocks;
    return LMVR_OK;
}

lmvr_status bench_shape_clip(const char *name, struct clip_config *config, int *pairs, lmvr_error *error)
{
    const struct shape *shape;
    struct model_config model;
    TRY(find(name, &shape, error));
    if (!shape->text.width)
        return error_set(error, LMVR_ERROR_INVALID, "the shape \"%s\" cannot be trained", name);
    TRY(bench_shape(name, 0, &model, error));
    *config = (struct clip_config){model.vision, shape->text, shape->projection, 2.6592f};
    if (pairs)
        *pairs = shape->pairs;
    return LMVR_OK;
}
