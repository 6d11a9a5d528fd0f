#include "vision/clip.h"

#include "nn/attention.h"
#include "vision/patches.h"

#include <stdlib.h>
#include <string.h>

static int grid(const struct clip *clip)
{
    return clip->image_size / clip->patch_size;
}

int clip_positions(const struct clip *clip)
{
    return grid(clip) * grid(clip) + 1;
}

/* x (count, positions, width) = pre_norm([class, patches] + positions). */
static lmvr_status embed(const struct clip *clip, struct arena *arena, int count, const float *pixels, float *x,
                         lmvr_error *error)
{
    int64_t cells = (int64_t)grid(clip) * grid(clip), width = clip->width;
    struct arena_mark mark = arena_mark(arena);
    float *patches = arena_floats(arena, count * cells * clip->patch_embedding.in);
    float *embedded = arena_floats(arena, count * cells * width);
    if (!patches || !embedded)
        return error_no_memory(error, "the image's patches");
    patches_cut(count, clip->image_size, clip->patch_size, pixels, patches);
    TRY(linear_forward(&clip->patch_embedding, arena, count * cells, patches, false, embedded, error));
    for (int64_t r = 0; r < count * (cells + 1); r++) {
        int64_t image = r / (cells + 1), position = r % (cells + 1);
        const float *from = position ? embedded + (image * cells + position - 1) * width : clip->class_embedding;
        const float *place = clip->position_embedding + position * width;
        for (int64_t i = 0; i < width; i++)
            x[r * width + i] = from[i] + place[i];
    }
    if (clip->pre_norm.weight)
        layer_norm_forward(&clip->pre_norm, count * (cells + 1), width, x, x);
    arena_release(arena, mark);
    return LMVR_OK;
}

/* out (count * positions, width) from qkv (count * positions, 3 width): self-attention within each image. */
static lmvr_status attend(const struct clip *clip, struct arena *arena, int count, enum dtype dtype, const float *qkv,
                          float *out, lmvr_error *error)
{
    int positions = clip_positions(clip), head_dim = clip->width / clip->heads;
    int64_t width = clip->width;
    struct attention_rule rule = {.heads = clip->heads, .visible = positions, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = count,
                                      .queries = positions,
                                      .keys = positions,
                                      .head_dim = head_dim,
                                      .dtype = dtype,
                                      .q = qkv,
                                      .k = qkv + width,
                                      .v = qkv + 2 * width,
                                      .q_stride = 3 * width,
                                      .kv_stride = 3 * width};
    return attention_within(arena, &rule, &groups, out, error);
}

/* x (count * positions, width) in place. */
static lmvr_status block_forward(const struct clip *clip, const struct clip_block *block, struct arena *arena, int count,
                                 float *x, lmvr_error *error)
{
    int64_t rows = (int64_t)count * clip_positions(clip), width = clip->width;
    struct arena_mark mark = arena_mark(arena);
    float *normed = arena_floats(arena, rows * width), *qkv = arena_floats(arena, rows * 3 * width);
    float *mlp = arena_floats(arena, rows * clip->mlp_width);
    if (!normed || !qkv || !mlp)
        return error_no_memory(error, "the encoder");
    layer_norm_forward(&block->norm1, rows, width, x, normed);
    TRY(linear_forward(&block->qkv, arena, rows, normed, false, qkv, error));
    TRY(attend(clip, arena, count, product_dtype(block->qkv.weight), qkv, normed, error));
    TRY(linear_forward(&block->attention_out, arena, rows, normed, true, x, error));

    layer_norm_forward(&block->norm2, rows, width, x, normed);
    TRY(linear_forward(&block->fc1, arena, rows, normed, false, mlp, error));
    activation_forward(clip->activation, rows, clip->mlp_width, mlp);
    TRY(linear_forward(&block->fc2, arena, rows, mlp, true, x, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status clip_forward(const struct clip *clip, struct arena *arena, int count, const float *pixels, float *const *states,
                         lmvr_error *error)
{
    int64_t size = (int64_t)count * clip_positions(clip) * clip->width;
    int last = clip->block_count;
    while (last > 0 && !states[last])
        last--;
    struct arena_mark mark = arena_mark(arena);
    float *x = arena_floats(arena, size);
    if (!x)
        return error_no_memory(error, "the encoder");
    TRY(embed(clip, arena, count, pixels, x, error));
    for (int i = 0;; i++) {
        if (states[i])
            memcpy(states[i], x, (size_t)size * sizeof *x);
        if (i == last)
            break;
        TRY(block_forward(clip, &clip->blocks[i], arena, count, x, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

void clip_finish(struct clip *clip)
{
    for (int i = 0; clip->blocks && i < clip->block_count; i++) {
        struct clip_block *block = &clip->blocks[i];
        layer_norm_finish(&block->norm1);
        layer_norm_finish(&block->norm2);
        linear_finish(&block->qkv);
        linear_finish(&block->attention_out);
        linear_finish(&block->fc1);
        linear_finish(&block->fc2);
    }
    free(clip->blocks);
    free(clip->class_embedding);
    free(clip->position_embedding);
    layer_norm_finish(&clip->pre_norm);
    linear_finish(&clip->patch_embedding);
    *clip = (struct clip){0};
}

/* ---- as an encoder ---- */

static lmvr_status forward(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                           lmvr_error *error)
{
    return clip_forward(model, arena, count, pixels, states, error);
}

static void free_model(void *model)
{
    clip_finish(model);
    free(model);
}

struct encoder clip_encoder(struct clip *clip)
{
    return (struct encoder){.image_size = clip->image_size,
                            .patch_size = clip->patch_size,
                            .width = clip->width,
                            .block_count = clip->block_count,
                            .positions = clip_positions(clip),
                            .model = clip,
                            .forward = forward,
                            .free = free_model};
}
