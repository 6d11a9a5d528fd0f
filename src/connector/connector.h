/* The interface of connectors: hidden states of the encoder in, visual tokens in the word embedding space out. */
#ifndef LMVR_SRC_CONNECTOR_CONNECTOR_H
#define LMVR_SRC_CONNECTOR_CONNECTOR_H

#include "image/picture.h"
#include "vision/encoder.h"

#define CONNECTOR_MOST_STATES 16

/* Pictures that have gone through the encoder, all of their views' positions one after the other. */
struct encoded_pictures {
    int count;
    const struct picture *const *pictures; /* (count) */
    float *const *states;                  /* by the encoder's index; those that the connector reads are there */
    int64_t positions;                     /* of all pictures */
};

struct connector {
    int states[CONNECTOR_MOST_STATES], state_count; /* the encoder's hidden states that it reads */
    int levels;                                     /* of visual tokens: 1, and one more for each of DeepStack's */
    bool resamples; /* every token attends to all patches; pictures have one view, all of a size */
    void *model;    /* owned */
    /*
     * tokens (levels, tokens of all pictures, width of the embeddings). `maps` is NULL or, for a connector that resamples,
     * receives the attention of each token to the patches, (tokens of all pictures, patches): softmax weights without the class
     * token's.
     */
    lmvr_status (*forward)(const struct connector *connector, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error);
    void (*free)(void *model);
};

/* Frees the model. A zeroed, never filled connector is allowed. */
void connector_finish(struct connector *connector);

#endif
