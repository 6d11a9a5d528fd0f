/*
 * Vision transformers: patches, embedded, go through pre-norm blocks (Dosovitskiy et al. 2021). One implementation for CLIP's
 * (Radford et al. 2021, section 2.4; transformers' CLIPVisionModel), EVA's as in BLIP-2 (Blip2VisionModel), SigLIP's
 * (SiglipVisionModel), and those of Qwen2-VL, Qwen2.5-VL and Qwen3-VL, which take views of any size.
 */
#ifndef LMVR_SRC_VISION_VIT_H
#define LMVR_SRC_VISION_VIT_H

#include "nn/block.h"
#include "nn/rope.h"
#include "vision/encoder.h"

struct vit_block {
    struct block block;
    bool windowed; /* attention stays within windows */
};

struct vit {
    const struct device *device;
    int image_size; /* 0: any size */
    int patch_size, merge, width, heads, mlp_width, block_count;
    enum activation activation;
    bool gated;                    /* the MLP has a gate */
    struct linear patch_embedding; /* (width, 3 * patch * patch): a convolution whose stride is its kernel size */
    float *class_embedding;        /* (width); NULL: no class token */
    float *position_embedding;     /* (positions, width), the class token's first if there is one; NULL: none */
    int position_side;             /* side of the square of patches in that table; other grids are interpolated bilinearly */
    struct rope rope;              /* turns queries and keys; 0 pairs: none */
    int window;                    /* side of a window in blocks of merge x merge patches; 0: no windows */
    struct norm pre_norm;          /* before the first block; its weight is NULL where the model has no such norm */
    struct norm post_norm;         /* of the last state; its weight is NULL where that is handed out as it is */
    struct vit_block *blocks;
};

/*
 * As encoder.h's forward(). State 0 is the input of the first block, state i the output of block i, as transformers'
 * hidden_states, but the last one has gone through post_norm where there is one.
 */
lmvr_status vit_forward(const struct vit *vit, struct arena *arena, const struct encoder_view *views, int count,
                        float *const *states, lmvr_error *error);

void vit_finish(struct vit *vit);

/* Takes ownership of `vit`, which must be malloc'ed. */
struct encoder vit_encoder(struct vit *vit);

#endif
