#include "model/config_parts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- vision and Q-Former ---------------------------------------------------------------------------------------------- */

lmvr_status config_parse_eva(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    *v = (struct vision_config){.image_size = 224,
                                .patch_size = 14,
                                .channels = 3,
                                .width = 1408,
                                .blocks = 39,
                                .heads = 16,
                                .mlp_width = 6144,
                                .activation = ACTIVATION_GELU,
                                .layer_norm_eps = 1e-6f,
                                .kind = VISION_EVA,
                                .qkv_bias = true};
    TRY(json_node_bool(node, "qkv_bias", &v->qkv_bias, error));
    return config_parse_vision(node, v, error);
}

lmvr_status config_parse_qformer(const struct json_node *root, struct qformer_config *q, lmvr_error *error)
{
    struct json_node child, *node = &child;
    TRY(json_node_object(root, "qformer_config", node, error));
    *q = (struct qformer_config){.queries = 32,
                                 .width = 768,
                                 .blocks = 12,
                                 .heads = 12,
                                 .mlp_width = 3072,
                                 .cross_every = 2,
                                 .activation = ACTIVATION_GELU,
                                 .layer_norm_eps = 1e-12f};
    const struct json_int sizes[] = {
        {"hidden_size", 1, CONFIG_MAX_WIDTH, &q->width},
        {"num_hidden_layers", 1, CONFIG_MAX_BLOCKS, &q->blocks},
        {"num_attention_heads", 1, CONFIG_MAX_WIDTH, &q->heads},
        {"intermediate_size", 1, CONFIG_MAX_WIDTH, &q->mlp_width},
        {"cross_attention_frequency", 1, CONFIG_MAX_BLOCKS, &q->cross_every},
    };
    TRY(json_node_int(root, "num_query_tokens", 1, CONFIG_MAX_BLOCKS, &q->queries, error));
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    TRY(json_node_float(node, "layer_norm_eps", 1e-30f, 1, &q->layer_norm_eps, error));
    TRY(config_parse_activation(node, "hidden_act", &q->activation, error));
    if (q->width % q->heads != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shidden_size is %d, not a multiple of num_attention_heads, %d",
                         node->file, node->path, q->width, q->heads);
    return LMVR_OK;
}

/* ---- T5 --------------------------------------------------------------------------------------------------------------- */

/* "gated-gelu" means gelu_new, unless the file has dense_act_fn, which overrides it (as in the hub's BLIP-2 models). */
static lmvr_status parse_feed_forward(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    enum { GATED = 16 };
    static const struct json_name names[] = {
        {"relu", ACTIVATION_RELU},
        {"gelu", ACTIVATION_GELU},
        {"gelu_new", ACTIVATION_GELU_TANH},
        {"silu", ACTIVATION_SILU},
        {"gated-gelu", GATED + ACTIVATION_GELU_TANH},
        {"gated-gelu_new", GATED + ACTIVATION_GELU_TANH},
        {"gated-relu", GATED + ACTIVATION_RELU},
        {"gated-silu", GATED + ACTIVATION_SILU},
    };
    int value = ACTIVATION_RELU;
    TRY(json_node_name(node, "feed_forward_proj", names, COUNT(names), &value, error));
    l->t5.gated = value >= GATED;
    l->activation = (enum activation)(value % GATED);
    TRY(json_node_bool(node, "is_gated_act", &l->t5.gated, error));
    return config_parse_activation(node, "dense_act_fn", &l->activation, error);
}

static lmvr_status parse_sizes(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    const struct json_int sizes[] = {
        {"vocab_size", 3, CONFIG_MAX_VOCABULARY, &l->vocabulary},
        {"d_model", 1, CONFIG_MAX_WIDTH, &l->width},
        {"d_kv", 1, CONFIG_MAX_WIDTH, &l->head_dim},
        {"d_ff", 1, CONFIG_MAX_WIDTH, &l->mlp_width},
        {"num_heads", 1, CONFIG_MAX_WIDTH, &l->heads},
        {"num_layers", 1, CONFIG_MAX_BLOCKS, &l->t5.encoder_blocks},
        {"relative_attention_num_buckets", 4, CONFIG_MAX_BLOCKS, &l->t5.buckets},
        {"relative_attention_max_distance", 1, CONFIG_MAX_WIDTH, &l->t5.max_distance},
    };
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    l->blocks = l->t5.encoder_blocks;
    l->kv_heads = l->heads;
    TRY(json_node_int(node, "num_decoder_layers", 1, CONFIG_MAX_BLOCKS, &l->blocks, error));
    if ((int64_t)l->heads * l->head_dim > CONFIG_MAX_WIDTH)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %snum_heads times d_kv is more than %d", node->file, node->path,
                         CONFIG_MAX_WIDTH);
    if (l->t5.max_distance <= l->t5.buckets / 2) /* half of the buckets hold one distance each */
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: %srelative_attention_max_distance is %d, expected more than half of "
                         "relative_attention_num_buckets, %d",
                         node->file, node->path, l->t5.max_distance, l->t5.buckets);
    return LMVR_OK;
}

/* T5Config scales the states before the head unless tie_word_embeddings is false; transformers 5 also saves this by name. */
static lmvr_status parse_head(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    bool tied = true;
    TRY(json_node_bool(node, "tie_word_embeddings", &tied, error));
    l->tied = tied; /* a head in the file is used in any case */
    l->t5.scale_head = tied;
    return json_node_bool(node, "scale_decoder_outputs", &l->t5.scale_head, error);
}

static lmvr_status parse_tokens(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                lmvr_error *error)
{
    const char *start = "decoder_start_token_id";
    TRY(json_node_int(node, "pad_token_id", 0, l->vocabulary - 1, &l->t5.start_token, error));
    TRY(json_node_int(json_node_get(generation, start) ? generation : node, start, 0, l->vocabulary - 1, &l->t5.start_token,
                      error));
    TRY(config_parse_end_tokens(node, generation, l, error));
    return LMVR_OK;
}

lmvr_status config_parse_t5(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                            lmvr_error *error)
{
    *l = (struct language_config){.kind = LANGUAGE_T5,
                                  .vocabulary = 32128,
                                  .width = 512,
                                  .heads = 8,
                                  .head_dim = 64,
                                  .mlp_width = 2048,
                                  .rms_norm_eps = 1e-6f,
                                  .begin_token = -1,
                                  .final_token = 1, /* what T5's tokenizer appends */
                                  .t5 = {.encoder_blocks = 6, .buckets = 32, .max_distance = 128},
                                  .end_tokens = {1}};
    TRY(parse_sizes(node, l, error));
    TRY(parse_feed_forward(node, l, error));
    TRY(json_node_float(node, "layer_norm_epsilon", 1e-30f, 1, &l->rms_norm_eps, error));
    TRY(parse_head(node, l, error));
    return parse_tokens(node, generation, l, error);
}

lmvr_status config_parse_blip2(const struct config_sources *sources, struct model_config *config, lmvr_error *error)
{
    static const struct json_name types[] = {{"t5", 0}};
    struct json_node vision, text;
    int type;
    config->connector = CONNECTOR_QFORMER;
    config->prompt = "a photo of";
    config->template_name = "none";
    TRY(json_node_object(&sources->config, "vision_config", &vision, error));
    TRY(config_parse_eva(&vision, &config->vision, error));
    TRY(config_parse_qformer(&sources->config, &config->qformer, error));
    TRY(json_node_object(&sources->config, "text_config", &text, error));
    if (!json_node_get(&text, "model_type")) /* transformers' default is OPT */
        return json_refuse(&sources->config, "text_config", "one whose model_type is t5, the only supported one", error);
    TRY(json_node_name(&text, "model_type", types, COUNT(types), &type, error));
    return config_parse_t5(&text, &sources->generation, &config->language, error);
}
