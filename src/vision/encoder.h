/* The interface of vision encoders: pixels in, the hidden states of a stack of blocks out. */
#ifndef LMVR_SRC_VISION_ENCODER_H
#define LMVR_SRC_VISION_ENCODER_H

#include "error.h"
#include "tensor/arena.h"

struct encoder {
    int image_size, patch_size, width, block_count;
    int positions; /* per image: the class token, then its patches in row-major order */
    void *model;   /* owned */
    /* pixels (count, 3, image_size, image_size); states[i], for 0 <= i <= block_count, is NULL or receives hidden state i,
     * (count, positions, width). */
    lmvr_status (*forward)(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                           lmvr_error *error);
    void (*free)(void *model);
};

/* Frees the model. A zeroed, never filled encoder is allowed. */
void encoder_finish(struct encoder *encoder);

#endif
