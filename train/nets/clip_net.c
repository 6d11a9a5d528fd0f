#include "train/nets/clip_net.h"

#include "vision/patches.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VISION "vision_tower.vision_model."
#define TEXT   "text_model."

/* ---- parameters, initialized as in transformers' CLIPPreTrainedModel._init_weights ------------------------------------- */

static void init_attention(struct clip_net_block *block, const struct clip_net_tower *tower, const char *prefix, double inside,
                           struct net *net)
{
    const char *const names[3] = {"q_proj", "k_proj", "v_proj"};
    int64_t width = tower->width;
    struct net_part qkv[3] = {{.out = 3 * width}};
    snprintf(qkv[0].prefix, sizeof qkv[0].prefix, "%.120s.self_attn.qkv", prefix);
    for (int i = 0; i < 3 && !tower->fused; i++) {
        qkv[i].out = width;
        snprintf(qkv[i].prefix, sizeof qkv[i].prefix, "%.120s.self_attn.%s", prefix, names[i]);
    }
    block->qkv = net_stacked(net, qkv, tower->fused ? 1 : 3, width, tower->qkv_bias, inside);
    char name[NET_NAME_SIZE + 32];
    snprintf(name, sizeof name, "%s.self_attn.%s", prefix, tower->fused ? "projection" : "out_proj");
    block->attention_out = net_linear(net, name, width, width, true, pow((double)width, -0.5));
}

static void init_block(struct clip_net_block *block, const struct clip_net_tower *tower, const char *layers, int index,
                       struct net *net)
{
    int64_t width = tower->width;
    double inside = pow((double)width, -0.5) * pow(2.0 * tower->block_count, -0.5);
    char prefix[NET_NAME_SIZE], name[NET_NAME_SIZE + 32];
    snprintf(prefix, sizeof prefix, "%sencoder.layers.%d", layers, index);
    init_attention(block, tower, prefix, inside, net);
    snprintf(name, sizeof name, "%s.layer_norm1", prefix);
    block->norm1 = net_norm(net, name, width, true);
    snprintf(name, sizeof name, "%s.layer_norm2", prefix);
    block->norm2 = net_norm(net, name, width, true);
    snprintf(name, sizeof name, "%s.mlp.fc1", prefix);
    block->fc1 = net_linear(net, name, tower->mlp_width, width, true, pow(2.0 * (double)width, -0.5));
    snprintf(name, sizeof name, "%s.mlp.fc2", prefix);
    block->fc2 = net_linear(net, name, width, tower->mlp_width, true, inside);
}

/* Blocks from `used` on are unused and not trained. */
static void init_tower(struct clip_net_tower *tower, const char *layers, int used, struct net *net)
{
    bool trained = net->trained;
    tower->blocks = calloc((size_t)tower->block_count, sizeof *tower->blocks);
    if (!tower->blocks && net->status == LMVR_OK)
        net->status = error_no_memory(net->error, "a tower of CLIP");
    for (int i = 0; i < tower->block_count && net->status == LMVR_OK; i++) {
        net->trained = trained && i < used;
        init_block(&tower->blocks[i], tower, layers, i, net);
    }
    net->trained = trained;
}

/* Reads the checkpoint's table of stored_side * stored_side patches and resizes it to the parameter's side * side. */
static lmvr_status read_resized(const struct parameter_shape *stored, int stored_side, int side, struct parameter *positions,
                                struct net *net)
{
    int64_t width = stored->shape[stored->dims - 1], count = (1 + (int64_t)side * side) * width;
    float *table = calloc((size_t)(1 + (int64_t)stored_side * stored_side), (size_t)width * sizeof *table);
    float *resized = calloc((size_t)count, sizeof *resized);
    lmvr_status status = table && resized
                             ? checkpoint_read(net->checkpoint, stored->name, stored->dims, stored->shape, table, net->error)
                             : error_no_memory(net->error, stored->name);
    if (status == LMVR_OK) {
        patches_resize_positions(table, stored_side, side, width, resized);
        parameter_set(positions, 0, count, resized);
    }
    free(table);
    free(resized);
    return status;
}

static struct parameter *init_positions(const char *name, const struct vision_config *v, int stored_image_size, struct net *net)
{
    int side = v->image_size / v->patch_size, stored_side = stored_image_size / v->patch_size;
    int64_t count = (int64_t)side * side + 1, stored_count = (int64_t)stored_side * stored_side + 1;
    struct parameter_shape stored = {name, 2, {stored_count, v->width}};
    int64_t shape[3] = {count, v->width};
    if (v->family->table_dims == 3) {
        stored = (struct parameter_shape){name, 3, {1, stored_count, v->width}};
        memcpy(shape, (int64_t[]){1, count, v->width}, sizeof shape);
    }
    if (!net->checkpoint || side == stored_side)
        return net_tensor(net, name, stored.dims, shape, 0.02);
    struct checkpoint *checkpoint = net->checkpoint;
    net->checkpoint = NULL;
    struct parameter *positions = net_tensor(net, name, stored.dims, shape, 0);
    net->checkpoint = checkpoint;
    if (net->status == LMVR_OK)
        net->status = read_resized(&stored, stored_side, side, positions, net);
    return positions;
}

static void init_vision_embeddings(struct clip_net *clip, int stored_image_size, struct net *net)
{
    const struct vision_config *v = &clip->vision;
    const struct vision_family *f = v->family;
    int64_t width = v->width;
    clip->class_embedding = net_tensor(net, f->class_token, f->table_dims == 3 ? 3 : 1,
                                       f->table_dims == 3 ? (int64_t[]){1, 1, width} : &width, pow((double)width, -0.5));
    clip->patch_embedding.weight = net_tensor(net, VISION "embeddings.patch_embedding.weight", 4,
                                              (int64_t[]){width, 3, v->patch_size, v->patch_size}, 0.02);
    if (f->patch_bias)
        clip->patch_embedding.bias = net_tensor(net, VISION "embeddings.patch_embedding.bias", 1, &width, 0);
    clip->vision_positions = init_positions(f->positions, v, stored_image_size, net);
    if (f->pre_norm)
        clip->pre_norm = net_norm(net, f->pre_norm, width, true);
}

/* All but the final norm. */
static void init_vision(struct clip_net *clip, int stored_image_size, int used, struct net *net)
{
    const struct vision_config *v = &clip->vision;
    clip->vision_tower = (struct clip_net_tower){.width = v->width,
                                                 .heads = v->heads,
                                                 .mlp_width = v->mlp_width,
                                                 .block_count = v->blocks,
                                                 .activation = v->activation,
                                                 .eps = v->layer_norm_eps,
                                                 .fused = !v->family->names.qkv[1],
                                                 .qkv_bias = v->qkv_bias};
    init_vision_embeddings(clip, stored_image_size, net);
    init_tower(&clip->vision_tower, VISION, used, net);
}

static void init_text(struct clip_net *clip, struct net *net)
{
    const struct text_config *t = &clip->text;
    int64_t width = t->width;
    clip->text_tower = (struct clip_net_tower){.width = t->width,
                                               .heads = t->heads,
                                               .mlp_width = t->mlp_width,
                                               .block_count = t->blocks,
                                               .activation = t->activation,
                                               .eps = t->layer_norm_eps,
                                               .causal = true,
                                               .qkv_bias = true};
    clip->token_embedding =
        net_tensor(net, TEXT "embeddings.token_embedding.weight", 2, (int64_t[]){t->vocabulary, width}, 0.02);
    clip->text_positions =
        net_tensor(net, TEXT "embeddings.position_embedding.weight", 2, (int64_t[]){t->positions, width}, 0.02);
    init_tower(&clip->text_tower, TEXT, t->blocks, net);
    clip->final_norm = net_norm(net, TEXT "final_layer_norm", width, true);
    clip->text_projection = net_linear(net, "text_projection", clip->projection, width, false, pow((double)width, -0.5));
}

lmvr_status clip_net_init(struct clip_net *clip, const struct clip_config *config, struct net *net)
{
    *clip = (struct clip_net){.vision = config->vision, .text = config->text, .projection = config->projection};
    int64_t width = config->vision.width;
    init_text(clip, net);
    init_vision(clip, config->vision.image_size, config->vision.blocks, net);
    clip->post_norm = net_norm(net, VISION "post_layernorm", width, true);
    clip->visual_projection = net_linear(net, "visual_projection", clip->projection, width, false, pow((double)width, -0.5));
    clip->logit_scale = net_tensor(net, "logit_scale", 0, NULL, 0);
    if (net->status == LMVR_OK && !net->checkpoint)
        parameter_set(clip->logit_scale, 0, 1, &config->logit_scale);
    return net->status;
}

lmvr_status clip_net_init_encoder(struct clip_net *clip, const struct vision_config *config, int stored_image_size, int state,
                                  struct net *net)
{
    bool trained = net->trained;
    *clip = (struct clip_net){.vision = *config};
    init_vision(clip, stored_image_size, state, net);
    net->trained = false;
    clip->post_norm = net_norm(net, VISION "post_layernorm", config->width, true);
    net->trained = trained;
    return net->status;
}

void clip_net_finish(struct clip_net *clip)
{
    free(clip->vision_tower.blocks);
    free(clip->text_tower.blocks);
    *clip = (struct clip_net){0};
}

/* ---- forward pass ----------------------------------------------------------------------------------------------------- */

/* A block's arguments besides its input. */
struct block_context {
    const struct clip_net_tower *tower;
    const struct clip_net_block *block;
    const struct gradient_segment *segments;
    int segment_count;
};

static struct value *run_block(struct tape *tape, struct value *const *inputs, const void *context)
{
    const struct block_context *c = context;
    const struct clip_net_block *block = c->block;
    int head_dim = c->tower->width / c->tower->heads;
    struct tape_attention attention = {.heads = c->tower->heads,
                                       .kv_heads = c->tower->heads,
                                       .head_dim = head_dim,
                                       .k_column = c->tower->width,
                                       .v_column = 2 * (int64_t)c->tower->width,
                                       .scale = 1.0f / sqrtf((float)head_dim),
                                       .causal = c->tower->causal,
                                       .segments = c->segments,
                                       .segment_count = c->segment_count};
    struct value *x = inputs[0];
    struct value *y = tape_layer_norm(tape, x, block->norm1.weight, block->norm1.bias, c->tower->eps);
    y = tape_linear(tape, y, block->qkv.weight, block->qkv.bias);
    y = tape_attention(tape, y, y, y, &attention);
    y = tape_linear(tape, y, block->attention_out.weight, block->attention_out.bias);
    x = tape_add(tape, x, y);
    y = tape_layer_norm(tape, x, block->norm2.weight, block->norm2.bias, c->tower->eps);
    y = tape_linear(tape, y, block->fc1.weight, block->fc1.bias);
    y = tape_activation(tape, c->tower->activation, y);
    y = tape_linear(tape, y, block->fc2.weight, block->fc2.bias);
    return tape_add(tape, x, y);
}

/* Runs the tower's first `blocks` blocks. */
static struct value *run_tower(const struct clip_net_tower *tower, int blocks, bool recompute, struct tape *tape,
                               struct value *x, const struct gradient_segment *segments, int segment_count)
{
    struct block_context *contexts = tape_memory(tape, blocks, sizeof *contexts);
    if (!contexts)
        return NULL;
    for (int i = 0; i < blocks; i++) {
        contexts[i] = (struct block_context){tower, &tower->blocks[i], segments, segment_count};
        x = recompute ? tape_recompute(tape, run_block, &x, 1, &contexts[i]) : run_block(tape, &x, &contexts[i]);
    }
    return x;
}

/* The batch's pixels as patches, (count * grid * grid, 3 * patch * patch). */
static struct value *cut_patches(const struct clip_net *clip, struct tape *tape, const struct batch *batch)
{
    int64_t size = clip->vision.image_size, patch = clip->vision.patch_size, side = size / patch;
    int64_t rows = batch->image_count * side * side, columns = 3 * patch * patch;
    float *patches = tape_memory(tape, rows * columns, sizeof *patches);
    if (!patches)
        return NULL;
    patches_cut(batch->image_count, size, patch, batch->pixels, patches);
    return tape_constant(tape, rows, columns, patches);
}

/* (image_count * (cells + 1), width), class token first: the hidden states after `blocks` blocks. */
static struct value *run_vision(const struct clip_net *clip, struct tape *tape, const struct batch *batch, int blocks)
{
    int64_t side = clip->vision.image_size / clip->vision.patch_size, cells = side * side, count = batch->image_count;
    int64_t rows = count * (cells + 1);
    struct gradient_place *places = tape_memory(tape, rows, sizeof *places);
    int32_t *positions = tape_memory(tape, rows, sizeof *positions);
    struct gradient_segment *segments = tape_memory(tape, count, sizeof *segments);
    if (!segments)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        int64_t first = i * (cells + 1);
        segments[i] = (struct gradient_segment){first, cells + 1, first, cells + 1, 0};
        for (int64_t p = 0; p <= cells; p++) {
            places[first + p] = p ? (struct gradient_place){1, (int32_t)(i * cells + p - 1)} : (struct gradient_place){0, 0};
            positions[first + p] = (int32_t)p;
        }
    }
    struct value *patches =
        tape_linear(tape, cut_patches(clip, tape, batch), clip->patch_embedding.weight, clip->patch_embedding.bias);
    struct value *sources[2] = {tape_parameter(tape, clip->class_embedding), patches};
    struct value *x = tape_assemble(tape, sources, 2, rows, places);
    x = tape_add(tape, x, tape_rows(tape, tape_parameter(tape, clip->vision_positions), rows, positions));
    if (clip->pre_norm.weight)
        x = tape_layer_norm(tape, x, clip->pre_norm.weight, clip->pre_norm.bias, clip->vision.layer_norm_eps);
    return run_tower(&clip->vision_tower, blocks, clip->recompute, tape, x, segments, (int)count);
}

/* Positions first .. first + kept - 1 of every image. */
static struct value *pick(const struct clip_net *clip, struct tape *tape, const struct batch *batch, struct value *x,
                          int64_t first, int64_t kept)
{
    int64_t side = clip->vision.image_size / clip->vision.patch_size, positions = side * side + 1;
    int32_t *rows = tape_memory(tape, batch->image_count * kept, sizeof *rows);
    if (!rows)
        return NULL;
    for (int64_t i = 0; i < batch->image_count; i++)
        for (int64_t p = 0; p < kept; p++)
            rows[i * kept + p] = (int32_t)(i * positions + first + p);
    return tape_rows(tape, x, batch->image_count * kept, rows);
}

struct value *clip_net_images(const struct clip_net *clip, struct tape *tape, const struct batch *batch)
{
    struct value *x = pick(clip, tape, batch, run_vision(clip, tape, batch, clip->vision.blocks), 0, 1);
    x = tape_layer_norm(tape, x, clip->post_norm.weight, clip->post_norm.bias, clip->vision.layer_norm_eps);
    return tape_normalize(tape, tape_linear(tape, x, clip->visual_projection.weight, NULL));
}

struct value *clip_net_states(const struct clip_net *clip, struct tape *tape, const struct batch *batch, int state, int skipped)
{
    int64_t side = clip->vision.image_size / clip->vision.patch_size;
    return pick(clip, tape, batch, run_vision(clip, tape, batch, state), skipped, side * side + 1 - skipped);
}

struct value *clip_net_texts(const struct clip_net *clip, struct tape *tape, const struct batch *batch)
{
    int64_t count = batch->sequence_count, used = 0, row = 0;
    for (int64_t i = 0; i < count; i++)
        used += batch->sequences[i].count;
    int64_t rows = batch_padded(used);
    struct gradient_place *places = tape_memory(tape, rows, sizeof *places);
    struct gradient_place *positions = tape_memory(tape, rows, sizeof *positions);
    int32_t *ends = tape_memory(tape, count, sizeof *ends);
    struct gradient_segment *segments = tape_memory(tape, count, sizeof *segments);
    if (!segments)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        segments[i] = (struct gradient_segment){row, s->count, row, s->count, 0};
        for (int32_t p = 0; p < s->count; p++, row++) {
            places[row] = (struct gradient_place){0, s->tokens[p]};
            positions[row] = (struct gradient_place){0, p};
        }
        ends[i] = (int32_t)(row - 1);
    }
    for (; row < rows; row++)
        places[row] = positions[row] = (struct gradient_place){-1, 0};
    struct value *tokens = tape_parameter(tape, clip->token_embedding), *table = tape_parameter(tape, clip->text_positions);
    struct value *x = tape_assemble(tape, &tokens, 1, rows, places);
    x = tape_add(tape, x, tape_assemble(tape, &table, 1, rows, positions));
    x = run_tower(&clip->text_tower, clip->text.blocks, clip->recompute, tape, x, segments, (int)count);
    x = tape_rows(tape, x, count, ends);
    x = tape_layer_norm(tape, x, clip->final_norm.weight, clip->final_norm.bias, clip->text.layer_norm_eps);
    return tape_normalize(tape, tape_linear(tape, x, clip->text_projection.weight, NULL));
}
