/* A connector, whichever it is: one of the encoder's states in, visual tokens in the space of the word embeddings out. */
#ifndef LMVR_SRC_CONNECTOR_CONNECTOR_H
#define LMVR_SRC_CONNECTOR_CONNECTOR_H

#include "error.h"
#include "tensor/arena.h"

#include <stdbool.h>

struct connector {
    int state;              /* the encoder's state that it reads */
    int tokens;             /* visual tokens of an image */
    bool resamples;         /* a token has attended to all patches; else the last tokens are the patches, one each */
    int positions, skipped; /* of the encoder, and how many of them at the beginning are left out */
    void *model;            /* owned */
    /*
     * tokens (count, tokens, width of the embeddings) from x (count, positions, width). `maps` is NULL or, of a connector that
     * resamples, receives what each token attends to, (count, tokens, patches): shares of 1, what goes to the class left out.
     */
    lmvr_status (*forward)(const struct connector *connector, struct arena *arena, int count, const float *x, float *tokens,
                           float *maps, lmvr_error *error);
    void (*free)(void *model);
};

/* Frees the model. One that was never filled, all zeros, is allowed. */
void connector_finish(struct connector *connector);

#endif
