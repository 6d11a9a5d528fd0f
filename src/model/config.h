/*
 * The configuration in the JSON files of a Hugging Face folder, with transformers' defaults for missing keys.
 * Sources: transformers 5.12, LlavaConfig, CLIPVisionConfig, LlamaConfig, CLIPImageProcessor, GenerationConfig; Blip2Config,
 * T5Config, BlipImageProcessor.
 */
#ifndef LMVR_SRC_MODEL_CONFIG_H
#define LMVR_SRC_MODEL_CONFIG_H

#include "image/preprocess.h"
#include "nn/elementwise.h"

enum vision_kind { VISION_CLIP, VISION_EVA };

struct vision_config { /* a vision transformer */
    int image_size, patch_size, channels;
    int width, blocks, heads, mlp_width;
    enum activation activation;
    float layer_norm_eps;
    enum vision_kind kind;
    bool qkv_bias; /* of EVA; CLIP always has it */
};

enum connector_kind { CONNECTOR_PROJECTOR, CONNECTOR_QFORMER };

struct projector_config { /* LLaVA's two-layer MLP */
    enum activation activation;
    bool bias;
    int feature_layer; /* index into the vision encoder's N+1 hidden states, 0..N, negative ones resolved */
    bool drop_class;   /* drop the class token: true for "default" feature selection, false for "full" */
};

struct qformer_config { /* BLIP-2's Q-Former */
    int queries, width, blocks, heads, mlp_width;
    int cross_every; /* blocks 0, cross_every, 2 * cross_every, ... have cross-attention to the image */
    enum activation activation;
    float layer_norm_eps;
};

#define CONFIG_MAX_END_TOKENS 16

enum language_kind { LANGUAGE_LLAMA, LANGUAGE_T5 };

struct t5_config { /* what a T5 has besides the fields of every language model */
    int encoder_blocks;
    int buckets, max_distance; /* of relative positions */
    bool gated, scale_head;    /* scale_head: states are divided by sqrt(width) before the head */
    int start_token;           /* the decoder's first token */
};

struct language_config {
    enum language_kind kind;
    int vocabulary, width, blocks, heads, kv_heads, head_dim, mlp_width; /* blocks: the decoder's */
    int max_positions;                                                   /* 0: no limit */
    enum activation activation;
    float rms_norm_eps;
    float rope_theta, rope_factor; /* rope_factor: linear scaling; 1: none */
    bool tied, attention_bias, mlp_bias;
    int begin_token; /* of a prompt; -1: none */
    int final_token; /* of a prompt; -1: none */
    struct t5_config t5;
    int end_tokens[CONFIG_MAX_END_TOKENS], end_token_count;
};

struct model_config {
    char architecture[96]; /* architectures[0], else from model_type */
    bool has_language;     /* false: a CLIP model only */
    struct vision_config vision;
    enum connector_kind connector;
    struct projector_config projector;
    struct qformer_config qformer;
    struct language_config language;
    struct preprocess preprocess;
    const char *prompt, *template_name; /* the defaults */
    uint64_t hash;                      /* of the JSON files' bytes */
};

struct clip_text_config { /* CLIP's text tower */
    int vocabulary, width, blocks, heads, mlp_width, positions;
    enum activation activation;
    float layer_norm_eps;
    int begin_token, end_token;
};

struct qformer_text_config { /* what a Q-Former has in addition when it is trained on text */
    int vocabulary, positions;
    int projection; /* width of the joint embedding space of pictures and texts */
};

struct clip_config { /* both towers */
    struct vision_config vision;
    struct clip_text_config text;
    int projection; /* width of the joint embedding space */
    float logit_scale;
};

/* The vision encoder's hidden state, 0..N, that feeds the connector, and the default layer of features. For an encoder only,
 * LLaVA's choice: the last but one. */
int config_encoder_state(const struct model_config *config);

/* Visual tokens per image. */
int config_visual_tokens(const struct model_config *config);

/* Reads config.json, preprocessor_config.json (or processor_config.json) and generation_config.json of `folder`.
 * Everything is range-checked here (positive, bounded, divisible where necessary), so that the model code need not. */
lmvr_status model_config_read(const char *folder, struct model_config *config, lmvr_error *error);

/* Configurations of single parts, for training them: a CLIPModel, a LlamaForCausalLM, a T5ForConditionalGeneration. `path` is
 * a folder or a configuration file. */
lmvr_status config_read_clip(const char *path, struct clip_config *config, lmvr_error *error);
lmvr_status config_read_llama(const char *path, struct language_config *config, lmvr_error *error);
lmvr_status config_read_t5(const char *path, struct language_config *config, lmvr_error *error);

/* An EVA encoder, from a BLIP-2 or from a CLIP whose vision_config is an EVA; a Q-Former, from a BLIP-2. */
lmvr_status config_read_eva(const char *path, struct vision_config *config, lmvr_error *error);
lmvr_status config_read_qformer(const char *path, struct qformer_config *config, struct qformer_text_config *text,
                                lmvr_error *error);

/* *model_type is malloc'ed; NULL if there is none. */
lmvr_status config_read_model_type(const char *path, char **model_type, lmvr_error *error);

/* The folder's preprocessor_config.json or processor_config.json; if there is neither, CLIP's preprocessing for this size. */
lmvr_status config_read_preprocess(const char *folder, int image_size, struct preprocess *preprocess, lmvr_error *error);

#endif
