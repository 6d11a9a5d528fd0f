#include "model/load.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE   160
#define READ_FLOATS ((int64_t)1 << 22) /* elements of a matrix that are read at a time */
#define RANDOM_SIZE 0.02f              /* of random weights, as LLaMA's initializer_range */

/* Part of a tensor, as f32, or made up. */
static lmvr_status read_part(struct loader *l, const struct checkpoint_tensor *tensor, int64_t first, int64_t count, float *out)
{
    if (l->checkpoint)
        return checkpoint_read_part(tensor, (uint64_t)first, (uint64_t)count, out, l->error);
    for (int64_t i = 0; i < count; i++) {
        l->random = l->random * 6364136223846793005u + 1442695040888963407u;
        out[i] = (float)(int32_t)(l->random >> 32) * 0x1p-31f * RANDOM_SIZE;
    }
    return LMVR_OK;
}

static lmvr_status find(struct loader *l, const char *name, int dims, const int64_t *shape, struct checkpoint_tensor *tensor)
{
    *tensor = (struct checkpoint_tensor){0};
    return l->checkpoint ? checkpoint_find(l->checkpoint, name, dims, shape, tensor, l->error) : LMVR_OK;
}

/* A whole vector or small table, `dims` long in each direction. Where weights are random, norms are ones. */
static lmvr_status load_floats(struct loader *l, const char *name, int dims, const int64_t *shape, float **out)
{
    int64_t count = 1;
    for (int i = 0; i < dims; i++)
        count *= shape[i];
    struct checkpoint_tensor tensor;
    TRY(find(l, name, dims, shape, &tensor));
    *out = aligned_zeroed(count, sizeof(float));
    if (!*out)
        return error_no_memory(l->error, name);
    return read_part(l, &tensor, 0, count, *out);
}

static lmvr_status load_vector(struct loader *l, const char *name, int64_t size, float **out)
{
    return load_floats(l, name, 1, &size, out);
}

/* Norms of random models are ones and zeros, so that activations keep their size through any depth. */
static lmvr_status load_norm(struct loader *l, const char *prefix, int64_t size, float **weight, float **bias)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.weight", prefix);
    TRY(load_vector(l, name, size, weight));
    for (int64_t i = 0; !l->checkpoint && i < size; i++)
        (*weight)[i] = 1.0f;
    if (!bias)
        return LMVR_OK;
    snprintf(name, sizeof name, "%s.bias", prefix);
    return load_vector(l, name, size, bias);
}

/* One tensor of a linear layer that may be stacked from several. */
struct part {
    char prefix[NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
};

static lmvr_status load_rows(struct loader *l, const struct part *part, int64_t in, int dims, const int64_t *shape,
                             int64_t first_row, struct product *product)
{
    char name[NAME_SIZE + 16];
    struct checkpoint_tensor tensor;
    snprintf(name, sizeof name, "%s.weight", part->prefix);
    TRY(find(l, name, dims, shape, &tensor));
    int64_t step = READ_FLOATS / in > 0 ? READ_FLOATS / in : 1;
    step = step < part->out ? step : part->out;
    float *rows = aligned_zeroed(step * in, sizeof *rows);
    if (!rows)
        return error_no_memory(l->error, name);
    lmvr_status status = LMVR_OK;
    for (int64_t row = 0; row < part->out && status == LMVR_OK; row += step) {
        int64_t count = row + step < part->out ? step : part->out - row;
        status = read_part(l, &tensor, row * in, count * in, rows);
        if (status == LMVR_OK)
            product_set(product, first_row + row, count, rows);
    }
    free(rows);
    return status;
}

static lmvr_status load_bias(struct loader *l, const struct part *parts, int count, struct linear *linear)
{
    linear->bias = aligned_zeroed(linear->out, sizeof(float));
    if (!linear->bias)
        return error_no_memory(l->error, "a bias");
    int64_t at = 0;
    for (int i = 0; i < count; at += parts[i++].out) {
        char name[NAME_SIZE + 16];
        struct checkpoint_tensor tensor;
        snprintf(name, sizeof name, "%s.bias", parts[i].prefix);
        TRY(find(l, name, 1, &parts[i].out, &tensor));
        TRY(read_part(l, &tensor, 0, parts[i].out, linear->bias + at));
    }
    return LMVR_OK;
}

/* `count` tensors stacked to one layer. `kernel` is NULL, or the (3, patch, patch) that a convolution's weight has as its
 * inner shape. */
static lmvr_status load_stacked(struct loader *l, const struct part *parts, int count, int64_t in, const int64_t *kernel,
                                bool bias, struct linear *linear)
{
    linear->in = in;
    linear->out = 0;
    for (int i = 0; i < count; i++)
        linear->out += parts[i].out;
    TRY(product_create(linear->out, in, l->dtype, &linear->weight, l->error));
    int64_t row = 0;
    for (int i = 0; i < count; row += parts[i++].out) {
        int64_t flat[] = {parts[i].out, in};
        int64_t deep[] = {parts[i].out, kernel ? kernel[0] : 0, kernel ? kernel[1] : 0, kernel ? kernel[2] : 0};
        TRY(load_rows(l, &parts[i], in, kernel ? 4 : 2, kernel ? deep : flat, row, linear->weight));
    }
    if (bias)
        TRY(load_bias(l, parts, count, linear));
    return product_seal(linear->weight, l->error);
}

static lmvr_status load_linear(struct loader *l, const char *prefix, int64_t out, int64_t in, bool bias, struct linear *linear)
{
    struct part part = {.out = out};
    snprintf(part.prefix, sizeof part.prefix, "%s", prefix);
    return load_stacked(l, &part, 1, in, NULL, bias, linear);
}

static void set_part(struct part *part, int64_t out, const char *format, int block) __attribute__((format(printf, 3, 0)));

static void set_part(struct part *part, int64_t out, const char *format, int block)
{
    part->out = out;
    snprintf(part->prefix, sizeof part->prefix, format, block);
}

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

static lmvr_status load_embedding(struct loader *l, struct llama *llama)
{
    int64_t rows = llama->vocabulary, width = llama->width, shape[] = {rows, width};
    int64_t step = READ_FLOATS / width > 0 ? READ_FLOATS / width : 1;
    struct checkpoint_tensor tensor;
    TRY(find(l, LLAMA_EMBEDDING ".weight", 2, shape, &tensor));
    llama->embedding = aligned_zeroed(rows * width, dtype_size(l->dtype));
    float *part = aligned_zeroed(step * width, sizeof *part);
    if (!llama->embedding || !part) {
        free(part);
        return error_no_memory(l->error, "the embedding");
    }
    lmvr_status status = LMVR_OK;
    for (int64_t row = 0; row < rows && status == LMVR_OK; row += step) {
        int64_t count = (row + step < rows ? step : rows - row) * width;
        status = read_part(l, &tensor, row * width, count, part);
        for (int64_t i = 0; i < count && status == LMVR_OK; i++) {
            if (l->dtype == F32)
                ((float *)llama->embedding)[row * width + i] = part[i];
            else
                ((bf16 *)llama->embedding)[row * width + i] = bf16_from_f32(part[i]);
        }
    }
    free(part);
    return status;
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
    TRY(load_embedding(loader, llama));
    llama->blocks = calloc((size_t)config->blocks, sizeof *llama->blocks);
    if (!llama->blocks)
        return error_no_memory(loader->error, "the language model");
    for (int i = 0; i < config->blocks; i++) {
        llama->blocks[i].norm1.eps = llama->blocks[i].norm2.eps = config->rms_norm_eps;
        TRY(load_llama_block(loader, config, i, &llama->blocks[i]));
    }
    TRY(load_norm(loader, "language_model.model.norm", config->width, &llama->norm.weight, NULL));
    /* as transformers: a head that the file holds is used, tied or not */
    bool tied = config->tied && !(loader->checkpoint && checkpoint_has(loader->checkpoint, LLAMA_HEAD ".weight"));
    return load_linear(loader, tied ? LLAMA_EMBEDDING : LLAMA_HEAD, config->vocabulary, config->width, false, &llama->head);
}
