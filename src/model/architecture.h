/*
 * An architecture: where the parts are in its configuration, and which parts it is made of. Adding one means a file that fills
 * this struct, and a row in architecture.c.
 */
#ifndef LMVR_SRC_MODEL_ARCHITECTURE_H
#define LMVR_SRC_MODEL_ARCHITECTURE_H

#include "language/prompt.h"
#include "model/config_parts.h"
#include "model/load.h"
#include "model/model.h"

/* A template of ours (language/prompt.h), and what tells it by the chat template of the folder. */
struct template_choice {
    const char *marker; /* NULL: the last choice */
    const char *name;
};

struct architecture {
    const char *model_type;
    bool names_tower;                        /* its encoder has a folder of its own, which config_find_tower() finds */
    const struct template_choice *templates; /* NULL: the configuration's template_name is set by parse() */
    /* Fills everything but architecture, hash and tower. It may change the family to what the rest is of. */
    lmvr_status (*parse)(const struct config_sources *sources, struct model_config *config, lmvr_error *error);
    /* NULL where there is none. The connector must be freed even after a failure. */
    lmvr_status (*load_connector)(struct loader *loader, const struct model_config *config, struct connector *connector);
    struct counts (*count_connector)(const struct model_config *config);
    const char *image_token; /* as config_image_token() */
    /* As config_expand(); NULL: a picture is one span of visual tokens. */
    lmvr_status (*expand)(const struct picture *picture, char **text, lmvr_error *error);
    /* As config_visual_tokens(); NULL without a language model. */
    int64_t (*visual_tokens)(const struct model_config *config, const struct picture *picture, struct token_grid *grid);
};

extern const struct architecture architecture_llava, architecture_blip2, architecture_clip, architecture_clip_vision,
    architecture_siglip, architecture_siglip_vision, architecture_llava_next, architecture_qwen2_vl, architecture_qwen2_5_vl,
    architecture_qwen3_vl, architecture_idefics3, architecture_smolvlm, architecture_llava_own;

/* Finds the architecture that config.json names, and its name: architectures[0] or, if there is none, what model_type means.
 * LMVR_ERROR_INVALID, with a sentence that lists the supported ones. */
lmvr_status architecture_find(const struct json_node *config, const struct architecture **architecture, const char **name,
                              lmvr_error *error);

#endif
