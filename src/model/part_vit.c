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

/* A tensor (rows, width), or (1, rows, width) where the family stores it so; of one row, perhaps (width). */
static lmvr_status load_positions(struct loader *l, const struct vision_family *family, const char *name, int64_t rows,
                                  int64_t width, float **table)
{
    int64_t shape[] = {1, rows, width};
    int dims = family->table_dims == 3 ? 3 : rows == 1 ? 1 : 2;
    return load_table(l, name, dims, shape + 3 - dims, table);
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
    if (status == LMVR_OK)
        status = load_linear_from(l, c->width, in, l->dtypes.compute, kernels, linear);
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
        TRY(load_positions(l, f, f->class_token, 1, c->width, &vit->class_embedding));
    if (f->positions)
        TRY(load_positions(l, f, f->positions, positions, c->width, &vit->position_embedding));
    if (f->pre_norm)
        TRY(load_norm(l, f->pre_norm, c->width, c->layer_norm_eps, f->rms, &vit->pre_norm));
    if (f->post_norm)
        TRY(load_norm(l, f->post_norm, c->width, c->layer_norm_eps, f->rms, &vit->post_norm));
    return c->rotary ? rope_create_for_grid(&vit->rope, 10000, c->width / c->heads, l->error) : LMVR_OK;
}

static struct block_plan plan_blocks(const struct vision_config *c)
{
    return (struct block_plan){.names = &c->family->names,
                               .width = c->width,
                               .mlp_width = c->mlp_width,
                               .norm_eps = c->layer_norm_eps,
                               .rms = c->family->rms,
                               .qkv_bias = c->qkv_bias};
}

lmvr_status load_vit(struct loader *loader, const struct vision_config *config, struct vit *vit)
{
    *vit = (struct vit){.device = loader->device,
                        .image_size = config->image_size,
                        .patch_size = config->patch_size,
                        .merge = config->merge,
                        .width = config->width,
                        .heads = config->heads,
                        .mlp_width = config->mlp_width,
                        .block_count = config->blocks,
                        .activation = config->activation,
                        .gated = config->family->names.mlp[1] != NULL,
                        .position_side = config->position_side,
                        .window = config->window};
    TRY(load_embeddings(loader, config, vit));
    struct block_plan plan = plan_blocks(config);
    vit->blocks = calloc((size_t)config->blocks, sizeof *vit->blocks);
    if (!vit->blocks)
        return error_no_memory(loader->error, "the encoder");
    for (int i = 0; i < config->blocks; i++) {
        vit->blocks[i].windowed = config->window && !(config->whole[i / 64] >> i % 64 & 1);
        TRY(load_block(loader, &plan, i, &vit->blocks[i].block));
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
    struct block_plan plan = plan_blocks(c);
    struct counts block = count_block(&plan);
    int64_t width = c->width, norm = f->rms ? width : 2 * width;
    int64_t table = (int64_t)c->position_side * c->position_side + (f->class_token ? 2 : 0);
    int64_t outside = table * width + (f->patch_bias ? width : 0) + (f->pre_norm ? norm : 0) + (f->post_norm ? norm : 0);
    return (struct counts){.matrices = 3 * (int64_t)c->patch_size * c->patch_size * width * (f->frames ? f->frames : 1) +
                                       c->blocks * block.matrices,
                           .vectors = outside + c->blocks * block.vectors};
}
