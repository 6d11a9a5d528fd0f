/* The interface of vision encoders: the views of pictures in, the hidden states of a stack of blocks out. */
#ifndef LMVR_SRC_VISION_ENCODER_H
#define LMVR_SRC_VISION_ENCODER_H

#include "error.h"
#include "tensor/arena.h"

#include <stdbool.h>

/* A view's normalized pixels, (3, height, width). */
struct encoder_view {
    const float *pixels;
    int width, height;
};

struct encoder {
    int image_size; /* of each side of every view; 0: views of any size whose sides are multiples of patch_size * merge */
    int patch_size, width, block_count;
    int merge;      /* patches come in blocks of merge x merge, block after block in row-major order */
    bool has_class; /* a view's first position is a class token */
    void *model;    /* owned */
    /* states[i], for 0 <= i <= block_count, is NULL or receives hidden state i of all views' positions, view after view,
     * (positions, width). Blocks after the last wanted state are not run. */
    lmvr_status (*forward)(const void *model, struct arena *arena, const struct encoder_view *views, int count,
                           float *const *states, lmvr_error *error);
    void (*free)(void *model);
};

/* Positions of a view: the class token if there is one, then the patches that fit. */
int64_t encoder_positions(const struct encoder *encoder, int width, int height);

/* Frees the model. A zeroed, never filled encoder is allowed. */
void encoder_finish(struct encoder *encoder);

#endif
