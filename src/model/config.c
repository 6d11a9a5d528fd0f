#include "model/config.h"

#include "format/hash.h"
#include "format/input.h"
#include "model/architecture.h"
#include "model/folder.h"
#include "model/gguf_config.h"
#include "model/gguf_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what is common to architectures ------------------------------------------------------------------------------------ */

/* Quantized weights are packed numbers with separate scales; config.json describes them in one of these objects. Our own are
 * read. */
static lmvr_status parse_quantization(const struct json_node *node, lmvr_dtype *stored, lmvr_error *error)
{
    static const struct json_name types[] = {{"int8", LMVR_DTYPE_INT8}, {"int4", LMVR_DTYPE_INT4}};
    struct json_node quantization;
    const char *method = NULL;
    int type = LMVR_DTYPE_DEFAULT;
    TRY(json_node_object(node, CONFIG_QUANTIZATION, &quantization, error));
    if (!quantization.object)
        return LMVR_OK;
    TRY(json_node_string(&quantization, "quant_method", &method, error));
    if (method && strcmp(method, "lmvr") == 0) {
        TRY(json_node_name(&quantization, "weights", types, COUNT(types), &type, error));
        *stored = (lmvr_dtype)type;
        return LMVR_OK;
    }
    if (!method && (json_node_get(&quantization, "load_in_4bit") || json_node_get(&quantization, "load_in_8bit")))
        method = "bitsandbytes";
    return error_set(
        error, LMVR_ERROR_INVALID,
        "%s: the weights are quantized by %.40s (%squantization_config), which is not read; give the original model, "
        "whose weights are not quantized, in its place",
        node->file, method ? method : "a method without a name", node->path);
}

/* transformers looks the image's placeholder up in the embedding, like any other token. */
static lmvr_status check_image_token(const struct json_node *node, int vocabulary, lmvr_error *error)
{
    static const char *const keys[] = {"image_token_index", "image_token_id"};
    char expected[80];
    int id = 0;
    snprintf(expected, sizeof expected, "an id inside the vocabulary of %d tokens", vocabulary);
    for (size_t i = 0; i < COUNT(keys); i++)
        if (json_node_int(node, keys[i], 0, vocabulary - 1, &id, NULL) != LMVR_OK)
            return json_refuse(node, keys[i], expected, error);
    return LMVR_OK;
}

lmvr_status config_parse_activation(const struct json_node *node, const char *key, enum activation *activation,
                                    lmvr_error *error)
{
    static const struct json_name names[] = {
        {"gelu", ACTIVATION_GELU},          {"quick_gelu", ACTIVATION_QUICK_GELU},
        {"gelu_new", ACTIVATION_GELU_TANH}, {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
        {"silu", ACTIVATION_SILU},          {"swish", ACTIVATION_SILU},
        {"relu", ACTIVATION_RELU},
    };
    int value = (int)*activation;
    TRY(json_node_name(node, key, names, COUNT(names), &value, error));
    *activation = (enum activation)value;
    return LMVR_OK;
}

lmvr_status config_parse_text(const struct config_sources *sources, struct language_config *language, lmvr_error *error)
{
    static const struct json_name types[] = {{"llama", DECODER_LLAMA}, {"mistral", DECODER_MISTRAL}, {"qwen2", DECODER_QWEN2}};
    struct json_node text;
    int type = DECODER_LLAMA;
    bool tied = false;
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    TRY(json_node_name(&text, "model_type", types, COUNT(types), &type, error));
    TRY(config_parse_backbone(&text, &sources->generation, (enum decoder_kind)type, language, error));
    /* As in LlavaConfig, either place can tie the embeddings, and neither can untie them. */
    TRY(json_node_bool(&sources->config, "tie_word_embeddings", &tied, error));
    language->tied |= tied;
    return LMVR_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

int64_t config_visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid)
{
    return config->family->visual_tokens(config, picture, grid);
}

const char *config_image_token(const struct model_config *config)
{
    return config->family->image_token;
}

bool config_expands(const struct model_config *config)
{
    return config->family->expand != NULL;
}

lmvr_status config_expand(const struct model_config *config, const struct picture *picture, char **text, lmvr_error *error)
{
    return config->family->expand(picture, text, error);
}

int config_fixed_visual_tokens(const struct model_config *config)
{
    int size = config->vision.image_size;
    struct view view = {.width = size, .height = size, .row = -1, .column = -1};
    struct picture picture = {.width = size, .height = size, .view_count = 1, .views = &view};
    if (!config->has_language || config->preprocess.way != VIEWS_FIXED)
        return 0;
    return (int)config_visual_tokens(config, &picture, NULL);
}

bool model_config_is(const struct model_config *config, const char *model_type)
{
    return strcmp(config->family->model_type, model_type) == 0;
}

/* The chat template is Jinja, of which only what tells models apart is looked for. */
static void choose_template(const char *chat_template, struct model_config *config)
{
    const struct template_choice *choice = config->family->templates;
    while (choice && choice->marker && !strstr(chat_template, choice->marker))
        choice++;
    config->template_name = choice ? choice->name : NULL;
}

lmvr_status config_parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    struct json_node text;
    const char *name = "";
    TRY(architecture_find(&sources->config, &config->family, &name, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    TRY(parse_quantization(&sources->config, &config->stored, error));
    TRY(parse_quantization(&text, &config->stored, error));
    snprintf(config->architecture, sizeof config->architecture, "%s", name);
    choose_template(sources->chat_template ? sources->chat_template : "", config);
    TRY(config->family->parse(sources, config, error));
    return config->has_language ? check_image_token(&sources->config, config->language.vocabulary, error) : LMVR_OK;
}

lmvr_status model_config_parse(const char *name, const char *config_json, const char *processor_json,
                               struct model_config *config, lmvr_error *error)
{
    json_t *roots[] = {json_loads(config_json, 0, NULL), json_loads(processor_json, 0, NULL)};
    struct config_sources sources = {
        .config = json_node_root(name, roots[0]), .processor = json_node_root(name, roots[1]), .generation = {.file = name}};
    *config = (struct model_config){.hash = HASH_START};
    lmvr_status status = roots[0] && roots[1] ? config_parse(&sources, config, error)
                                              : error_set(error, LMVR_ERROR_INVALID, "%s: is not JSON", name);
    json_decref(roots[0]);
    json_decref(roots[1]);
    return status;
}

/* The files' contents and names, which the nodes point into. */
enum { CONFIG, TOWER, PROCESSOR, PREPROCESSOR, GENERATION, CHAT_TEMPLATE, TOKENIZER_CONFIG, FILE_COUNT };

struct files {
    json_t *roots[FILE_COUNT];
    char *paths[FILE_COUNT];
    char *jinja;
};

static lmvr_status read_file(const char *folder, const char *name, int which, bool required, struct files *files,
                             uint64_t *hash, struct json_node *node, lmvr_error *error)
{
    char *path = files->paths[which] = input_path(folder, name);
    if (!path)
        return error_no_memory(error, name);
    if (required || input_exists(path))
        TRY(json_read(path, hash, &files->roots[which], error));
    *node = json_node_root(path, files->roots[which]);
    return LMVR_OK;
}

/* Whether the file has the keys of an image processor at its top level. */
static bool is_flat_processor(const struct json_node *node)
{
    static const char *const keys[] = {"image_processor_type", "feature_extractor_type", "image_mean", "crop_size", "size"};
    for (size_t i = 0; i < COUNT(keys); i++)
        if (json_node_get(node, keys[i]))
            return true;
    return false;
}

/* As in transformers, an image processor in processor_config.json takes precedence over preprocessor_config.json. A
 * processor_config.json that is itself an image processor is used only if there is no other file. */
static lmvr_status read_processor(const char *folder, bool required, struct files *files, uint64_t *hash,
                                  struct json_node *node, lmvr_error *error)
{
    struct json_node whole;
    TRY(read_file(folder, "processor_config.json", PROCESSOR, false, files, hash, &whole, error));
    TRY(json_node_object(&whole, "image_processor", node, error));
    if (node->object)
        return LMVR_OK;
    bool flat = is_flat_processor(&whole);
    TRY(read_file(folder, "preprocessor_config.json", PREPROCESSOR, required && !flat, files, hash, node, error));
    if (!node->object && flat)
        *node = whole;
    return LMVR_OK;
}

#define MOST_TEMPLATE ((size_t)1 << 20) /* bytes that are looked at */

/* The text of chat_template.jinja, malloc'ed; NULL: there is none. */
static char *read_jinja(const char *folder)
{
    char *path = input_path(folder, "chat_template.jinja"), *text = calloc(1, MOST_TEMPLATE + 1);
    FILE *file = path && text ? fopen(path, "re") : NULL;
    size_t size = file ? fread(text, 1, MOST_TEMPLATE, file) : 0;
    if (file)
        fclose(file);
    free(path);
    if (size > 0)
        return text;
    free(text);
    return NULL;
}

/* Where transformers looks for it, in its order: chat_template.jinja, chat_template.json, tokenizer_config.json. The last is
 * also a list of several by name. */
static lmvr_status read_chat_template(const char *folder, struct files *files, const char **text, lmvr_error *error)
{
    const char *const names[] = {"chat_template.json", "tokenizer_config.json"};
    *text = files->jinja = read_jinja(folder);
    for (int i = 0; i < 2 && !*text; i++) {
        struct json_node node;
        TRY(read_file(folder, names[i], CHAT_TEMPLATE + i, false, files, NULL, &node, error));
        const json_t *value = json_node_get(&node, "chat_template");
        *text = json_string_value(json_is_array(value) ? json_object_get(json_array_get(value, 0), "template") : value);
    }
    return LMVR_OK;
}

/* The configuration of an encoder that has a folder of its own. */
static lmvr_status read_tower(const char *folder, struct files *files, struct config_sources *sources,
                              struct model_config *config, lmvr_error *error)
{
    const struct architecture *family;
    const char *name;
    TRY(architecture_find(&sources->config, &family, &name, error));
    if (!family->names_tower)
        return LMVR_OK;
    TRY(config_find_tower(&sources->config, folder, config->tower, error));
    TRY(model_folder_check(config->tower, error));
    return read_file(config->tower, "config.json", TOWER, true, files, &config->hash, &sources->tower, error);
}

static lmvr_status read_all(const char *folder, struct files *files, struct model_config *config, lmvr_error *error)
{
    struct config_sources sources = {0};
    TRY(model_folder_check(folder, error));
    TRY(read_file(folder, "config.json", CONFIG, true, files, &config->hash, &sources.config, error));
    TRY(read_tower(folder, files, &sources, config, error));
    const char *processors = *config->tower ? config->tower : folder;
    TRY(read_processor(processors, true, files, &config->hash, &sources.processor, error));
    TRY(read_file(folder, "generation_config.json", GENERATION, false, files, &config->hash, &sources.generation, error));
    TRY(read_chat_template(folder, files, &sources.chat_template, error));
    TRY(config_parse(&sources, config, error));
    return config_read_embedding(folder, config, error);
}

static void close_files(const struct files *files)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        json_decref(files->roots[i]);
        free(files->paths[i]);
    }
    free(files->jinja);
}

static lmvr_status read_gguf(struct model_config *config, lmvr_error *error)
{
    struct gguf_texts texts;
    char both[2 * CONFIG_MAX_PATH + 8]; /* config.json is made of both files */
    snprintf(both, sizeof both, "%s + %s", config->gguf.language, config->gguf.vision);
    lmvr_status status = gguf_texts_read(&config->gguf, &texts, error);
    const struct config_sources sources = {.config = json_node_root(both, texts.config),
                                           .processor = json_node_root(config->gguf.vision, texts.processor),
                                           .generation = json_node_root(config->gguf.language, texts.generation),
                                           .chat_template = texts.chat_template};
    config->hash = texts.hash;
    if (status == LMVR_OK)
        status = config_parse(&sources, config, error);
    gguf_texts_finish(&texts);
    return status;
}

lmvr_status model_config_read(const char *folder, struct model_config *config, lmvr_error *error)
{
    struct files files = {0};
    *config = (struct model_config){.hash = HASH_START};
    lmvr_status status = read_all(folder, &files, config, error);
    close_files(&files);
    return status;
}

lmvr_status model_config_read_any(const char *path, const char *mmproj, struct model_config *config, lmvr_error *error)
{
    *config = (struct model_config){.hash = HASH_START};
    TRY(gguf_pair_find(path, mmproj, &config->gguf, error));
    return *config->gguf.language ? read_gguf(config, error) : model_config_read(path, config, error);
}

lmvr_status config_read_chat_template(const char *path, const struct model_config *config, char **text, lmvr_error *error)
{
    struct gguf_texts texts = {0};
    struct files files = {0};
    const char *found = NULL;
    lmvr_status status;
    if (*config->gguf.language) {
        status = gguf_texts_read(&config->gguf, &texts, error);
        found = texts.chat_template;
    } else {
        status = read_chat_template(path, &files, &found, error);
    }
    *text = status == LMVR_OK && found ? strdup(found) : NULL;
    if (found && !*text && status == LMVR_OK)
        status = error_no_memory(error, path);
    gguf_texts_finish(&texts);
    close_files(&files);
    return status;
}

lmvr_status config_read_preprocess(const char *folder, int image_size, struct preprocess *preprocess, lmvr_error *error)
{
    struct files files = {0};
    struct json_node node = {.file = folder};
    uint64_t hash = HASH_START; /* of no use here */
    lmvr_status status = LMVR_OK;
    if (input_is_folder(folder))
        status = read_processor(folder, false, &files, &hash, &node, error);
    if (status == LMVR_OK && node.object)
        status = config_parse_preprocess(&node, image_size, PROCESSOR_CLIP, preprocess, error);
    else if (status == LMVR_OK) {
        preprocess_init_clip(preprocess);
        preprocess->shortest_edge = preprocess->crop_width = preprocess->crop_height = image_size;
    }
    close_files(&files);
    return status;
}
