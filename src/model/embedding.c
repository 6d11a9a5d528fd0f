/* Embedding models: folders with sentence-transformers' files, and kinds whose own code does more than these files say. */
#include "format/input.h"
#include "model/architecture.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- sentence-transformers' files --------------------------------------------------------------------------------------- */

/* The ways of its Pooling module, and the feature that is the same; NULL: none is. */
static const struct pooling {
    const char *key, *feature;
} poolings[] = {{"pooling_mode_lasttoken", "llm:end:last:-1"}, {"pooling_mode_mean_tokens", "llm:all:mean:-1"},
                {"pooling_mode_max_tokens", "llm:all:max:-1"}, {"pooling_mode_cls_token", NULL},
                {"pooling_mode_mean_sqrt_len_tokens", NULL},   {"pooling_mode_weightedmean_tokens", NULL}};

static lmvr_status parse_pooling(const struct json_node *node, const char **feature, lmvr_error *error)
{
    *feature = NULL;
    for (size_t i = 0; i < COUNT(poolings); i++) {
        bool chosen = false;
        TRY(json_node_bool(node, poolings[i].key, &chosen, error));
        if (!chosen)
            continue;
        if (*feature || !poolings[i].feature)
            return json_refuse(node, poolings[i].key,
                               "false: the last token, the mean or the maximum of all, and one of them, is supported", error);
        *feature = poolings[i].feature;
    }
    return *feature ? LMVR_OK : json_refuse(node, poolings[0].key, "true, as no other way of pooling is chosen", error);
}

/* "FOLDER/PATH/NAME", to be freed; NULL: out of memory. */
static char *path_of(const char *folder, const char *path, const char *name)
{
    char *below = input_path(folder, path), *file = below ? input_path(below, name) : NULL;
    free(below);
    return file;
}

static lmvr_status read_pooling(const char *folder, const char *path, const char **feature, lmvr_error *error)
{
    json_t *root = NULL;
    char *file = path_of(folder, path, "config.json");
    if (!file)
        return error_no_memory(error, folder);
    lmvr_status status = json_read(file, NULL, &root, error);
    if (status == LMVR_OK) {
        struct json_node node = json_node_root(file, root);
        status = parse_pooling(&node, feature, error);
    }
    json_decref(root);
    free(file);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* A module's path may only name a folder in the model's. */
static bool is_plain(const char *path)
{
    return path[0] != '/' && !strstr(path, "..");
}

/* The modules: the model itself, a Pooling, perhaps a Normalize; others would change the vector in ways that are not known. */
static lmvr_status parse_module(const char *folder, const char *file, const json_t *module, size_t index,
                                struct embedding_config *e, lmvr_error *error)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *path = json_string_value(json_object_get(module, "path"));
    if (!type || !path || !is_plain(path))
        return error_set(error, LMVR_ERROR_INVALID, "%s: module %zu has no type and path", file, index);
    if (index == 0)
        return LMVR_OK;
    if (ends_with(type, ".Pooling"))
        return read_pooling(folder, path, &e->feature, error);
    if (!ends_with(type, ".Normalize"))
        return error_set(error, LMVR_ERROR_INVALID, "%s: module %zu is a %.60s, expected a Pooling or a Normalize", file, index,
                         type);
    e->normalize = true;
    return LMVR_OK;
}

static lmvr_status parse_modules(const char *folder, const char *file, json_t *modules, struct embedding_config *e,
                                 lmvr_error *error)
{
    size_t index;
    json_t *module;
    json_array_foreach(modules, index, module) TRY(parse_module(folder, file, module, index, e, error));
    return e->feature ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: has no Pooling module", file);
}

static lmvr_status read_modules(const char *folder, struct embedding_config *e, lmvr_error *error)
{
    json_t *modules = NULL;
    char *file = input_path(folder, "modules.json");
    if (!file)
        return error_no_memory(error, folder);
    lmvr_status status = LMVR_OK;
    if (input_exists(file)) {
        status = json_read_list(file, &modules, error);
        if (status == LMVR_OK)
            status = parse_modules(folder, file, modules, e, error);
    }
    json_decref(modules);
    free(file);
    return status;
}

/* ---- kinds that are known ----------------------------------------------------------------------------------------------- */

/* Qwen3VLEmbedder in src/models/qwen3_vl_embedding.py of QwenLM/Qwen3-VL-Embedding. */
static void choose_qwen3_vl(struct model_config *config)
{
    config->system = "Represent the user's input.";
    config->preprocess.min_pixels = 4 * 32 * 32;
    config->preprocess.max_pixels = 1800 * 32 * 32;
    config->preprocess.whole_steps = true;
    config->embedding.punctuate = config->embedding.normalize = true;
    config->embedding.most_tokens = 8192;
}

/* The keys of GmeQwen2VLConfig. */
static lmvr_status parse_gme(const struct json_node *node, struct model_config *config, lmvr_error *error)
{
    int least = 256, most = 1280;
    TRY(json_node_int(node, "min_image_tokens", 1, 1 << 16, &least, error));
    TRY(json_node_int(node, "max_image_tokens", least, 1 << 16, &most, error));
    TRY(json_node_int(node, "max_length", 1, 1 << 24, &config->embedding.most_tokens, error));
    config->preprocess.min_pixels = least * 28 * 28;
    config->preprocess.max_pixels = most * 28 * 28;
    return LMVR_OK;
}

/* GmeQwen2VL in modeling_gme_qwen2vl.py of Alibaba-NLP/gme-Qwen2-VL-2B-Instruct: its pictures are resized twice, and their
 * visual tokens have positions like text's. */
static lmvr_status choose_gme(const char *folder, struct model_config *config, lmvr_error *error)
{
    json_t *root = NULL;
    char *file = input_path(folder, "config.json");
    if (!file)
        return error_no_memory(error, folder);
    config->template_name = "gme";
    memset(config->language.rope.sections, 0, sizeof config->language.rope.sections);
    config->embedding.normalize = true;
    config->embedding.most_tokens = 1800;
    config->preprocess.first_min_pixels = 4 * 28 * 28;
    config->preprocess.first_max_pixels = 16384 * 28 * 28;
    lmvr_status status = json_read(file, NULL, &root, error);
    if (status == LMVR_OK) {
        struct json_node node = json_node_root(file, root);
        status = parse_gme(&node, config, error);
    }
    json_decref(root);
    free(file);
    return status;
}

lmvr_status config_read_embedding(const char *folder, struct model_config *config, lmvr_error *error)
{
    struct embedding_config *e = &config->embedding;
    bool gme = strcmp(config->architecture, "GmeQwen2VL") == 0;
    if (!config->has_language)
        return LMVR_OK;
    TRY(read_modules(folder, e, error));
    if (gme && !e->feature)
        e->feature = poolings[0].feature;
    if (!e->feature)
        return LMVR_OK;
    config->prompt = "";
    config->language.may_lack_head = true;
    if (model_config_is(config, "qwen3_vl"))
        choose_qwen3_vl(config);
    return model_config_is(config, "qwen2_vl") ? choose_gme(folder, config, error) : LMVR_OK;
}
