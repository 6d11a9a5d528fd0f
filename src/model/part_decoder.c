/* The decoder of the LLaMA family: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MAX_POSITIONS (1 << 24)

/* ---- sizes ------------------------------------------------------------------------------------------------------------ */

static lmvr_status parse_heads(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    l->kv_heads = l->kv_heads ? l->kv_heads : l->heads;
    l->head_dim = l->head_dim ? l->head_dim : l->width / l->heads;
    TRY(json_node_int(node, "num_key_value_heads", 1, CONFIG_MAX_WIDTH, &l->kv_heads, error));
    TRY(json_node_int(node, "head_dim", 1, CONFIG_MAX_WIDTH, &l->head_dim, error));
    if (l->head_dim == l->width / l->heads && !json_node_get(node, "head_dim") && l->width % l->heads != 0)
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

/* LLaMA 3.1's scaling has all of its numbers in the file. */
static lmvr_status parse_llama3(const struct json_node *rope, struct language_config *l, lmvr_error *error)
{
    static const char *const keys[] = {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"};
    for (size_t i = 0; i < COUNT(keys); i++)
        if (!json_node_get(rope, keys[i]))
            return json_refuse(rope, keys[i], "a number, as the type is llama3", error);
    TRY(json_node_float(rope, keys[0], 1e-6f, 1e6f, &l->rope.factor, error));
    TRY(json_node_float(rope, keys[1], 1e-6f, 1e6f, &l->rope.low_factor, error));
    TRY(json_node_float(rope, keys[2], 1e-6f, 1e6f, &l->rope.high_factor, error));
    TRY(json_node_int(rope, keys[3], 1, MAX_POSITIONS, &l->rope.trained_positions, error));
    if (l->rope.high_factor <= l->rope.low_factor)
        return json_refuse(rope, keys[2], "more than low_freq_factor", error);
    return LMVR_OK;
}

/* A table as GGUF's files have it, which says all that other keys could (gguf_config.h). */
static lmvr_status parse_factors(const struct json_node *rope, struct language_config *l, lmvr_error *error)
{
    const json_t *factors = json_node_get(rope, "freq_factors");
    char expected[80];
    bool good = json_array_size(factors) == (size_t)l->head_dim / 2 && l->head_dim / 2 <= ROPE_MAX_FACTORS;
    for (size_t i = 0; good && i < json_array_size(factors); i++) {
        double factor = json_number_value(json_array_get(factors, i));
        good = factor >= 1e-6 && factor <= 1e6;
        l->rope.factors[i] = (float)factor;
    }
    l->rope.scaling = ROPE_TABLE;
    snprintf(expected, sizeof expected, "%d numbers, one for each pair of a head's dimensions", l->head_dim / 2);
    return good ? LMVR_OK : json_refuse(rope, "freq_factors", expected, error);
}

/* Keys in this object take precedence over the same keys outside, and "rope_type" over the older "type"
 * (transformers/modeling_rope_utils.py, RotaryEmbeddingConfigMixin). "mrope" is what older files of Qwen2-VL call the default
 * with sections. */
static lmvr_status parse_rope_object(const struct json_node *rope, struct language_config *l, lmvr_error *error)
{
    static const struct json_name types[] = {{"default", ROPE_UNSCALED}, {"linear", ROPE_LINEAR}, {"llama3", ROPE_LLAMA3}};
    static const struct json_name sectioned[] = {{"default", ROPE_UNSCALED}, {"mrope", ROPE_UNSCALED}};
    bool sections = l->rope.sections[0] + l->rope.sections[1] + l->rope.sections[2] > 0;
    int type = ROPE_UNSCALED;
    TRY(json_node_name(rope, json_node_get(rope, "rope_type") ? "rope_type" : "type", sections ? sectioned : types,
                       sections ? COUNT(sectioned) : COUNT(types), &type, error));
    l->rope.scaling = (enum rope_scaling)type;
    if (sections) {
        int count = 3;
        TRY(json_node_ints(rope, "mrope_section", 0, CONFIG_MAX_WIDTH, 3, l->rope.sections, &count, error));
        if (count != 3)
            return json_refuse(rope, "mrope_section", "three numbers", error);
    }
    TRY(json_node_float(rope, "rope_theta", 1e-6f, 1e18f, &l->rope.theta, error));
    TRY(check_whole_rotation(rope, error));
    if (json_node_get(rope, "freq_factors"))
        return parse_factors(rope, l, error);
    if (type == ROPE_LLAMA3)
        return parse_llama3(rope, l, error);
    if (type == ROPE_UNSCALED)
        return LMVR_OK;
    if (!json_node_get(rope, "factor"))
        return json_refuse(rope, "factor", "a number, as the type is linear", error);
    return json_node_float(rope, "factor", 1e-6f, 1e6f, &l->rope.factor, error);
}

/* An old rope_scaling, unless empty, takes precedence over a new rope_parameters. */
static lmvr_status parse_rope(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    struct json_node old, new;
    TRY(json_node_float(node, "rope_theta", 1e-6f, 1e18f, &l->rope.theta, error));
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

/* A sliding window makes a difference only beyond it. */
static lmvr_status parse_window(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    bool used = true;
    int window = l->max_positions;
    TRY(json_node_bool(node, "use_sliding_window", &used, error));
    TRY(json_node_int(node, "sliding_window", 1, MAX_POSITIONS, &window, error));
    if (used && window < l->max_positions)
        l->max_positions = window;
    return LMVR_OK;
}

static lmvr_status check_sections(const struct json_node *node, const struct language_config *l, lmvr_error *error)
{
    const int *s = l->rope.sections;
    int sum = s[0] + s[1] + s[2];
    if (sum == 0 || sum == l->head_dim / 2)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: %smrope_section has %d, %d and %d, expected half of head_dim, %d, together", node->file, node->path,
                     s[0], s[1], s[2], l->head_dim);
}

lmvr_status config_parse_decoder(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                 lmvr_error *error)
{
    TRY(parse_sizes(node, l, error));
    TRY(config_parse_activation(node, "hidden_act", &l->activation, error));
    TRY(json_node_float(node, "rms_norm_eps", 1e-30f, 1, &l->rms_norm_eps, error));
    TRY(parse_rope(node, l, error));
    TRY(check_sections(node, l, error));
    TRY(parse_window(node, l, error));
    TRY(json_node_bool(node, "tie_word_embeddings", &l->tied, error));
    TRY(json_node_int(node, "bos_token_id", 0, l->vocabulary - 1, &l->begin_token, error));
    return config_parse_end_tokens(node, generation, l, error);
}

/* transformers' defaults of each configuration; the numbers that are missing here are LlamaConfig's. */
static const struct language_config defaults[] = {
    [DECODER_LLAMA] = {.vocabulary = 32000, .mlp_width = 11008, .max_positions = 2048, .begin_token = 1, .end_tokens = {2}},
    [DECODER_MISTRAL] = {.vocabulary = 32000,
                         .kv_heads = 8,
                         .mlp_width = 14336,
                         .max_positions = 4096 * 32,
                         .begin_token = 1,
                         .end_tokens = {2}},
    [DECODER_QWEN2] = {.vocabulary = 151936,
                       .kv_heads = 32,
                       .mlp_width = 22016,
                       .max_positions = 32768,
                       .qkv_bias = true,
                       .begin_token = -1,
                       .end_tokens = {151645}}};

lmvr_status config_parse_backbone(const struct json_node *node, const struct json_node *generation, enum decoder_kind kind,
                                  struct language_config *l, lmvr_error *error)
{
    *l = defaults[kind];
    l->width = 4096;
    l->blocks = l->heads = 32;
    l->activation = ACTIVATION_SILU;
    l->rms_norm_eps = 1e-6f;
    l->rope = (struct rope_config){.theta = 10000, .factor = 1};
    l->final_token = -1;
    if (kind == DECODER_LLAMA) {
        TRY(json_node_bool(node, "attention_bias", &l->qkv_bias, error));
        TRY(json_node_bool(node, "mlp_bias", &l->mlp_bias, error));
        l->out_bias = l->qkv_bias;
    }
    return config_parse_decoder(node, generation, l, error);
}

lmvr_status config_parse_language(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                  lmvr_error *error)
{
    return config_parse_backbone(node, generation, DECODER_LLAMA, l, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

#define LLAMA_BLOCK     "language_model.model.layers.%d."
#define LLAMA_EMBEDDING "language_model.model.embed_tokens"
#define LLAMA_HEAD      "language_model.lm_head"

static lmvr_status load_llama_block(struct loader *l, const struct language_config *c, int index, struct llama_block *block)
{
    int64_t width = c->width, heads = (int64_t)c->heads * c->head_dim, kv_heads = (int64_t)c->kv_heads * c->head_dim;
    struct part qkv[3], gate_up[2], name;
    set_part(&qkv[0], heads, LLAMA_BLOCK "self_attn.q_proj", index);
    set_part(&qkv[1], kv_heads, LLAMA_BLOCK "self_attn.k_proj", index);
    set_part(&qkv[2], kv_heads, LLAMA_BLOCK "self_attn.v_proj", index);
    TRY(load_stacked(l, qkv, 3, width, NULL, c->qkv_bias, &block->qkv));
    set_part(&name, width, LLAMA_BLOCK "self_attn.o_proj", index);
    TRY(load_linear(l, name.prefix, width, heads, c->out_bias, &block->attention_out));
    set_part(&gate_up[0], c->mlp_width, LLAMA_BLOCK "mlp.gate_proj", index);
    set_part(&gate_up[1], c->mlp_width, LLAMA_BLOCK "mlp.up_proj", index);
    TRY(load_stacked(l, gate_up, 2, width, NULL, c->mlp_bias, &block->gate_up));
    set_part(&name, width, LLAMA_BLOCK "mlp.down_proj", index);
    TRY(load_linear(l, name.prefix, width, c->mlp_width, c->mlp_bias, &block->down));
    if (c->qk_norm) {
        set_part(&name, c->head_dim, LLAMA_BLOCK "self_attn.q_norm", index);
        TRY(load_norm(l, name.prefix, c->head_dim, c->rms_norm_eps, true, &block->q_norm));
        set_part(&name, c->head_dim, LLAMA_BLOCK "self_attn.k_norm", index);
        TRY(load_norm(l, name.prefix, c->head_dim, c->rms_norm_eps, true, &block->k_norm));
    }
    set_part(&name, width, LLAMA_BLOCK "input_layernorm", index);
    TRY(load_norm(l, name.prefix, width, c->rms_norm_eps, true, &block->norm1));
    set_part(&name, width, LLAMA_BLOCK "post_attention_layernorm", index);
    return load_norm(l, name.prefix, width, c->rms_norm_eps, true, &block->norm2);
}

lmvr_status load_llama(struct loader *loader, const struct language_config *config, struct llama *llama)
{
    *llama = (struct llama){.device = loader->device,
                            .vocabulary = config->vocabulary,
                            .width = config->width,
                            .heads = config->heads,
                            .kv_heads = config->kv_heads,
                            .head_dim = config->head_dim,
                            .mlp_width = config->mlp_width,
                            .block_count = config->blocks,
                            .activation = config->activation,
                            .embedding_dtype = model_word_dtype(&loader->dtypes),
                            .cache_dtype = loader->dtypes.cache};
    TRY(rope_create(&llama->rope, &config->rope, config->head_dim, loader->error));
    TRY(load_embedding(loader, LLAMA_EMBEDDING ".weight", config->vocabulary, config->width, llama->embedding_dtype,
                       &llama->embedding));
    llama->blocks = calloc((size_t)config->blocks, sizeof *llama->blocks);
    if (!llama->blocks)
        return error_no_memory(loader->error, "the language model");
    for (int i = 0; i < config->blocks; i++)
        TRY(load_llama_block(loader, config, i, &llama->blocks[i]));
    TRY(load_norm(loader, "language_model.model.norm", config->width, config->rms_norm_eps, true, &llama->norm));
    /* as in transformers, a head in the file is used even if the configuration ties it */
    bool own = !loader->checkpoint || checkpoint_has(loader->checkpoint, LLAMA_HEAD ".weight"), tied = config->tied && !own;
    if (!own && !tied && config->may_lack_head)
        return LMVR_OK;
    return load_head(loader, LLAMA_HEAD, tied ? LLAMA_EMBEDDING : NULL, config->vocabulary, config->width, &llama->head);
}

struct counts count_decoder(const struct language_config *c)
{
    int64_t width = c->width, heads = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    int64_t block = 2 * width * (heads + kv) + 3 * width * c->mlp_width;
    int64_t biases = (c->qkv_bias ? heads + 2 * kv : 0) + (c->out_bias ? width : 0) + (c->qk_norm ? 2 * c->head_dim : 0) +
                     (c->mlp_bias ? 2 * (int64_t)c->mlp_width + width : 0);
    return (struct counts){.matrices = c->blocks * block, .vectors = c->blocks * (2 * width + biases) + width};
}
