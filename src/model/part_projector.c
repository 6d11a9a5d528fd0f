/* LLaVA's projector: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

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

lmvr_status config_parse_projector(const struct json_node *node, const struct vision_config *vision,
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

lmvr_status load_projector(struct loader *loader, const struct model_config *config, struct projector *projector)
{
    int64_t from = config->vision.width, to = config->language.width;
    bool bias = config->projector.bias;
    *projector = (struct projector){.activation = config->projector.activation};
    TRY(load_linear(loader, "multi_modal_projector.linear_1", to, from, bias, &projector->linear1));
    return load_linear(loader, "multi_modal_projector.linear_2", to, to, bias, &projector->linear2);
}

struct counts count_projector(const struct model_config *c)
{
    int64_t to = c->language.width;
    return (struct counts){.matrices = to * c->vision.width + to * to, .vectors = c->projector.bias ? 2 * to : 0};
}
