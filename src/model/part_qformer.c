/* The Q-Former: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

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

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

#define QFORMER_BLOCK "qformer.encoder.layer.%d."

/* A sublayer's output projection, "PREFIX.dense", and the norm after the residual sum, "PREFIX.LayerNorm". */
static lmvr_status load_output(struct loader *l, const char *format, int index, int64_t width, int64_t in, struct linear *out,
                               float eps, struct norm *norm)
{
    char name[LOAD_NAME_SIZE + 16];
    struct part part;
    set_part(&part, width, format, index);
    snprintf(name, sizeof name, "%s.dense", part.prefix);
    TRY(load_linear(l, name, width, in, true, out));
    snprintf(name, sizeof name, "%s.LayerNorm", part.prefix);
    return load_norm(l, name, width, eps, false, norm);
}

static lmvr_status load_cross_attention(struct loader *l, const struct model_config *c, int index, struct qformer_block *block)
{
    int64_t width = c->qformer.width;
    struct part q, kv[2];
    set_part(&q, width, QFORMER_BLOCK "crossattention.attention.query", index);
    TRY(load_linear(l, q.prefix, width, width, true, &block->cross_q));
    set_part(&kv[0], width, QFORMER_BLOCK "crossattention.attention.key", index);
    set_part(&kv[1], width, QFORMER_BLOCK "crossattention.attention.value", index);
    TRY(load_stacked(l, kv, 2, c->vision.width, NULL, true, &block->cross_kv));
    return load_output(l, QFORMER_BLOCK "crossattention.output", index, width, width, &block->cross_out,
                       c->qformer.layer_norm_eps, &block->norm_cross);
}

static lmvr_status load_qformer_block(struct loader *l, const struct model_config *c, int index, struct qformer_block *block)
{
    int64_t width = c->qformer.width;
    struct part qkv[3], fc1;
    float eps = c->qformer.layer_norm_eps;
    set_part(&qkv[0], width, QFORMER_BLOCK "attention.attention.query", index);
    set_part(&qkv[1], width, QFORMER_BLOCK "attention.attention.key", index);
    set_part(&qkv[2], width, QFORMER_BLOCK "attention.attention.value", index);
    TRY(load_stacked(l, qkv, 3, width, NULL, true, &block->qkv));
    TRY(load_output(l, QFORMER_BLOCK "attention.output", index, width, width, &block->attention_out, eps, &block->norm1));
    block->crosses = index % c->qformer.cross_every == 0;
    if (block->crosses)
        TRY(load_cross_attention(l, c, index, block));
    set_part(&fc1, c->qformer.mlp_width, QFORMER_BLOCK "intermediate_query.dense", index);
    TRY(load_linear(l, fc1.prefix, c->qformer.mlp_width, width, true, &block->fc1));
    return load_output(l, QFORMER_BLOCK "output_query", index, width, c->qformer.mlp_width, &block->fc2, eps, &block->norm2);
}

lmvr_status load_qformer(struct loader *loader, const struct model_config *config, struct qformer *qformer)
{
    const struct qformer_config *c = &config->qformer;
    *qformer = (struct qformer){.device = loader->device,
                                .queries = c->queries,
                                .width = c->width,
                                .heads = c->heads,
                                .mlp_width = c->mlp_width,
                                .block_count = c->blocks,
                                .activation = c->activation};
    int64_t shape[] = {1, c->queries, c->width};
    TRY(load_table(loader, "query_tokens", 3, shape, &qformer->query_tokens));
    TRY(load_norm(loader, "qformer.layernorm", c->width, c->layer_norm_eps, false, &qformer->norm));
    qformer->blocks = calloc((size_t)c->blocks, sizeof *qformer->blocks);
    if (!qformer->blocks)
        return error_no_memory(loader->error, "the Q-Former");
    for (int i = 0; i < c->blocks; i++)
        TRY(load_qformer_block(loader, config, i, &qformer->blocks[i]));
    return load_linear(loader, "language_projection", config->language.width, c->width, true, &qformer->projection);
}

struct counts count_qformer(const struct model_config *c)
{
    const struct qformer_config *q = &c->qformer;
    int64_t width = q->width, crossing = (q->blocks + q->cross_every - 1) / q->cross_every;
    return (struct counts){.matrices = q->blocks * (4 * width * width + 2 * width * q->mlp_width) +
                                       crossing * 2 * width * (width + c->vision.width) + width * c->language.width,
                           .vectors = (q->queries + 2) * width + q->blocks * (9 * width + q->mlp_width) + crossing * 6 * width +
                                      c->language.width};
}
