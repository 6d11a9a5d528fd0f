/*
 * CLIP's vision transformer (Radford et al. 2021, section 2.4; transformers' CLIPVisionModel): a class token and patches go
 * through pre-norm blocks.
 */
#ifndef LMVR_SRC_VISION_CLIP_H
#define LMVR_SRC_VISION_CLIP_H

#include "nn/elementwise.h"
#include "nn/linear.h"
#include "vision/encoder.h"

struct clip_block {
    struct layer_norm norm1, norm2;
    struct linear qkv, attention_out; /* qkv: the three projections stacked, (3 width, width) */
    struct linear fc1, fc2;
};

struct clip {
    int image_size, patch_size, width, heads, mlp_width, block_count;
    enum activation activation;
    struct linear patch_embedding; /* (width, 3 * patch * patch): a convolution whose stride is its kernel size */
    float *class_embedding;        /* (width) */
    float *position_embedding;     /* (positions, width) */
    struct layer_norm pre_norm;    /* its weight is NULL where the model has no such norm (EVA) */
    struct clip_block *blocks;
};

/* Positions per image: the class token, then its patches. */
int clip_positions(const struct clip *clip);

/*
 * pixels (count, 3, image_size, image_size), normalized. states[i], for 0 <= i <= block_count, is NULL or receives hidden state
 * i, (count, positions, width): state 0 is the input of the first block, state i the output of block i (without the
 * post-layernorm, like transformers' hidden_states). Blocks after the last wanted state are not run.
 */
lmvr_status clip_forward(const struct clip *clip, struct arena *arena, int count, const float *pixels, float *const *states,
                         lmvr_error *error);

void clip_finish(struct clip *clip);

/* Takes ownership of `clip`, which must be malloc'ed. */
struct encoder clip_encoder(struct clip *clip);

#endif
