/* Shapes for random weights: the configurations of commonly used models. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define CLIP_L(SIZE)                                                                                                           \
    {                                                                                                                          \
        SIZE, 14, 3, 1024, 24, 16, 4096, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true                                       \
    }
#define EVA_G                                                                                                                  \
    {                                                                                                                          \
        224, 14, 3, 1408, 39, 16, 6144, ACTIVATION_GELU, 1e-6f, VISION_EVA, true                                               \
    }
#define FLAN_T5(WIDTH, HEADS, MLP)                                                                                             \
    {                                                                                                                          \
        .kind = LANGUAGE_T5, .vocabulary = 32128, .width = (WIDTH), .blocks = 24, .heads = (HEADS), .kv_heads = (HEADS),       \
        .head_dim = 64, .mlp_width = (MLP), .activation = ACTIVATION_GELU, .rms_norm_eps = 1e-6f, .begin_token = -1,           \
        .final_token = 1, .t5 = {                                                                                              \
            .encoder_blocks = 24,                                                                                              \
            .buckets = 32,                                                                                                     \
            .max_distance = 128,                                                                                               \
            .gated = true                                                                                                      \
        }                                                                                                                      \
    }
#define LLAMA(VOCABULARY, WIDTH, BLOCKS, HEADS, KV_HEADS, MLP)                                                                 \
    {                                                                                                                          \
        .vocabulary = (VOCABULARY), .width = (WIDTH), .blocks = (BLOCKS), .heads = (HEADS), .kv_heads = (KV_HEADS),            \
        .head_dim = (WIDTH) / (HEADS), .mlp_width = (MLP), .max_positions = 4096, .activation = ACTIVATION_SILU,               \
        .rms_norm_eps = 1e-5f, .rope_theta = 10000, .rope_factor = 1, .begin_token = 1, .final_token = -1                      \
    }

/* CLIP ViT-L/14's text encoder. */
#define TEXT_L                                                                                                                 \
    {                                                                                                                          \
        49408, 768, 12, 12, 3072, 77, ACTIVATION_QUICK_GELU, 1e-5f, 0, 2                                                       \
    }

static const struct shape {
    const char *name;
    struct vision_config vision;
    struct language_config language;
    int feature_layer;             /* of the projector */
    struct qformer_config qformer; /* width 0: the model has a projector */
    struct clip_text_config text;  /* for CLIP training; width 0: none */
    int projection, pairs;         /* for CLIP training: width of the shared embedding; image-text pairs per step */
} shapes[] = {
    /* llava-hf/llava-1.5-7b-hf */
    {"llava-1.5-7b", CLIP_L(336), LLAMA(32064, 4096, 32, 32, 32, 11008), 23, {0}, TEXT_L, 768, 4},
    /* the paper's: CLIP ViT-L/14 at 224 with Vicuna-7B */
    {"vicuna-7b-224", CLIP_L(224), LLAMA(32000, 4096, 32, 32, 32, 11008), 23, {0}, TEXT_L, 768, 8},
    /* Salesforce/blip2-flan-t5-xxl, the paper's, and blip2-flan-t5-xl */
    {"blip2-flan-t5-xxl", EVA_G, FLAN_T5(4096, 64, 10240), 0, {32, 768, 12, 12, 3072, 2, ACTIVATION_GELU, 1e-12f}, {0}, 0, 0},
    {"blip2-flan-t5-xl", EVA_G, FLAN_T5(2048, 32, 5120), 0, {32, 768, 12, 12, 3072, 2, ACTIVATION_GELU, 1e-12f}, {0}, 0, 0},
    {"tiny",
     {112, 14, 3, 128, 4, 4, 512, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true},
     LLAMA(4096, 256, 4, 8, 4, 688),
     3,
     {0},
     {0},
     0,
     0},
    /* a LLaMA of 1B parameters with the paper's encoder */
    {"llava-1b", CLIP_L(224), LLAMA(32000, 2048, 22, 32, 4, 5632), 23, {0}, TEXT_L, 768, 8},
    /* the model shipped with lmvr: models/recipe */
    {"lmvr-small",
     {192, 16, 3, 192, 5, 3, 768, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true},
     LLAMA(1088, 256, 4, 4, 4, 704),
     4,
     {0},
     {1026, 192, 2, 3, 512, 64, ACTIVATION_QUICK_GELU, 1e-5f, 1024, 1025},
     256,
     64},
};

static void fill(const struct shape *shape, int layers, struct model_config *config)
{
    bool projector = shape->qformer.width == 0;
    *config = (struct model_config){.architecture = "LlavaForConditionalGeneration",
                                    .has_language = true,
                                    .vision = shape->vision,
                                    .connector = projector ? CONNECTOR_PROJECTOR : CONNECTOR_QFORMER,
                                    .projector = {ACTIVATION_GELU, true, shape->feature_layer, true},
                                    .qformer = shape->qformer,
                                    .language = shape->language,
                                    .prompt = "",
                                    .template_name = "none"};
    if (!projector)
        snprintf(config->architecture, sizeof config->architecture, "Blip2ForConditionalGeneration");
    struct language_config *l = &config->language;
    l->blocks = layers ? layers : l->blocks;
    l->t5.encoder_blocks = layers && l->t5.encoder_blocks ? layers : l->t5.encoder_blocks;
    preprocess_init_clip(&config->preprocess);
    config->preprocess.shortest_edge = config->vision.image_size;
    config->preprocess.crop_width = config->preprocess.crop_height = config->vision.image_size;
}

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
    fill(shape, layers, config);
    return LMVR_OK;
}

lmvr_status bench_shape_clip(const char *name, struct clip_config *config, int *pairs, lmvr_error *error)
{
    const struct shape *shape;
    TRY(find(name, &shape, error));
    if (!shape->text.width)
        return error_set(error, LMVR_ERROR_INVALID, "the shape \"%s\" cannot be trained", name);
    *config = (struct clip_config){shape->vision, shape->text, shape->projection, 2.6592f};
    if (pairs)
        *pairs = shape->pairs;
    return LMVR_OK;
}
