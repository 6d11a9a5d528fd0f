#include "model/architecture.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The names in config.json. If it names no architecture, it is that of the first row with its model_type. */
static const struct kind {
    const char *name, *model_type;
    const struct architecture *architecture;
} kinds[] = {
    {"LlavaForConditionalGeneration", "llava", &architecture_llava},
    {"LlavaNextForConditionalGeneration", "llava_next", &architecture_llava_next},
    {"LlavaLlamaForCausalLM", "llava_llama", &architecture_llava_own},
    {"LlavaLlamaForCausalLM", "llava", &architecture_llava_own},
    {"LlavaMistralForCausalLM", "llava_mistral", &architecture_llava_own},
    {"Blip2ForConditionalGeneration", "blip-2", &architecture_blip2},
    {"Qwen2VLForConditionalGeneration", "qwen2_vl", &architecture_qwen2_vl},
    {"GmeQwen2VL", "qwen2_vl", &architecture_qwen2_vl},
    {"Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", &architecture_qwen2_5_vl},
    {"Qwen3VLForConditionalGeneration", "qwen3_vl", &architecture_qwen3_vl},
    {"Idefics3ForConditionalGeneration", "idefics3", &architecture_idefics3},
    {"SmolVLMForConditionalGeneration", "smolvlm", &architecture_smolvlm},
    {"CLIPModel", "clip", &architecture_clip},
    {"CLIPVisionModel", "clip_vision_model", &architecture_clip_vision},
    {"CLIPVisionModel", "clip", &architecture_clip},
    {"CLIPVisionModelWithProjection", "clip_vision_model", &architecture_clip_vision},
    {"CLIPVisionModelWithProjection", "clip", &architecture_clip},
    {"SiglipModel", "siglip", &architecture_siglip},
    {"SiglipVisionModel", "siglip_vision_model", &architecture_siglip_vision},
    {"SiglipVisionModel", "siglip", &architecture_siglip},
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

/* "a, b or c": the names, or the model types, each once. */
static const char *list_kinds(bool model_types, const char *last_glue, char *text, size_t size)
{
    const char *listed[COUNT(kinds)];
    size_t count = 0, used = 0;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const char *word = model_types ? kinds[i].model_type : kinds[i].name;
        bool again = false;
        for (size_t j = 0; j < count; j++)
            again |= strcmp(listed[j], word) == 0;
        if (!again)
            listed[count++] = word;
    }
    for (size_t i = 0; i < count && used < size; i++) {
        const char *glue = i == 0 ? "" : i == count - 1 ? last_glue : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", glue, listed[i]);
    }
    return text;
}

lmvr_status architecture_find(const struct json_node *node, const struct architecture **found, const char **name,
                              lmvr_error *error)
{
    const char *architecture, *model_type = NULL;
    char list[1024];
    bool known = false;
    TRY(get_architecture(node, &architecture, error));
    TRY(json_node_string(node, "model_type", &model_type, error));
    if (!architecture && !model_type)
        return json_refuse(node, "model_type", list_kinds(true, " or ", list, sizeof list), error);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        bool fits = !architecture || strcmp(architecture, kinds[i].name) == 0;
        known |= fits;
        if (fits && (!model_type || strcmp(model_type, kinds[i].model_type) == 0)) {
            *found = kinds[i].architecture;
            *name = kinds[i].name;
            return LMVR_OK;
        }
    }
    if (architecture && !known)
        return error_set(error, LMVR_ERROR_INVALID, "%s: architecture %s is not supported; supported are %s", node->file,
                         architecture, list_kinds(false, " and ", list, sizeof list));
    if (architecture)
        return error_set(error, LMVR_ERROR_INVALID, "%s: architecture %s does not match model_type %s", node->file,
                         architecture, model_type);
    return json_refuse(node, "model_type", list_kinds(true, " or ", list, sizeof list), error);
}
