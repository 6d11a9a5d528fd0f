/* A vision encoder, whichever it is: pixels in, the states of a stack of blocks out. */
#ifndef LMVR_SRC_VISION_ENCODER_H
#define LMVR_SRC_VISION_ENCODER_H

#include "vision/clip.h"
#include "vision/eva.h"

struct encoder {
    int image_size, patch_size, width, block_count;
    int positions; /* of an image: the class, then its patches, row by row */
    void *model;   /* owned */
    /* As clip_forward(): states[i], for 0 <= i <= block_count, is NULL or receives state i, (count, positions, width). */
    lmvr_status (*forward)(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                           lmvr_error *error);
    void (*free)(void *model);
};

/* Both take the model over, which was malloc'ed. */
struct encoder encoder_of_clip(struct clip *clip);
struct encoder encoder_of_eva(struct eva *eva);

void encoder_finish(struct encoder *encoder);

#endif
