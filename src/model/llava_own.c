/*
 * LLaVA as its own code saves it (https://github.com/haotian-liu/LLaVA, llava/model): the language model's configuration with
 * LLaVA's keys in it, and the name of a folder with the encoder. What is parsed becomes one of the architectures that
 * transformers has for the same models.
 */
#include "format/input.h"
#include "model/architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define TOWER "mm_vision_tower"

/* ---- the encoder's folder --------------------------------------------------------------------------------------------- */

/* Where the encoder may be, seen from the model's folder. */
static const struct place {
    const char *way;
    bool whole; /* the whole name follows, such as openai/clip-vit-large-patch14-336; else its last part */
} places[] = {{"/../", false}, {"/", false}, {"/../", true}, {"/../../", true}};

#define CACHE "/../../../models--" /* the Hugging Face cache's folder of a model, seen from another one's snapshot */

/* The snapshot of `name` in the cache in which the model's folder is one, too; NULL: there is none, or out of memory. */
static char *find_snapshot(const char *folder, const char *name)
{
    char commit[129] = "", *ref = NULL, *path = NULL;
    const char *slash = strchr(name, '/');
    int size = slash ? (int)(slash - name) : 0;
    if (!slash || asprintf(&ref, "%s" CACHE "%.*s--%s/refs/main", folder, size, name, slash + 1) < 0)
        return NULL;
    FILE *file = fopen(ref, "re");
    size_t length = file ? fread(commit, 1, sizeof commit - 1, file) : 0;
    if (file)
        fclose(file);
    free(ref);
    commit[strspn(commit, "0123456789abcdef")] = '\0';
    if (length == 0 || !*commit ||
        asprintf(&path, "%s" CACHE "%.*s--%s/snapshots/%s", folder, size, name, slash + 1, commit) < 0)
        return NULL;
    return path;
}

/* The path's number `i`, from 0 on, to be freed. NULL: there is none, or out of memory. */
static char *place_of(const char *folder, const char *name, size_t i)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    char *path = NULL;
    if (i == 0)
        return strdup(name);
    if (i > COUNT(places))
        return find_snapshot(folder, name);
    const struct place *place = &places[i - 1];
    return asprintf(&path, "%s%s%s", folder, place->way, place->whole ? name : last) < 0 ? NULL : path;
}

lmvr_status config_find_tower(const struct json_node *node, const char *folder, char tower[CONFIG_MAX_PATH], lmvr_error *error)
{
    const char *name = NULL;
    char looked[700] = "";
    TRY(json_node_string(node, TOWER, &name, error));
    if (!name || !*name || name[strlen(name) - 1] == '/')
        return json_refuse(node, TOWER, "the name of a CLIP's folder", error);
    for (size_t i = 0; i <= COUNT(places) + 1; i++) {
        char *path = place_of(folder, name, i);
        bool found = input_is_folder(path) && strlen(path) < CONFIG_MAX_PATH;
        size_t length = strlen(looked);
        snprintf(tower, CONFIG_MAX_PATH, "%s", found ? path : "");
        if (path)
            snprintf(looked + length, sizeof looked - length, "%s%s", i > 0 ? ", " : "", path);
        free(path);
        if (found)
            return LMVR_OK;
    }
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: " TOWER " is %.200s, the encoder, whose folder is in none of these places: %s", node->file, name,
                     looked);
}

/* ---- the configuration ------------------------------------------------------------------------------------------------ */

/* Ways of LLaVA's early models and of others' that came out of them. */
static lmvr_status refuse_others(const struct json_node *node, lmvr_error *error)
{
    static const char *const switches[] = {"mm_use_im_start_end", "s2"};
    for (size_t i = 0; i < COUNT(switches); i++) {
        bool on = false;
        TRY(json_node_bool(node, switches[i], &on, error));
        if (on)
            return json_refuse(node, switches[i], "false", error);
    }
    return json_node_get(node, "mm_resampler_type") ? json_refuse(node, "mm_resampler_type", "null", error) : LMVR_OK;
}

/* A CLIP, whole or its encoder alone. Without a folder it is LLaVA-1.5's. */
static lmvr_status parse_tower(const struct json_node *node, struct vision_config *vision, lmvr_error *error)
{
    struct json_node part = *node, text;
    if (json_node_get(node, "vision_config") || json_node_get(node, "vision_config_dict"))
        TRY(config_parse_clip_parts(node, &part, &text, error));
    *vision = part.object ? config_clip_vision : config_llava_vision;
    return config_parse_vision(&part, vision, error);
}

static lmvr_status parse_projector(const struct json_node *node, const struct vision_config *vision,
                                   struct projector_config *projector, lmvr_error *error)
{
    static const struct json_name kinds[] = {{"linear", true}, {"mlp2x_gelu", false}};
    static const struct json_name features[] = {{"patch", true}, {"cls_patch", false}};
    int linear = true, drop_class = true, layer = -2, width = vision->width;
    TRY(json_node_name(node, "mm_projector_type", kinds, COUNT(kinds), &linear, error));
    TRY(json_node_name(node, "mm_vision_select_feature", features, COUNT(features), &drop_class, error));
    TRY(json_node_int(node, "mm_vision_select_layer", -(vision->blocks + 1), vision->blocks, &layer, error));
    TRY(json_node_int(node, "mm_hidden_size", vision->width, vision->width, &width, error));
    *projector = (struct projector_config){.activation = ACTIVATION_GELU,
                                           .bias = true,
                                           .linear = linear,
                                           .feature_layers = {layer < 0 ? layer + vision->blocks + 1 : layer},
                                           .feature_layer_count = 1,
                                           .drop_class = drop_class};
    return LMVR_OK;
}

enum { ASPECT_CROP, ASPECT_PAD, ASPECT_TILES };

/* The encoder's own preprocessing, which LLaVA does something before. */
static lmvr_status parse_pictures(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    static const struct json_name aspects[] = {
        {"square", ASPECT_CROP}, {"none", ASPECT_CROP}, {"pad", ASPECT_PAD}, {"anyres", ASPECT_TILES}};
    const struct json_node *node = &sources->config;
    const char *merge = NULL;
    int aspect = ASPECT_CROP;
    TRY(json_node_name(node, "image_aspect_ratio", aspects, COUNT(aspects), &aspect, error));
    TRY(json_node_string(node, "mm_patch_merge_type", &merge, error));
    TRY(config_parse_preprocess(&sources->processor, config->vision.image_size, PROCESSOR_CLIP, &config->preprocess, error));
    config->preprocess.pad_to_square = aspect == ASPECT_PAD;
    config->family = aspect == ASPECT_TILES ? &architecture_llava_next : &architecture_llava;
    if (aspect != ASPECT_TILES)
        return LMVR_OK;
    if (!merge || strcmp(merge, "spatial_unpad") != 0)
        return json_refuse(node, "mm_patch_merge_type", "spatial_unpad, as image_aspect_ratio is anyres", error);
    return config_parse_own_grids(node, &config->preprocess, error);
}

static lmvr_status parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    const struct json_node *node = &sources->config;
    const char *model_type = "";
    TRY(json_node_string(node, "model_type", &model_type, error));
    bool mistral = strcmp(model_type, "llava_mistral") == 0;
    config->has_language = true;
    config->prompt = "Describe the image.";
    config->template_name = mistral ? "mistral" : "vicuna_v1";
    TRY(refuse_others(node, error));
    TRY(parse_tower(&sources->tower, &config->vision, error));
    TRY(parse_projector(node, &config->vision, &config->projector, error));
    config->encoder_state = config->projector.feature_layers[0];
    TRY(config_parse_backbone(node, &sources->generation, mistral ? DECODER_MISTRAL : DECODER_LLAMA, &config->language, error));
    return parse_pictures(sources, config, error);
}

const struct architecture architecture_llava_own = {.model_type = "llava_llama", .names_tower = true, .parse = parse};
