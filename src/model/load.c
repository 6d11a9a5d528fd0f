#include "model/load_tensor.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- CLIP ------------------------------------------------------------------------------------------------------------- */

#define CLIP_BLOCK "vision_tower.vision_model.encoder.layers.%d."

static lmvr_status load_clip_block(struct loader *l, const struct clip *clip, int index, struct clip_block *block)
{
    int64_t width = clip->width;
    struct part qkv[3], name;
    set_part(&qkv[0], width, CLIP_BLOCK "self_attn.q_proj", index);
    set_part(&qkv[1], width, CLIP_BLOCK "self_attn.k_proj", index);
    set_part(&qkv[2], width, CLIP_BLOCK "self_attn.v_proj", index);
    TRY(load_stacked(l, qkv, 3, width, NULL, true, &block->qkv));
    set_part(&name, width, CLIP_BLOCK "self_attn.out_proj", index);
    TRY(load_linear(l, name.prefix, width, width, true, &block->attention_out));
    set_part(&name, width, CLIP_BLOCK "mlp.fc1", index);
    TRY(load_linear(l, name.prefix, clip->mlp_width, width, true, &block->fc1));
    set_part(&name, width, CLIP_BLOCK "mlp.fc2", index);
    TRY(load_linear(l, name.prefix, width, clip->mlp_width, true, &block->fc2));
    set_part(&name, width, CLIP_BLOCK "layer_norm1", index);
    TRY(load_norm(l, name.prefix, width, &block->norm1.weight, &block->norm1.bias));
    set_part(&name, width, CLIP_BLOCK "layer_norm2", index);
    return load_norm(l, name.prefix, width, &block->norm2.weight, &block->norm2.bias);
}

lmvr_status load_clip(struct loader *loader, const struct vision_config *config, struct clip *clip)
{
    *clip = (struct clip){.image_size = config->image_size,
                          .patch_size = config->patch_size,
                          .width = config->width,
                          .heads = config->heads,
                          .mlp_width = config->mlp_width,
                          .block_count = config->blocks,
                          .activation = config->activation,
                          .pre_norm.eps = config->layer_norm_eps};
    int64_t patch = config->patch_size, width = config->width, kernel[] = {3, patch, patch};
    int64_t places[] = {clip_positions(clip), width};
    struct part embedding;
    set_part(&embedding, width, "vision_tower.vision_model.embeddings.patch_embedding", 0);
    TRY(load_stacked(loader, &embedding, 1, 3 * patch * patch, kernel, false, &clip->patch_embedding));
    TRY(load_vector(loader, "vision_tower.vision_model.embeddings.class_embedding", width, &clip->class_embedding));
    TRY(load_floats(loader, "vision_tower.vision_model.embeddings.position_embedding.weight", 2, places,
                    &clip->position_embedding));
    TRY(load_norm(loader, "vision_tower.vision_model.pre_layrnorm", width, &clip->pre_norm.weight, &clip->pre_norm.bias));
    clip->blocks = calloc((size_t)config->blocks, sizeof *clip->blocks);
    if (!clip->blocks)
        return error_no_memory(loader->error, "the encoder");
    for (int i = 0; i < config->blocks; i++) {
        clip->blocks[i].norm1.eps = clip->blocks[i].norm2.eps = config->layer_norm_eps;
        TRY(load_clip_block(loader, clip, i, &clip->blocks[i]));
    }
    return LMVR_OK;
}

/* ---- projector -------------------------------------------------------------------------------------------------------- */

lmvr_status load_projector(struct loader *loader, const struct model_config *config, struct projector *projector)
{
    int64_t from = config->vision.width, to = config->language.width;
    bool bias = config->projector.bias;
    *projector = (struct projector){.activation = config->projector.activation};
    TRY(load_linear(loader, "multi_modal_projector.linear_1", to, from, bias, &projector->linear1));
    return load_linear(loader, "multi_modal_projector.linear_2", to, to, bias, &projector->linear2);
}

/* ---- LLaMA ------------------------------------------------------------------------------------------------------------ */

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
    TRY(load_stacked(l, qkv, 3, width, NULL, c->attention_bias, &block->qkv));
    set_part(&name, width, LLAMA_BLOCK "self_attn.o_proj", index);
    TRY(load_linear(l, name.prefix, width, heads, c->attention_bias, &block->attention_out));
    set_part(&gate_up[0], c->mlp_width, LLAMA_BLOCK "mlp.gate_proj", index);
    set_part(&gate_up[1], c->mlp_width, LLAMA_BLOCK "mlp.up_proj", index);
    TRY(load_stacked(l, gate_up, 2, width, NULL, c->mlp_bias, &block->gate_up));
    set_part(&name, width, LLAMA_BLOCK "mlp.down_proj", index);
    TRY(load_linear(l, name.prefix, width, c->mlp_width, c->mlp_bias, &block->down));
    set_part(&name, width, LLAMA_BLOCK "input_layernorm", index);
    TRY(load_norm(l, name.prefix, width, &block->norm1.weight, NULL));
    set_part(&name, width, LLAMA_BLOCK "post_attention_layernorm", index);
    return load_norm(l, name.prefix, width, &block->norm2.weight, NULL);
}

lmvr_status load_llama(struct loader *loader, const struct language_config *config, struct llama *llama)
{
    *llama = (struct llama){.vocabulary = config->vocabulary,
                            .width = config->width,
                            .heads = config->heads,
                            .kv_heads = config->kv_heads,
                            .head_dim = config->head_dim,
                            .mlp_width = config->mlp_width,
                            .block_count = config->blocks,
                            .activation = config->activation,
                            .rope_theta = config->rope_theta,
                            .rope_factor = config->rope_factor,
                            .dtype = loader->dtype,
                            .norm.eps = config->rms_norm_eps};
    TRY(load_embedding(loader, LLAMA_EMBEDDING ".weight", config->vocabulary, config->width, &llama->embedding));
    llama->blocks = calloc((size_t)config->blocks, sizeof *llama->blocks);
    if (!llama->blocks)
        return error_no_memory(loader->error, "the language model");
    for (int i = 0; i < config->blocks; i++) {
        llama->blocks[i].norm1.eps = llama->blocks[i].norm2.eps = config->rms_norm_eps;
        TRY(load_llama_block(loader, config, i, &llama->blocks[i]));
    }
    TRY(load_norm(loader, "language_model.model.norm", config->width, &llama->norm.weight, NULL));
    /* as in transformers, a head in the file is used even if the configuration ties it */
    bool tied = config->tied && !(loader->checkpoint && checkpoint_has(loader->checkpoint, LLAMA_HEAD ".weight"));
    return load_linear(loader, tied ? LLAMA_EMBEDDING : LLAMA_HEAD, config->vocabulary, config->width, false, &llama->head);
}
