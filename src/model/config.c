#include "model/config.h"

#include "format/hash.h"
#include "format/input.h"
#include "model/config_parts.h"
#include "model/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- which model ------------------------------------------------------------------------------------------------------ */

enum family { FAMILY_LLAVA, FAMILY_BLIP2, FAMILY_CLIP, FAMILY_CLIP_VISION };

#define MODEL_TYPES "llava, blip-2, clip or clip_vision_model"

/* If config.json names no architecture, it is that of the first row with its model_type. */
static const struct kind {
    const char *architecture, *model_type;
    enum family family; /* decides where in config.json the parts are */
} kinds[] = {
    {"LlavaForConditionalGeneration", "llava", FAMILY_LLAVA},
    {"Blip2ForConditionalGeneration", "blip-2", FAMILY_BLIP2},
    {"CLIPModel", "clip", FAMILY_CLIP},
    {"CLIPVisionModel", "clip_vision_model", FAMILY_CLIP_VISION},
    {"CLIPVisionModel", "clip", FAMILY_CLIP},
    {"CLIPVisionModelWithProjection", "clip_vision_model", FAMILY_CLIP_VISION},
    {"CLIPVisionModelWithProjection", "clip", FAMILY_CLIP},
};

/* The first of "architectures"; NULL if config.json names none. */
static lmvr_status get_architecture(const struct json_node *node, const char **architecture, lmvr_error *error)
{
    const json_t *list = json_node_get(node, "architectures"), *first = json_array_get(list, 0);
    *architecture = json_string_value(first);
    if (list && !*architecture)
        return json_refuse(node, "architectures", "a list with a name", error);
    return LMVR_OK;
}

static lmvr_status find_kind(const struct json_node *node, const struct kind **kind, lmvr_error *error)
{
    const char *architecture, *model_type = NULL;
    bool known = false;
    TRY(get_architecture(node, &architecture, error));
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (!architecture && !model_type)
        return json_refuse(node, "model_type", MODEL_TYPES, error);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        bool fits = !architecture || strcmp(architecture, kinds[i].architecture) == 0;
        known |= fits;
        if (fits && (!model_type || strcmp(model_type, kinds[i].model_type) == 0)) {
            *kind = &kinds[i];
            return LMVR_OK;
        }
    }
    if (architecture && !known)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: architecture %s is not supported; supported are LlavaForConditionalGeneration, "
                         "Blip2ForConditionalGeneration, CLIPModel, CLIPVisionModel and CLIPVisionModelWithProjection",
                         node->file, architecture);
    if (architecture)
        return error_set(error, LMVR_ERROR_INVALID, "%s: architecture %s does not match model_type %s", node->file,
                         architecture, model_type);
    return json_refuse(node, "model_type", MODEL_TYPES, error);
}

/* Quantized weights are packed numbers with separate scales; config.json describes them in one of these objects. */
static lmvr_status refuse_quantized(const struct json_node *node, lmvr_error *error)
{
    struct json_node quantization;
    const char *method = NULL;
    TRY(json_node_object(node, "quantization_config", &quantization, error));
    if (!quantization.object)
        return LMVR_OK;
    TRY(json_node_string(&quantization, "quant_method", &method, error));
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

/* ---- vision ----------------------------------------------------------------------------------------------------------- */

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

lmvr_status config_parse_vision(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    static const struct json_name types[] = {{"clip_vision_model", VISION_CLIP}, {"blip_2_vision_model", VISION_EVA}};
    const struct json_int sizes[] = {
        {"image_size", 1, CONFIG_MAX_IMAGE, &v->image_size},
        {"patch_size", 1, CONFIG_MAX_IMAGE, &v->patch_size},
        {"num_channels", 3, 3, &v->channels},
        {"hidden_size", 1, CONFIG_MAX_WIDTH, &v->width},
        {"num_hidden_layers", 1, CONFIG_MAX_BLOCKS, &v->blocks},
        {"num_attention_heads", 1, CONFIG_MAX_WIDTH, &v->heads},
        {"intermediate_size", 1, CONFIG_MAX_WIDTH, &v->mlp_width},
    };
    int type;
    TRY(json_node_name(node, "model_type", &types[v->kind], 1, &type, error));
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    TRY(json_node_float(node, "layer_norm_eps", 1e-30f, 1, &v->layer_norm_eps, error));
    TRY(config_parse_activation(node, "hidden_act", &v->activation, error));
    if (v->patch_size > v->image_size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %spatch_size is %d, more than image_size, %d", node->file, node->path,
                         v->patch_size, v->image_size);
    if (v->width % v->heads != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shidden_size is %d, not a multiple of num_attention_heads, %d",
                         node->file, node->path, v->width, v->heads);
    return LMVR_OK;
}

/* CLIPVisionConfig's own defaults, ViT-B/32. */
static const struct vision_config clip_default = {.image_size = 224,
                                                  .patch_size = 32,
                                                  .channels = 3,
                                                  .width = 768,
                                                  .blocks = 12,
                                                  .heads = 12,
                                                  .mlp_width = 3072,
                                                  .activation = ACTIVATION_QUICK_GELU,
                                                  .layer_norm_eps = 1e-5f};

lmvr_status config_parse_clip_vision(const struct json_node *node, struct vision_config *vision, lmvr_error *error)
{
    const char *model_type = NULL;
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (model_type && strcmp(model_type, "blip_2_vision_model") == 0)
        return config_parse_eva(node, vision, error);
    *vision = clip_default;
    return config_parse_vision(node, vision, error);
}

/* LlavaConfig's default for a missing vision_config, but not for missing keys in one: ViT-L/14 at 336. */
static const struct vision_config llava_default = {.image_size = 336,
                                                   .patch_size = 14,
                                                   .channels = 3,
                                                   .width = 1024,
                                                   .blocks = 24,
                                                   .heads = 16,
                                                   .mlp_width = 4096,
                                                   .activation = ACTIVATION_QUICK_GELU,
                                                   .layer_norm_eps = 1e-5f};

static lmvr_status parse_vision_of(const struct json_node *node, enum family family, struct vision_config *vision,
                                   lmvr_error *error)
{
    struct json_node child;
    *vision = clip_default;
    if (family == FAMILY_CLIP_VISION)
        return config_parse_vision(node, vision, error);
    /* In CLIPConfig an old vision_config_dict overrides all of vision_config; keys that it lacks have their defaults. */
    bool old = family == FAMILY_CLIP && json_node_get(node, "vision_config_dict");
    TRY(json_node_object(node, old ? "vision_config_dict" : "vision_config", &child, error));
    if (family == FAMILY_CLIP)
        return config_parse_clip_vision(&child, vision, error);
    if (family == FAMILY_LLAVA && !child.object)
        *vision = llava_default;
    return config_parse_vision(&child, vision, error);
}

/* ---- projector -------------------------------------------------------------------------------------------------------- */

static lmvr_status parse_feature_layer(const struct json_node *node, int blocks, int *layer, lmvr_error *error)
{
    const char *key = "vision_feature_layer";
    const json_t *value = json_node_get(node, key);
    int count = 1;
    *layer = -2;
    if (json_is_array(value) && json_array_size(value) != 1)
        return json_refuse(node, key, "one layer (the features of several side by side are not supported)", error);
    TRY(json_node_ints(node, key, -(blocks + 1), blocks, 1, layer, &count, error));
    *layer += *layer < 0 ? blocks + 1 : 0;
    return LMVR_OK;
}

static lmvr_status parse_projector(const struct json_node *node, const struct vision_config *vision,
                                   struct projector_config *projector, lmvr_error *error)
{
    static const struct json_name strategies[] = {{"default", true}, {"full", false}};
    int drop_class = true;
    *projector = (struct projector_config){.activation = ACTIVATION_GELU, .bias = true};
    TRY(config_parse_activation(node, "projector_hidden_act", &projector->activation, error));
    TRY(json_node_bool(node, "multimodal_projector_bias", &projector->bias, error));
    TRY(json_node_name(node, "vision_feature_select_strategy", strategies, COUNT(strategies), &drop_class, error));
    projector->drop_class = drop_class;
    return parse_feature_layer(node, vision->blocks, &projector->feature_layer, error);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

static lmvr_status parse_llava(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    static const struct json_name types[] = {{"llama", 0}};
    struct json_node text;
    int type;
    bool tied = false;
    config->connector = CONNECTOR_PROJECTOR;
    config->prompt = "Describe the image.";
    config->template_name = "vicuna_v1";
    TRY(parse_projector(&sources->config, &config->vision, &config->projector, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    TRY(json_node_name(&text, "model_type", types, COUNT(types), &type, error));
    TRY(config_parse_language(&text, &sources->generation, &config->language, error));
    /* As in LlavaConfig, either place can tie the embeddings, and neither can untie them. */
    TRY(json_node_bool(&sources->config, "tie_word_embeddings", &tied, error));
    config->language.tied |= tied;
    return LMVR_OK;
}

lmvr_status config_parse(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    const struct kind *kind = kinds;
    struct json_node text;
    TRY(find_kind(&sources->config, &kind, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    TRY(refuse_quantized(&sources->config, error));
    TRY(refuse_quantized(&text, error));
    snprintf(config->architecture, sizeof config->architecture, "%s", kind->architecture);
    config->has_language = kind->family == FAMILY_LLAVA || kind->family == FAMILY_BLIP2;
    enum config_processor processor = PROCESSOR_CLIP;
    if (kind->family == FAMILY_BLIP2) {
        processor = PROCESSOR_BLIP;
        TRY(config_parse_blip2(sources, config, error));
    } else {
        TRY(parse_vision_of(&sources->config, kind->family, &config->vision, error));
    }
    if (kind->family == FAMILY_LLAVA) {
        processor = PROCESSOR_LLAVA;
        TRY(parse_llava(sources, config, error));
    }
    if (config->has_language)
        TRY(check_image_token(&sources->config, config->language.vocabulary, error));
    return config_parse_preprocess(&sources->processor, config->vision.image_size, processor, &config->preprocess, error);
}

int config_encoder_state(const struct model_config *config)
{
    if (!config->has_language)
        return config->vision.blocks - 1;
    return config->connector == CONNECTOR_QFORMER ? config->vision.blocks : config->projector.feature_layer;
}

int config_visual_tokens(const struct model_config *config)
{
    int side = config->vision.image_size / config->vision.patch_size;
    if (config->connector == CONNECTOR_QFORMER)
        return config->qformer.queries;
    return side * side + (config->projector.drop_class ? 0 : 1);
}

/* The files' contents and names, which the nodes point into. */
enum { CONFIG, PROCESSOR, PREPROCESSOR, GENERATION, FILE_COUNT };

struct files {
    json_t *roots[FILE_COUNT];
    char *paths[FILE_COUNT];
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

static lmvr_status read_all(const char *folder, struct files *files, struct model_config *config, lmvr_error *error)
{
    struct config_sources sources;
    TRY(model_folder_check(folder, error));
    TRY(read_file(folder, "config.json", CONFIG, true, files, &config->hash, &sources.config, error));
    TRY(read_processor(folder, true, files, &config->hash, &sources.processor, error));
    TRY(read_file(folder, "generation_config.json", GENERATION, false, files, &config->hash, &sources.generation, error));
    return config_parse(&sources, config, error);
}

static void close_files(const struct files *files)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        json_decref(files->roots[i]);
        free(files->paths[i]);
    }
}

lmvr_status model_config_read(const char *folder, struct model_config *config, lmvr_error *error)
{
    struct files files = {0};
    *config = (struct model_config){.hash = HASH_START};
    lmvr_status status = read_all(folder, &files, config, error);
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
