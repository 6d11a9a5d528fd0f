/* Parses the parts of a configuration, each from its own JSON object. Missing keys have transformers' defaults. */
#ifndef LMVR_SRC_MODEL_CONFIG_PARTS_H
#define LMVR_SRC_MODEL_CONFIG_PARTS_H

#include "format/json.h"
#include "model/config.h"

#define CONFIG_MAX_WIDTH      (1 << 20) /* large enough for any model; products of two fit in int64 */
#define CONFIG_MAX_IMAGE      (1 << 14) /* pixels per side; the square fits in int */
#define CONFIG_MAX_VOCABULARY (1 << 24)

/* The JSON objects that make up a configuration. */
struct config_sources {
    struct json_node config;     /* config.json */
    struct json_node tower;      /* config.json of the encoder's own folder; its object is NULL if there is none */
    struct json_node processor;  /* preprocessor_config.json, or "image_processor" in processor_config.json */
    struct json_node generation; /* generation_config.json; its object is NULL if there is none */
    const char *chat_template;   /* the folder's, in Jinja; NULL: none */
};

/* Parses everything except the hash. */
lmvr_status config_parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* The keys that vision transformers of one image size have in common. `vision` must hold the family and its defaults.
 * config_parse_vision() also checks that model_type, if there is one, is the family's. */
lmvr_status config_parse_vit(const struct json_node *node, struct vision_config *vision, lmvr_error *error);
lmvr_status config_parse_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* CLIPVisionConfig's own defaults, ViT-B/32, and LlavaConfig's for a missing vision_config, ViT-L/14 at 336. */
extern const struct vision_config config_clip_vision, config_llava_vision, config_siglip_vision;
extern const struct vision_family vision_clip, vision_eva;

/* The vision_config of a CLIPConfig, with ViT-B/32's defaults. It may also be an EVA (model_type blip_2_vision_model), for
 * pretraining BLIP-2's encoder; transformers has no class for that. */
lmvr_status config_parse_clip_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* The vision's and the text's part of a CLIPConfig. */
lmvr_status config_parse_clip_parts(const struct json_node *node, struct json_node *vision, struct json_node *text,
                                    lmvr_error *error);

/* A CLIPTextConfig, whose projection's width is not among its own keys, and whose begin and end tokens may be beyond the
 * vocabulary; a SiglipTextConfig. */
lmvr_status config_parse_clip_text(const struct json_node *node, struct text_config *text, lmvr_error *error);
lmvr_status config_parse_siglip_text(const struct json_node *node, struct text_config *text, lmvr_error *error);

/* The vision_config of a LLaVA: a CLIPVisionConfig or a SiglipVisionConfig. */
lmvr_status config_parse_tower(const struct json_node *node, struct vision_config *vision, lmvr_error *error);

/* What LLaVA and LLaVA-NeXT have in common: all but template and preprocessing. */
lmvr_status config_parse_llava(const struct config_sources *sources, struct model_config *config, lmvr_error *error);

/* LLaVA's projector, and its choice of the encoder's state. */
lmvr_status config_parse_projector(const struct json_node *node, const struct vision_config *vision,
                                   struct projector_config *projector, lmvr_error *error);

/* Finds the folder of the encoder that a configuration of LLaVA's own code names: the name as a path, or below the model's
 * folder or those around it, by its last part or as org/name, or in the Hugging Face cache. LMVR_ERROR_INVALID lists the
 * places. */
lmvr_status config_find_tower(const struct json_node *node, const char *folder, char tower[CONFIG_MAX_PATH], lmvr_error *error);

/* Makes CLIP's preprocessing LLaVA-NeXT's, with the grids that a configuration of LLaVA's own code has. */
lmvr_status config_parse_own_grids(const struct json_node *node, struct preprocess *preprocess, lmvr_error *error);

/* The text_config of a model whose language model is a decoder of the LLaMA family. */
lmvr_status config_parse_text(const struct config_sources *sources, struct language_config *language, lmvr_error *error);

/* The keys of decoders of the LLaMA family but for the biases of LlamaConfig. `language` must hold the defaults. */
lmvr_status config_parse_decoder(const struct json_node *node, const struct json_node *generation,
                                 struct language_config *language, lmvr_error *error);

/* A LlamaConfig, a MistralConfig or a Qwen2Config. */
enum decoder_kind { DECODER_LLAMA, DECODER_MISTRAL, DECODER_QWEN2 };
lmvr_status config_parse_backbone(const struct json_node *node, const struct json_node *generation, enum decoder_kind kind,
                                  struct language_config *language, lmvr_error *error);

/* A LlamaConfig. */
lmvr_status config_parse_language(const struct json_node *node, const struct json_node *generation,
                                  struct language_config *language, lmvr_error *error);

/* A T5Config. */
lmvr_status config_parse_t5(const struct json_node *node, const struct json_node *generation, struct language_config *language,
                            lmvr_error *error);

/* A Blip2VisionConfig; and the Q-Former of a Blip2Config `node`. */
lmvr_status config_parse_eva(const struct json_node *node, struct vision_config *vision, lmvr_error *error);
lmvr_status config_parse_qformer(const struct json_node *node, struct qformer_config *qformer, lmvr_error *error);

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
