#include "model/config_parts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MAX_POSITIONS (1 << 24)

/* ---- sizes ------------------------------------------------------------------------------------------------------------ */

static lmvr_status parse_heads(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    l->kv_heads = l->heads;
    l->head_dim = l->width / l->heads;
    TRY(json_node_int(node, "num_key_value_heads", 1, CONFIG_MAX_WIDTH, &l->kv_heads, error));
    TRY(json_node_int(node, "head_dim", 1, CONFIG_MAX_WIDTH, &l->head_dim, error));
    if (!json_node_get(node, "head_dim") && l->width % l->heads != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shidden_size is %d, not a multiple of num_attention_heads, %d",
                         node->file, node->path, l->width, l->heads);
    if (l->heads % l->kv_heads != 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: %snum_attention_heads is %d, not a multiple of num_key_value_heads, %d", node->file, node->path,
                         l->heads, l->kv_heads);
    if (l->head_dim % 2 != 0) /* rotary embeddings rotate pairs */
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shead_dim is %d, expected an even number", node->file, node->path,
                         l->head_dim);
    if ((int64_t)l->heads * l->head_dim > CONFIG_MAX_WIDTH)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %snum_attention_heads times head_dim is more than %d", node->file,
                         node->path, CONFIG_MAX_WIDTH);
    return LMVR_OK;
}

/* A vocabulary has at least the unknown, begin and end tokens. */
static lmvr_status parse_sizes(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    const struct json_int sizes[] = {
        {"vocab_size", 3, CONFIG_MAX_VOCABULARY, &l->vocabulary},
        {"hidden_size", 1, CONFIG_MAX_WIDTH, &l->width},
        {"intermediate_size", 1, CONFIG_MAX_WIDTH, &l->mlp_width},
        {"num_hidden_layers", 1, CONFIG_MAX_BLOCKS, &l->blocks},
        {"num_attention_heads", 1, CONFIG_MAX_WIDTH, &l->heads},
        {"max_position_embeddings", 1, MAX_POSITIONS, &l->max_positions},
    };
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    return parse_heads(node, l, error);
}

/* ---- positions -------------------------------------------------------------------------------------------------------- */

static lmvr_status check_whole_rotation(const struct json_node *node, lmvr_error *error)
{
    double part = 1;
    TRY(json_node_double(node, "partial_rotary_factor", 0, 1, &part, error));
    return part >= 1 ? LMVR_OK : json_refuse(node, "partial_rotary_factor", "1, the only supported value", error);
}

/* Keys in this object take precedence over the same keys outside, and "rope_type" over the older "type"
 * (transformers/modeling_rope_utils.py, RotaryEmbeddingConfigMixin). */
static lmvr_status parse_rope_object(const struct json_node *rope, struct language_config *l, lmvr_error *error)
{
    enum { DEFAULT, LINEAR };
    static const struct json_name types[] = {{"default", DEFAULT}, {"linear", LINEAR}};
    int type = DEFAULT;
    TRY(json_node_name(rope, json_node_get(rope, "rope_type") ? "rope_type" : "type", types, COUNT(types), &type, error));
    TRY(json_node_float(rope, "rope_theta", 1e-6f, 1e18f, &l->rope_theta, error));
    TRY(check_whole_rotation(rope, error));
    if (type == DEFAULT)
        return LMVR_OK;
    if (!json_node_get(rope, "factor"))
        return json_refuse(rope, "factor", "a number, as the type is linear", error);
    return json_node_float(rope, "factor", 1e-6f, 1e6f, &l->rope_factor, error);
}

/* An old rope_scaling, unless empty, takes precedence over a new rope_parameters. */
static lmvr_status parse_rope(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    struct json_node old, new;
    TRY(json_node_float(node, "rope_theta", 1e-6f, 1e18f, &l->rope_theta, error));
    TRY(check_whole_rotation(node, error));
    TRY(json_node_object(node, "rope_scaling", &old, error));
    TRY(json_node_object(node, "rope_parameters", &new, error));
    return parse_rope_object(json_object_size(old.object) > 0 ? &old : &new, l, error);
}

/* ---- tokens ----------------------------------------------------------------------------------------------------------- */

/* A missing eos_token_id means the default; null means none. */
lmvr_status config_parse_end_tokens(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                    lmvr_error *error)
{
    const char *key = "eos_token_id";
    const struct json_node *from = json_node_get(generation, key) ? generation : node;
    l->end_token_count = json_is_null(json_object_get(node->object, key)) ? 0 : 1;
    return json_node_ints(from, key, 0, l->vocabulary - 1, CONFIG_MAX_END_TOKENS, l->end_tokens, &l->end_token_count, error);
}

lmvr_status config_parse_language(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                  lmvr_error *error)
{
    *l = (struct language_config){.vocabulary = 32000,
                                  .width = 4096,
                                  .blocks = 32,
                                  .heads = 32,
                                  .mlp_width = 11008,
                                  .max_positions = 2048,
                                  .activation = ACTIVATION_SILU,
                                  .rms_norm_eps = 1e-6f,
                                  .rope_theta = 10000,
                                  .rope_factor = 1,
                                  .begin_token = 1,
                                  .final_token = -1,
                                  .end_tokens = {2}};
    TRY(parse_sizes(node, l, error));
    TRY(config_parse_activation(node, "hidden_act", &l->activation, error));
    TRY(json_node_float(node, "rms_norm_eps", 1e-30f, 1, &l->rms_norm_eps, error));
    TRY(parse_rope(node, l, error));
    TRY(json_node_bool(node, "tie_word_embeddings", &l->tied, error));
    TRY(json_node_bool(node, "attention_bias", &l->attention_bias, error));
    TRY(json_node_bool(node, "mlp_bias", &l->mlp_bias, error));
    TRY(json_node_int(node, "bos_token_id", 0, l->vocabulary - 1, &l->begin_token, error));
    return config_parse_end_tokens(node, generation, l, error);
}
