/* Parses the parts of a configuration, each from its own JSON object. Missing keys have transformers' defaults. */
#ifndef LMVR_SRC_MODEL_CONFIG_PARTS_H
#define LMVR_SRC_MODEL_CONFIG_PARTS_H

#include "format/json.h"
#include "model/config.h"

#define CONFIG_MAX_WIDTH      (1 << 20) /* large enough for any model; products of two fit in int64 */
#define CONFIG_MAX_BLOCKS     (1 << 12)
#define CONFIG_MAX_IMAGE      (1 << 14) /* pixels per side; the square fits in int */
#define CONFIG_MAX_VOCABULARY (1 << 24)

/* The JSON objects that make up a configuration. */
struct config_sources {
    struct json_node config;     /* config.json */
    struct json_node processor;  /* preprocessor_config.json, or "image_processor" in processor_config.json */
    struct json_node generation; /* generation_config.json; its object is NULL if there is none */
};

/* Parses everything except the hash. */
lmvr_status config_parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* A CLIPVisionConfig or, depending on vision->kind, a Blip2VisionConfig. `vision` must hold the defaults. */
lmvr_status config_parse_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* The vision_config of a CLIPConfig, with ViT-B/32's defaults. It may also be an EVA (model_type blip_2_vision_model), for
 * pretraining BLIP-2's encoder; transformers has no class for that. */
lmvr_status config_parse_clip_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* A LlamaConfig. */
lmvr_status config_parse_language(const struct json_node *node, const struct json_node *generation,
                                  struct language_config *language, lmvr_error *error);

/* A T5Config. */
lmvr_status config_parse_t5(const struct json_node *node, const struct json_node *generation, struct language_config *language,
                            lmvr_error *error);

/* A Blip2VisionConfig; and the Q-Former of a Blip2Config `node`. */
lmvr_status config_parse_eva(const struct json_node *node, struct vision_config *vision, lmvr_error *error);
lmvr_status config_parse_qformer(const struct json_node *node, struct qformer_config *qformer, lmvr_error *error);

/* A Blip2Config: encoder, Q-Former and a T5. */
lmvr_status config_parse_blip2(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* The end tokens of GenerationConfig, else of the text configuration `node`; `language` must hold the default. */
lmvr_status config_parse_end_tokens(const struct json_node *node, const struct json_node *generation,
                                    struct language_config *language, lmvr_error *error);

/*
 * An image processor. `processor` is its type if it names none, and whatever it names must make views in the same way: one of a
 * fixed size (CLIP's crops; LLaVA's crops too, or pads if told to; BLIP's and SigLIP's stretch), one of any size (Qwen2-VL's,
 * also of its successors), tiles (Idefics3's, also SmolVLM's) or LLaVA-NeXT's. Views of the first and last must be image_size x
 * image_size pixels, whatever the picture; 0: the encoder takes any size.
 */
enum config_processor {
    PROCESSOR_CLIP,
    PROCESSOR_LLAVA,
    PROCESSOR_BLIP,
    PROCESSOR_SIGLIP,
    PROCESSOR_QWEN2_VL,
    PROCESSOR_IDEFICS3,
    PROCESSOR_LLAVA_NEXT
};
lmvr_status config_parse_preprocess(const struct json_node *node, int image_size, enum config_processor processor,
                                    struct preprocess *preprocess, lmvr_error *error);

lmvr_status config_parse_activation(const struct json_node *node, const char *key, enum activation *activation,
                                    lmvr_error *error);

#endif
