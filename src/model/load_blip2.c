#include "model/load_tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- EVA -------------------------------------------------------------------------------------------------------------- */

#define VISION    "vision_tower.vision_model."
#define EVA_BLOCK VISION "encoder.layers.%d."

static lmvr_status load_eva_block(struct loader *l, const struct vision_config *c, int index, struct clip_block *block)
{
    int64_t width = c->width;
    struct part part;
    set_part(&part, 3 * width, EVA_BLOCK "self_attn.qkv", index);
    TRY(load_linear(l, part.prefix, 3 * width, width, c->qkv_bias, &block->qkv));
    set_part(&part, width, EVA_BLOCK "self_attn.projection", index);
    TRY(load_linear(l, part.prefix, width, width, true, &block->attention_out));
    set_part(&part, width, EVA_BLOCK "mlp.fc1", index);
    TRY(load_linear(l, part.prefix, c->mlp_width, width, true, &block->fc1));
    set_part(&part, width, EVA_BLOCK "mlp.fc2", index);
    TRY(load_linear(l, part.prefix, width, c->mlp_width, true, &block->fc2));
    block->norm1.eps = block->norm2.eps = c->layer_norm_eps;
    set_part(&part, width, EVA_BLOCK "layer_norm1", index);
    TRY(load_norm(l, part.prefix, width, &block->norm1.weight, &block->norm1.bias));
    set_part(&part, width, EVA_BLOCK "layer_norm2", index);
    return load_norm(l, part.prefix, width, &block->norm2.weight, &block->norm2.bias);
}

lmvr_status load_eva(struct loader *loader, const struct vision_config *config, struct eva *eva)
{
    struct clip *vit = &eva->vit;
    *eva = (struct eva){.vit = {.image_size = config->image_size,
                                .patch_size = config->patch_size,
                                .width = config->width,
                                .heads = config->heads,
                                .mlp_width = config->mlp_width,
                                .block_count = config->blocks,
                                .activation = config->activation},
                        .post_norm.eps = config->layer_norm_eps};
    int64_t patch = config->patch_size, width = config->width, kernel[] = {3, patch, patch};
    int64_t one[] = {1, 1, width}, places[] = {1, clip_positions(vit), width};
    struct part embedding;
    set_part(&embedding, width, VISION "embeddings.patch_embedding", 0);
    TRY(load_stacked(loader, &embedding, 1, 3 * patch * patch, kernel, true, &vit->patch_embedding));
    TRY(load_floats(loader, VISION "embeddings.class_embedding", 3, one, &vit->class_embedding));
    TRY(load_floats(loader, VISION "embeddings.position_embedding", 3, places, &vit->position_embedding));
    vit->blocks = calloc((size_t)config->blocks, sizeof *vit->blocks);
    if (!vit->blocks)
        return error_no_memory(loader->error, "the encoder");
    for (int i = 0; i < config->blocks; i++)
        TRY(load_eva_block(loader, config, i, &vit->blocks[i]));
    return load_norm(loader, VISION "post_layernorm", width, &eva->post_norm.weight, &eva->post_norm.bias);
}

/* ---- Q-Former --------------------------------------------------------------------------------------------------------- */

#define QFORMER_BLOCK "qformer.encoder.layer.%d."

/* A sublayer's output projection, "PREFIX.dense", and the norm after the residual sum, "PREFIX.LayerNorm". */
static lmvr_status load_output(struct loader *l, const char *format, int index, int64_t width, int64_t in, struct linear *out,
                               struct layer_norm *norm)
{
    char name[LOAD_NAME_SIZE + 16];
    struct part part;
    set_part(&part, width, format, index);
    snprintf(name, sizeof name, "%s.dense", part.prefix);
    TRY(load_linear(l, name, width, in, true, out));
    snprintf(name, sizeof name, "%s.LayerNorm", part.prefix);
    return load_norm(l, name, width, &norm->weight, &norm->bias);
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
    return load_output(l, QFORMER_BLOCK "crossattention.output", index, width, width, &block->cross_out, &block->norm_cross);
}

static lmvr_status load_qformer_block(struct loader *l, const struct model_config *c, int index, struct qformer_block *block)
{
    int64_t width = c->qformer.width;
    struct part qkv[3], fc1;
    block->norm1.eps = block->norm_cross.eps = block->norm2.eps = c->qformer.layer_norm_eps;
    set_part(&qkv[0], width, QFORMER_BLOCK "attention.attention.query", index);
    set_part(&qkv[1], width, QFORMER_BLOCK "attention.attention.key", index);
    set_part(&qkv[2], width, QFORMER_BLOCK "attention.attention.value", index);
    TRY(load_stacked(l, qkv, 3, width, NULL, true, &block->qkv));
    TRY(load_output(l, QFORMER_BLOCK "attention.output", index, width, width, &block->attention_out, &block->norm1));
    block->crosses = index % c->qformer.cross_every == 0;
    if (block->crosses)
        TRY(load_cross_attention(l, c, index, block));
    set_part(&fc1, c->qformer.mlp_width, QFORMER_BLOCK "intermediate_query.dense", index);
    TRY(load_linear(l, fc1.prefix, c->qformer.mlp_width, width, true, &block->fc1));
    return load_output(l, QFORMER_BLOCK "output_query", index, width, c->qformer.mlp_width, &block->fc2, &block->norm2);
}

lmvr_status load_qformer(struct loader *loader, const struct model_config *config, struct qformer *qformer)
{
    const struct qformer_config *c = &config->qformer;
    *qformer = (struct qformer){.queries = c->queries,
                                .width = c->width,
                                .heads = c->heads,
                                .mlp_width = c->mlp_width,
                                .block_count = c->blocks,
                                .activation = c->activation,
                                .norm.eps = c->layer_norm_eps};
    int64_t shape[] = {1, c->queries, c->width};
    TRY(load_floats(loader, "query_tokens", 3, shape, &qformer->query_tokens));
    TRY(load_norm(loader, "qformer.layernorm", c->width, &qformer->norm.weight, &qformer->norm.bias));
    qformer->blocks = calloc((size_t)c->blocks, sizeof *qformer->blocks);
    if (!qformer->blocks)
        return error_no_memory(loader->error, "the Q-Former");
    for (int i = 0; i < c->blocks; i++)
        TRY(load_qformer_block(loader, config, i, &qformer->blocks[i]));
    return load_linear(loader, "language_projection", config->language.width, c->width, true, &qformer->projection);
}

/* ---- T5 --------------------------------------------------------------------------------------------------------------- */

#define T5      "language_model."
#define T5_HEAD T5 "lm_head"

/* Tensor names in a stack's blocks: the sublayers of a block are numbered, and the decoder has one more. */
struct t5_names {
    const char *self, *self_norm, *cross, *cross_norm, *mlp, *mlp_norm;
};

static const struct t5_names encoder_names = {.self = T5 "encoder.block.%d.layer.0.SelfAttention",
                                              .self_norm = T5 "encoder.block.%d.layer.0.layer_norm",
                                              .mlp = T5 "encoder.block.%d.layer.1.DenseReluDense",
                                              .mlp_norm = T5 "encoder.block.%d.layer.1.layer_norm"};
static const struct t5_names decoder_names = {.self = T5 "decoder.block.%d.layer.0.SelfAttention",
                                              .self_norm = T5 "decoder.block.%d.layer.0.layer_norm",
                                              .cross = T5 "decoder.block.%d.layer.1.EncDecAttention",
                                              .cross_norm = T5 "decoder.block.%d.layer.1.layer_norm",
                                              .mlp = T5 "decoder.block.%d.layer.2.DenseReluDense",
                                              .mlp_norm = T5 "decoder.block.%d.layer.2.layer_norm"};

/* Stacks the layers "PREFIX.x" for each x in `names`. */
static lmvr_status load_named(struct loader *l, const char *prefix_format, int index, int count, const char *const *names,
                              int64_t out, int64_t in, struct linear *linear)
{
    struct part prefix, parts[3];
    set_part(&prefix, 0, prefix_format, index);
    for (int i = 0; i < count; i++) {
        parts[i].out = out;
        int length = snprintf(parts[i].prefix, sizeof parts[i].prefix, "%s.%s", prefix.prefix, names[i]);
        if (length < 0 || (size_t)length >= sizeof parts[i].prefix)
            return error_no_memory(l->error, "a name");
    }
    return load_stacked(l, parts, count, in, NULL, false, linear);
}

static lmvr_status load_rms_norm(struct loader *l, const char *format, int index, const struct language_config *c,
                                 struct rms_norm *norm)
{
    struct part part;
    set_part(&part, c->width, format, index);
    norm->eps = c->rms_norm_eps;
    return load_norm(l, part.prefix, c->width, &norm->weight, NULL);
}

static lmvr_status load_t5_block(struct loader *l, const struct language_config *c, const struct t5_names *names, int index,
                                 struct t5_block *block)
{
    static const char *const qkv[] = {"q", "k", "v"}, *const o[] = {"o"}, *const wo[] = {"wo"};
    static const char *const gated[] = {"wi_0", "wi_1"}, *const plain[] = {"wi"};
    int64_t inner = (int64_t)c->heads * c->head_dim, width = c->width;
    bool two = c->t5.gated;
    TRY(load_named(l, names->self, index, 3, qkv, inner, width, &block->qkv));
    TRY(load_named(l, names->self, index, 1, o, width, inner, &block->attention_out));
    TRY(load_rms_norm(l, names->self_norm, index, c, &block->norm1));
    TRY(load_named(l, names->mlp, index, two ? 2 : 1, two ? gated : plain, c->mlp_width, width, &block->wi));
    TRY(load_named(l, names->mlp, index, 1, wo, width, c->mlp_width, &block->wo));
    TRY(load_rms_norm(l, names->mlp_norm, index, c, &block->norm2));
    if (!names->cross)
        return LMVR_OK;
    TRY(load_named(l, names->cross, index, 1, qkv, inner, width, &block->cross_q));
    TRY(load_named(l, names->cross, index, 2, qkv + 1, inner, width, &block->cross_kv));
    TRY(load_named(l, names->cross, index, 1, o, width, inner, &block->cross_out));
    return load_rms_norm(l, names->cross_norm, index, c, &block->norm_cross);
}

static lmvr_status load_stack(struct loader *l, const struct language_config *c, const struct t5_names *names, int blocks,
                              const char *norm, struct t5_stack *stack)
{
    char name[LOAD_NAME_SIZE + 32];
    struct part first;
    int64_t shape[] = {c->t5.buckets, c->heads};
    stack->blocks = calloc((size_t)blocks, sizeof *stack->blocks);
    if (!stack->blocks)
        return error_no_memory(l->error, "the language model");
    stack->block_count = blocks;
    for (int i = 0; i < blocks; i++)
        TRY(load_t5_block(l, c, names, i, &stack->blocks[i]));
    set_part(&first, 0, names->self, 0);
    snprintf(name, sizeof name, "%s.relative_attention_bias.weight", first.prefix);
    TRY(load_floats(l, name, 2, shape, &stack->relative_bias));
    stack->norm.eps = c->rms_norm_eps;
    return load_norm(l, norm, c->width, &stack->norm.weight, NULL);
}

/* The embedding that both stacks share, under the first of its names that the file has; the others are copies. */
static const char *find_embedding(const struct loader *l)
{
    static const char *const names[] = {T5 "shared.weight", T5 "encoder.embed_tokens.weight", T5 "decoder.embed_tokens.weight"};
    const char *found = names[0];
    for (size_t i = sizeof names / sizeof *names; l->checkpoint && i-- > 0;) {
        if (checkpoint_has(l->checkpoint, names[i]))
            found = names[i];
        checkpoint_mark_used(l->checkpoint, names[i]);
    }
    return found;
}

lmvr_status load_t5(struct loader *loader, const struct language_config *config, struct t5 *t5)
{
    *t5 = (struct t5){.vocabulary = config->vocabulary,
                      .width = config->width,
                      .heads = config->heads,
                      .head_dim = config->head_dim,
                      .mlp_width = config->mlp_width,
                      .buckets = config->t5.buckets,
                      .max_distance = config->t5.max_distance,
                      .gated = config->t5.gated,
                      .activation = config->activation,
                      .dtype = loader->dtype,
                      .start_token = config->t5.start_token,
                      .head_scale = config->t5.scale_head ? 1.0f / sqrtf((float)config->width) : 1.0f};
    const char *embedding = find_embedding(loader);
    TRY(load_embedding(loader, embedding, config->vocabulary, config->width, &t5->embedding));
    TRY(load_stack(loader, config, &encoder_names, config->t5.encoder_blocks, T5 "encoder.final_layer_norm", &t5->encoder));
    TRY(load_stack(loader, config, &decoder_names, config->blocks, T5 "decoder.final_layer_norm", &t5->decoder));
    char head[LOAD_NAME_SIZE];
    bool own = !loader->checkpoint || checkpoint_has(loader->checkpoint, T5_HEAD ".weight");
    snprintf(head, sizeof head, "%s", own ? T5_HEAD : embedding);
    if (!own)
        head[strlen(head) - strlen(".weight")] = 0;
    if (loader->checkpoint) /* transformers ignores it too */
        checkpoint_mark_used(loader->checkpoint, T5 "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias");
    return load_linear(loader, head, config->vocabulary, config->width, false, &t5->head);
}
