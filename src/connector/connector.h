/* The interface of connectors: a hidden state of the encoder in, visual tokens in the word embedding space out. */
#ifndef LMVR_SRC_CONNECTOR_CONNECTOR_H
#define LMVR_SRC_CONNECTOR_CONNECTOR_H

#include "error.h"
#include "tensor/arena.h"

#include <stdbool.h>

struct connector {
    int state;              /* index of the encoder's hidden state that it reads */
    int tokens;             /* visual tokens per image */
    bool resamples;         /* every token attends to all patches; else the last tokens are the patches, one each */
    int positions, skipped; /* the encoder's positions, and how many at the beginning are skipped */
    void *model;            /* owned */
    /*
     * tokens (count, tokens, width of the embeddings) from x (count, positions, width). `maps` is NULL or, for a connector that
     * resamples, receives the attention of each token to the patches, (count, tokens, patches): softmax weights without the
     * class token's.
     */
    lmvr_status (*forward)(const struct connector *connector, struct arena *arena, int count, const float *x, float *tokens,
                           float *maps, lmvr_error *error);
    void (*free)(void *model);
};

/* Frees the model. A zeroed, never filled connector is allowed. */
void connector_finish(struct connector *connector);

#endif
