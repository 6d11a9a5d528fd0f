/* The parts of a configuration, each from its own object of JSON. What a file leaves out has transformers' default. */
#ifndef LMVR_SRC_MODEL_CONFIG_PARTS_H
#define LMVR_SRC_MODEL_CONFIG_PARTS_H

#include "format/json.h"
#include "model/config.h"

#define CONFIG_MAX_WIDTH      (1 << 20) /* of vectors: large enough for any model, small enough for products of two in int64 */
#define CONFIG_MAX_BLOCKS     (1 << 12)
#define CONFIG_MAX_IMAGE      (1 << 14) /* pixels a side: their square is an int */
#define CONFIG_MAX_VOCABULARY (1 << 24)

/* The objects that make a configuration. */
struct config_sources {
    struct json_node config;     /* config.json */
    struct json_node processor;  /* preprocessor_config.json, or "image_processor" in processor_config.json */
    struct json_node generation; /* generation_config.json; its object is NULL where there is none */
};

/* Everything but the hash. */
lmvr_status config_parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* A CLIPVisionConfig or, as vision->kind says, a Blip2VisionConfig. `vision` comes with the defaults. */
lmvr_status config_parse_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* The vision_config of a CLIPConfig, with ViT-B/32's defaults; or of one whose encoder is an EVA (model_type
 * blip_2_vision_model): transformers has no such class, but BLIP-2's encoder is begun so. */
lmvr_status config_parse_clip_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* A LlamaConfig. */
lmvr_status config_parse_language(const struct json_node *node, const struct json_node *generation,
                                  struct language_config *language, lmvr_error *error);

/* A T5Config. */
lmvr_status config_parse_t5(const struct json_node *node, const struct json_node *generation, struct language_config *language,
                            lmvr_error *error);

/* A Blip2VisionConfig and, `node` being a Blip2Config, its Q-Former. */
lmvr_status config_parse_eva(const struct json_node *node, struct vision_config *vision, lmvr_error *error);
lmvr_status config_parse_qformer(const struct json_node *node, struct qformer_config *qformer, lmvr_error *error);

/* A Blip2Config: encoder, Q-Former and a T5. */
lmvr_status config_parse_blip2(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* GenerationConfig's end tokens, else the text configuration's; `node`'s default is in `language`. */
lmvr_status config_parse_end_tokens(const struct json_node *node, const struct json_node *generation,
                                    struct language_config *language, lmvr_error *error);

/* An image processor whose output is image_size x image_size for every picture. `processor` is
 * what it is where it does not say: CLIP's crops, LLaVA's too but pads where it is told to, BLIP's stretches. */
enum config_processor { PROCESSOR_CLIP, PROCESSOR_LLAVA, PROCESSOR_BLIP };
lmvr_status config_parse_preprocess(const struct json_node *node, int image_size, enum config_processor processor,
                                    struct preprocess *preprocess, lmvr_error *error);

lmvr_status config_parse_activation(const struct json_node *node, const char *key, enum activation *activation,
                                    lmvr_error *error);

#endif
