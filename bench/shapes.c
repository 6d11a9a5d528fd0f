/* Configurations to make random weights for: the models that people bring. */
#include "bench.h"

static const struct {
    const char *name;
    struct vision_config vision;
    struct language_config language;
    int feature_layer;
} shapes[] = {
    /* llava-hf/llava-1.5-7b-hf */
    {"llava-1.5-7b",
     {336, 14, 3, 1024, 24, 16, 4096, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true},
     {.vocabulary = 32064, .width = 4096, .blocks = 32, .heads = 32, .kv_heads = 32, .head_dim = 128, .mlp_width = 11008},
     23},
    /* the paper's: CLIP ViT-L/14 at 224 with Vicuna-7B */
    {"vicuna-7b-224",
     {224, 14, 3, 1024, 24, 16, 4096, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true},
     {.vocabulary = 32000, .width = 4096, .blocks = 32, .heads = 32, .kv_heads = 32, .head_dim = 128, .mlp_width = 11008},
     23},
    {"tiny",
     {112, 14, 3, 128, 4, 4, 512, ACTIVATION_QUICK_GELU, 1e-5f, VISION_CLIP, true},
     {.vocabulary = 4096, .width = 256, .blocks = 4, .heads = 8, .kv_heads = 4, .head_dim = 32, .mlp_width = 688},
     3},
};

lmvr_status bench_shape(const char *name, int layers, struct model_config *config, lmvr_error *error)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, name) != 0)
            continue;
        *config = (struct model_config){.architecture = "LlavaForConditionalGeneration",
                                        .has_language = true,
                                        .vision = shapes[i].vision,
                                        .projector = {ACTIVATION_GELU, true, shapes[i].feature_layer, true},
                                        .language = shapes[i].language};
        struct language_config *l = &config->language;
        l->blocks = layers ? layers : l->blocks;
        l->max_positions = 4096;
        l->activation = ACTIVATION_SILU;
        l->rms_norm_eps = 1e-5f;
        l->rope_theta = 10000;
        l->rope_factor = 1;
        l->begin_token = 1;
        preprocess_init_clip(&config->preprocess);
        config->preprocess.shortest_edge = config->vision.image_size;
        config->preprocess.crop_width = config->preprocess.crop_height = config->vision.image_size;
        return LMVR_OK;
    }
    return error_set(error, LMVR_ERROR_INVALID, "the shape is \"%s\", expected llava-1.5-7b, vicuna-7b-224 or tiny", name);
}
