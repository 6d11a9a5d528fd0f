/*
 * EVA's vision transformer as in BLIP-2 (Fang et al. 2022; transformers' Blip2VisionModel): CLIP's blocks, without a norm
 * before the first one, with a bias on the patch embedding, and with a norm after the last one.
 */
#ifndef LMVR_SRC_VISION_EVA_H
#define LMVR_SRC_VISION_EVA_H

#include "vision/clip.h"

struct eva {
    struct clip vit; /* without its pre_norm */
    struct layer_norm post_norm;
};

/* As clip_forward(), but state block_count is the last block's output after the norm, which the Q-Former reads. */
lmvr_status eva_forward(const struct eva *eva, struct arena *arena, int count, const float *pixels, float *const *states,
                        lmvr_error *error);

void eva_finish(struct eva *eva);

/* Takes ownership of `eva`, which must be malloc'ed. */
struct encoder eva_encoder(struct eva *eva);

#endif
