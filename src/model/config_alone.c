/* Configurations of parts that are trained alone, or that a new model starts from. */
#include "format/input.h"
#include "model/config_parts.h"
#include "model/folder.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- files ------------------------------------------------------------------------------------------------------------ */

/* The file's path, malloc'ed: `path` itself, or, if it is a folder, NAME in it. */
static char *file_of(const char *path, const char *name)
{
    return input_is_folder(path) ? input_path(path, name) : strdup(path);
}

/* Reads the file and parses its root; if `optional`, a missing file has an empty root. */
static lmvr_status with_file(const char *path, const char *name, bool optional,
                             lmvr_status (*parse)(const struct json_node *node, void *out, lmvr_error *error), void *out,
                             lmvr_error *error)
{
    json_t *root = NULL;
    if (!optional && input_is_folder(path))
        TRY(model_folder_check(path, error));
    char *file = file_of(path, name);
    if (!file)
        return error_no_memory(error, name);
    lmvr_status status = optional && !input_exists(file) ? LMVR_OK : json_read(file, NULL, &root, error);
    if (status == LMVR_OK) {
        struct json_node node = json_node_root(file, root);
        status = parse(&node, out, error);
    }
    json_decref(root);
    free(file);
    return status;
}

/* ---- CLIP ------------------------------------------------------------------------------------------------------------- */

static lmvr_status parse_clip(const struct json_node *node, void *out, lmvr_error *error)
{
    struct clip_config *config = out;
    struct json_node vision, text;
    const char *model_type = NULL;
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (!model_type || strcmp(model_type, "clip") != 0)
        return json_refuse(node, "model_type", "clip", error);
    TRY(config_parse_clip_parts(node, &vision, &text, error));
    config->projection = 512;
    config->logit_scale = 2.6592f;
    TRY(config_parse_clip_vision(&vision, &config->vision, error));
    TRY(config_parse_clip_text(&text, &config->text, error));
    if (config->text.begin_token >= config->text.vocabulary || config->text.end_token >= config->text.vocabulary)
        return json_refuse(&text, "eos_token_id", "ids below vocab_size for bos_token_id and eos_token_id", error);
    TRY(json_node_int(node, "projection_dim", 1, CONFIG_MAX_WIDTH, &config->projection, error));
    return json_node_float(node, "logit_scale_init_value", -100, 100, &config->logit_scale, error);
}

lmvr_status config_read_clip(const char *path, struct clip_config *config, lmvr_error *error)
{
    *config = (struct clip_config){0};
    return with_file(path, "config.json", false, parse_clip, config, error);
}

/* ---- LLaMA ------------------------------------------------------------------------------------------------------------ */

static lmvr_status parse_llama(const struct json_node *node, void *out, lmvr_error *error)
{
    const char *model_type = NULL;
    struct json_node none = {.file = node->file};
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (!model_type || strcmp(model_type, "llama") != 0)
        return json_refuse(node, "model_type", "llama", error);
    return config_parse_language(node, &none, out, error);
}

lmvr_status config_read_llama(const char *path, struct language_config *config, lmvr_error *error)
{
    *config = (struct language_config){0};
    return with_file(path, "config.json", false, parse_llama, config, error);
}

/* ---- T5 --------------------------------------------------------------------------------------------------------------- */

static lmvr_status parse_t5(const struct json_node *node, void *out, lmvr_error *error)
{
    const char *model_type = NULL;
    struct json_node none = {.file = node->file};
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (!model_type || strcmp(model_type, "t5") != 0)
        return json_refuse(node, "model_type", "t5", error);
    return config_parse_t5(node, &none, out, error);
}

lmvr_status config_read_t5(const char *path, struct language_config *config, lmvr_error *error)
{
    *config = (struct language_config){0};
    return with_file(path, "config.json", false, parse_t5, config, error);
}

/* ---- parts of BLIP-2 -------------------------------------------------------------------------------------------------- */

static lmvr_status parse_eva(const struct json_node *node, void *out, lmvr_error *error)
{
    static const struct json_name types[] = {{"blip-2", 0}, {"clip", 0}}, eva[] = {{"blip_2_vision_model", 0}};
    struct json_node vision;
    int type = 0;
    TRY(json_node_name(node, "model_type", types, COUNT(types), &type, error));
    TRY(json_node_object(node, "vision_config", &vision, error));
    TRY(json_node_name(&vision, "model_type", eva, COUNT(eva), &type, error));
    return config_parse_eva(&vision, out, error);
}

lmvr_status config_read_eva(const char *path, struct vision_config *config, lmvr_error *error)
{
    return with_file(path, "config.json", false, parse_eva, config, error);
}

struct qformer_parts {
    struct qformer_config *config;
    struct qformer_text_config *text;
};

static lmvr_status parse_qformer(const struct json_node *node, void *out, lmvr_error *error)
{
    static const struct json_name types[] = {{"blip-2", 0}};
    const struct qformer_parts *parts = out;
    struct json_node qformer;
    int type = 0;
    TRY(json_node_name(node, "model_type", types, COUNT(types), &type, error));
    TRY(config_parse_qformer(node, parts->config, error));
    *parts->text = (struct qformer_text_config){.vocabulary = 30522, .positions = 512, .projection = 256};
    TRY(json_node_object(node, "qformer_config", &qformer, error));
    TRY(json_node_int(&qformer, "vocab_size", 3, CONFIG_MAX_VOCABULARY, &parts->text->vocabulary, error));
    TRY(json_node_int(&qformer, "max_position_embeddings", 3, CONFIG_MAX_WIDTH, &parts->text->positions, error));
    return json_node_int(node, "image_text_hidden_size", 1, CONFIG_MAX_WIDTH, &parts->text->projection, error);
}

lmvr_status config_read_qformer(const char *path, struct qformer_config *config, struct qformer_text_config *text,
                                lmvr_error *error)
{
    struct qformer_parts parts = {config, text};
    return with_file(path, "config.json", false, parse_qformer, &parts, error);
}

/* ---- which -------------------------------------------------------------------------------------------------------------- */

static lmvr_status parse_model_type(const struct json_node *node, void *out, lmvr_error *error)
{
    char **model_type = out;
    const char *found = NULL;
    TRY(json_node_string(node, "model_type", &found, error));
    *model_type = found ? strdup(found) : NULL;
    return found && !*model_type ? error_no_memory(error, node->file) : LMVR_OK;
}

lmvr_status config_read_model_type(const char *path, char **model_type, lmvr_error *error)
{
    *model_type = NULL;
    return with_file(path, "config.json", false, parse_model_type, model_type, error);
}
