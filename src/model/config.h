/*
 * What the JSON files of a Hugging Face folder say, with transformers' defaults for every key that they leave out.
 * Sources: transformers 5.12, LlavaConfig, CLIPVisionConfig, LlamaConfig, CLIPImageProcessor, GenerationConfig.
 */
#ifndef LMVR_SRC_MODEL_CONFIG_H
#define LMVR_SRC_MODEL_CONFIG_H

#include "image/preprocess.h"
#include "nn/elementwise.h"

struct vision_config { /* a CLIP ViT */
    int image_size, patch_size, channels;
    int width, blocks, heads, mlp_width;
    enum activation activation;
    float layer_norm_eps;
};

struct projector_config { /* LLaVA's two-layer MLP */
    enum activation activation;
    bool bias;
    int feature_layer; /* index into the vision tower's N+1 states, 0..N, negative ones resolved */
    bool drop_class;   /* "default" selection drops the class position, "full" keeps it */
};

#define CONFIG_MAX_END_TOKENS 16

struct language_config { /* a LLaMA-family decoder */
    int vocabulary, width, blocks, heads, kv_heads, head_dim, mlp_width;
    int max_positions;
    enum activation activation;
    float rms_norm_eps;
    float rope_theta, rope_factor; /* factor: linear scaling, 1 for none */
    bool tied, attention_bias, mlp_bias;
    int begin_token;
    int end_tokens[CONFIG_MAX_END_TOKENS], end_token_count;
};

struct model_config {
    char architecture[96]; /* architectures[0], else from model_type */
    bool has_language;     /* false: a CLIP model alone */
    struct vision_config vision;
    struct projector_config projector;
    struct language_config language;
    struct preprocess preprocess;
    uint64_t hash; /* of the JSON files' bytes */
};

/* Reads config.json, preprocessor_config.json (or processor_config.json) and generation_config.json of `folder`.
 * Everything is range-checked here (positive, bounded, divisible where it has to be), so that the model code need not. */
lmvr_status model_config_read(const char *folder, struct model_config *config, lmvr_error *error);

#endif
