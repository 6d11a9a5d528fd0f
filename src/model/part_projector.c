/* LLaVA's projector: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static lmvr_status parse_feature_layers(const struct json_node *node, int blocks, struct projector_config *projector,
                                        lmvr_error *error)
{
    const char *key = "vision_feature_layer";
    projector->feature_layers[0] = -2;
    projector->feature_layer_count = 1;
    TRY(json_node_ints(node, key, -(blocks + 1), blocks, CONFIG_MAX_LEVELS, projector->feature_layers,
                       &projector->feature_layer_count, error));
    if (projector->feature_layer_count == 0)
        return json_refuse(node, key, "at least one layer", error);
    for (int i = 0; i < projector->feature_layer_count; i++)
        projector->feature_layers[i] += projector->feature_layers[i] < 0 ? blocks + 1 : 0;
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
    if (drop_class && !vision->family->class_token) /* transformers would drop a patch */
        return json_refuse(node, "vision_feature_select_strategy", "full, as the encoder has no class token", error);
    projector->drop_class = drop_class;
    return parse_feature_layers(node, vision->blocks, projector, error);
}

lmvr_status load_projector(struct loader *loader, const struct model_config *config, struct projector *projector)
{
    int64_t from = (int64_t)config->projector.feature_layer_count * config->vision.width, to = config->language.width;
    bool bias = config->projector.bias;
    *projector = (struct projector){.activation = config->projector.activation};
    TRY(load_linear(loader, "multi_modal_projector.linear_1", to, from, bias, &projector->linear1));
    if (config->projector.linear)
        return LMVR_OK;
    return load_linear(loader, "multi_modal_projector.linear_2", to, to, bias, &projector->linear2);
}

struct counts count_projector(const struct model_config *c)
{
    int64_t from = (int64_t)c->projector.feature_layer_count * c->vision.width, to = c->language.width;
    int layers = c->projector.linear ? 1 : 2;
    return (struct counts){.matrices = to * from + (layers - 1) * to * to, .vectors = c->projector.bias ? layers * to : 0};
}
