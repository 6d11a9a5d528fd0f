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

/* CLIP ViT-L/14's text encoder. */
#define TEXT_L                                                                                                                 \
    {                                                                                                                          \
        49408, 768, 12, 12, 3072, 77, ACTIVATION_QUICK_GELU, 1e-5f, 0, 2                                                       \
    }

static const struct shape {
    const char *name, *config, *processor;
    struct clip_text_config text; /* for CLIP training; width 0: none */
    int projection, pairs;        /* for CLIP training: width of the shared embedding; image-text pairs per step */
} shapes[] = {
    /* llava-hf/llava-1.5-7b-hf */
    {"llava-1.5-7b", LLAVA(CLIP_L("336"), LLAMA("\"vocab_size\": 32064")), CROPPED("336"), TEXT_L, 768, 4},
    /* the paper's: CLIP ViT-L/14 at 224 with Vicuna-7B */
    {"vicuna-7b-224", LLAVA(CLIP_L("224"), LLAMA("\"vocab_size\": 32000")), CROPPED("224"), TEXT_L, 768, 8},
    /* Salesforce/blip2-flan-t5-xxl, the paper's, and blip2-flan-t5-xl */
    {"blip2-flan-t5-xxl", FLAN_T5("4096", "64", "10240"), STRETCHED("224"), {0}, 0, 0},
    {"blip2-flan-t5-xl", FLAN_T5("2048", "32", "5120"), STRETCHED("224"), {0}, 0, 0},
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
     {1026, 192, 2, 3, 512, 64, ACTIVATION_QUICK_GELU, 1e-5f, 1024, 1025},
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
