/*
 * EVA's vision transformer as BLIP-2 holds it (Fang et al. 2022; transformers' Blip2VisionModel): CLIP's blocks with no norm
 * before the first one, a bias on the patches, and a norm behind the last one.
 */
#ifndef LMVR_SRC_VISION_EVA_H
#define LMVR_SRC_VISION_EVA_H

#include "vision/clip.h"

struct eva {
    struct clip vit; /* without its pre_norm */
    struct layer_norm post_norm;
};

/* As clip_forward(), but state block_count is the last block's output with the norm: what the Q-Former reads. */
lmvr_status eva_forward(const struct eva *eva, struct arena *arena, int count, const float *pixels, float *const *states,
                        lmvr_error *error);

void eva_finish(struct eva *eva);

/* Takes over `eva`, which was malloc'ed. */
struct encoder eva_encoder(struct eva *eva);

#endif
