/* Vision transformers: their configuration, their weights by the names of their family, their parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

lmvr_status config_parse_vit(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    const struct json_int sizes[] = {
        {"image_size", 1, CONFIG_MAX_IMAGE, &v->image_size},
        {"patch_size", 1, CONFIG_MAX_IMAGE, &v->patch_size},
        {"num_channels", 3, 3, &v->channels},
        {"hidden_size", 1, CONFIG_MAX_WIDTH, &v->width},
        {"num_hidden_layers", 1, CONFIG_MAX_BLOCKS, &v->blocks},
        {"num_attention_heads", 1, CONFIG_MAX_WIDTH, &v->heads},
        {"intermediate_size", 1, CONFIG_MAX_WIDTH, &v->mlp_width},
    };
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    TRY(json_node_float(node, "layer_norm_eps", 1e-30f, 1, &v->layer_norm_eps, error));
    TRY(config_parse_activation(node, "hidden_act", &v->activation, error));
    if (v->patch_size > v->image_size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %spatch_size is %d, more than image_size, %d", node->file, node->path,
                         v->patch_size, v->image_size);
    v->position_side = v->image_size / v->patch_size;
    if (v->width % v->heads != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shidden_size is %d, not a multiple of num_attention_heads, %d",
                         node->file, node->path, v->width, v->heads);
    return LMVR_OK;
}

lmvr_status config_parse_vision(const struct json_node *node, struct vision_config *v, lmvr_error *error)
{
    const struct json_name family[] = {{v->family->model_type, 0}};
    int type;
    TRY(json_node_name(node, "model_type", family, 1, &type, error));
    return config_parse_vit(node, v, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

/* Writes the name of a layer of block `index` to a part. */
static void name_layer(struct part *part, int64_t out, const struct vision_family *family, int index, const char *layer)
{
    char block[LOAD_NAME_SIZE / 2];
    snprintf(block, sizeof block, family->block, index);
    part->out = out;
    snprintf(part->prefix, sizeof part->prefix, "%s%s", block, layer);
}

/* Stacks the layers `names`, up to the first NULL. */
static lmvr_status load_layers(struct loader *l, const struct vision_family *family, int index, const char *const *names,
                               int most, int64_t out, int64_t in, bool bias, struct linear *linear)
{
    struct part parts[3];
    int count = 0;
    while (count < most && names[count])
        count++;
    for (int i = 0; i < count; i++)
        name_layer(&parts[i], out / count, family, index, names[i]);
    return load_stacked(l, parts, count, in, NULL, bias, linear);
}

static lmvr_status load_block_norm(struct loader *l, const struct vision_config *c, int index, const char *name,
                                   struct norm *norm)
{
    struct part part;
    name_layer(&part, c->width, c->family, index, name);
    return load_vision_norm(l, part.prefix, c->width, c->layer_norm_eps, c->family->rms, norm);
}

static lmvr_status load_block(struct loader *l, const struct vision_config *c, int index, struct vit_block *block)
{
    const struct vision_family *f = c->family;
    int64_t width = c->width, mlp = c->mlp_width;
    TRY(load_layers(l, f, index, f->qkv, 3, 3 * width, width, c->qkv_bias, &block->qkv));
    TRY(load_layers(l, f, index, &f->attention_out, 1, width, width, true, &block->attention_out));
    TRY(load_layers(l, f, index, f->mlp, 2, (f->mlp[1] ? 2 : 1) * mlp, width, true, &block->fc1));
    TRY(load_layers(l, f, index, &f->mlp_out, 1, width, mlp, true, &block->fc2));
    TRY(load_block_norm(l, c, index, f->norm1, &block->norm1));
    return load_block_norm(l, c, index, f->norm2, &block->norm2);
}

lmvr_status load_vision_norm(struct loader *l, const char *name, int64_t width, float eps, bool rms, struct norm *norm)
{
    norm->eps = eps;
    norm->rms = rms;
    return load_norm(l, name, width, &norm->weight, rms ? NULL : &norm->bias);
}

/* A tensor (rows, width), or (1, rows, width) where the family stores it so; of one row, perhaps (width). */
static lmvr_status load_table(struct loader *l, const struct vision_family *family, const char *name, int64_t rows,
                              int64_t width, float **table)
{
    int64_t shape[] = {1, rows, width};
    int dims = family->table_dims == 3 ? 3 : rows == 1 ? 1 : 2;
    return load_floats(l, name, dims, shape + 3 - dims, table);
}

/* A convolution over `frames` frames, all of which are the same picture: the sum of its kernels over them. */
static lmvr_status load_frames(struct loader *l, const struct vision_config *c, struct linear *linear)
{
    int64_t patch = c->patch_size, plane = patch * patch, frames = c->family->frames, in = 3 * plane;
    int64_t shape[] = {c->width, 3, frames, patch, patch};
    char name[LOAD_NAME_SIZE];
    float *kernels = NULL;
    snprintf(name, sizeof name, "%s.weight", c->family->patches);
    lmvr_status status = load_floats(l, name, 5, shape, &kernels);
    for (int64_t row = 0; status == LMVR_OK && row < c->width * 3; row++)
        for (int64_t i = 0; i < plane; i++) {
            float sum = 0;
            for (int64_t t = 0; t < frames; t++)
                sum += kernels[(row * frames + t) * plane + i];
            kernels[row * plane + i] = sum; /* at or before what is still to be read */
        }
    *linear = (struct linear){.in = in, .out = c->width};
    if (status == LMVR_OK)
        status = product_create(c->width, in, l->dtype, &linear->weight, l->error);
    if (status == LMVR_OK) {
        product_set(linear->weight, 0, c->width, kernels);
        status = product_seal(linear->weight, l->notice, l->error);
    }
    free(kernels);
    if (status != LMVR_OK || !c->family->patch_bias)
        return status;
    snprintf(name, sizeof name, "%s.bias", c->family->patches);
    return load_vector(l, name, c->width, &linear->bias);
}

static lmvr_status load_patches(struct loader *l, const struct vision_config *c, struct linear *linear)
{
    int64_t patch = c->patch_size, kernel[] = {3, patch, patch};
    struct part part = {.out = c->width};
    if (c->family->frames)
        return load_frames(l, c, linear);
    snprintf(part.prefix, sizeof part.prefix, "%s", c->family->patches);
    return load_stacked(l, &part, 1, 3 * patch * patch, kernel, c->family->patch_bias, linear);
}

static lmvr_status load_embeddings(struct loader *l, const struct vision_config *c, struct vit *vit)
{
    const struct vision_family *f = c->family;
    int64_t positions = (int64_t)c->position_side * c->position_side + (f->class_token ? 1 : 0);
    TRY(load_patches(l, c, &vit->patch_embedding));
    if (f->class_token)
        TRY(load_table(l, f, f->class_token, 1, c->width, &vit->class_embedding));
    if (f->positions)
        TRY(load_table(l, f, f->positions, positions, c->width, &vit->position_embedding));
    if (f->pre_norm)
        TRY(load_vision_norm(l, f->pre_norm, c->width, c->layer_norm_eps, f->rms, &vit->pre_norm));
    if (f->post_norm)
        TRY(load_vision_norm(l, f->post_norm, c->width, c->layer_norm_eps, f->rms, &vit->post_norm));
    return c->rotary ? rope_create_for_grid(&vit->rope, 10000, c->width / c->heads, l->error) : LMVR_OK;
}

lmvr_status load_vit(struct loader *loader, const struct vision_config *config, struct vit *vit)
{
    *vit = (struct vit){.image_size = config->image_size,
                        .patch_size = config->patch_size,
                        .merge = config->merge,
                        .width = config->width,
                        .heads = config->heads,
                        .mlp_width = config->mlp_width,
                        .block_count = config->blocks,
                        .activation = config->activation,
                        .gated = config->family->mlp[1] != NULL,
                        .position_side = config->position_side,
                        .window = config->window};
    TRY(load_embeddings(loader, config, vit));
    vit->blocks = calloc((size_t)config->blocks, sizeof *vit->blocks);
    if (!vit->blocks)
        return error_no_memory(loader->error, "the encoder");
    for (int i = 0; i < config->blocks; i++) {
        vit->blocks[i].windowed = config->window && !(config->whole[i / 64] >> i % 64 & 1);
        TRY(load_block(loader, config, i, &vit->blocks[i]));
    }
    return LMVR_OK;
}

lmvr_status load_encoder(struct loader *loader, const struct vision_config *config, struct encoder *encoder)
{
    struct vit *vit = calloc(1, sizeof *vit);
    if (!vit)
        return error_no_memory(loader->error, "the encoder");
    lmvr_status status = load_vit(loader, config, vit);
    *encoder = vit_encoder(vit);
    return status;
}

struct counts count_vit(const struct vision_config *c)
{
    const struct vision_family *f = c->family;
    int64_t width = c->width, norm = f->rms ? width : 2 * width, mlp = c->mlp_width * (int64_t)(f->mlp[1] ? 2 : 1);
    int64_t table = (int64_t)c->position_side * c->position_side + (f->class_token ? 2 : 0);
    int64_t block = 2 * norm + (c->qkv_bias ? 3 : 0) * width + width + mlp + width;
    int64_t outside = table * width + (f->patch_bias ? width : 0) + (f->pre_norm ? norm : 0) + (f->post_norm ? norm : 0);
    return (struct counts){.matrices = 3 * (int64_t)c->patch_size * c->patch_size * width * (f->frames ? f->frames : 1) +
                                       c->blocks * (4 * width * width + width * (mlp + c->mlp_width)),
                           .vectors = outside + c->blocks * block};
}
