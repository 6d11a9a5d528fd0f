/* A connector, whichever it is: one of the encoder's states in, visual tokens in the space of the word embeddings out. */
#ifndef LMVR_SRC_CONNECTOR_CONNECTOR_H
#define LMVR_SRC_CONNECTOR_CONNECTOR_H

#include "connector/projector.h"
#include "connector/qformer.h"

struct connector {
    int state;              /* the encoder's state that it reads */
    int tokens;             /* visual tokens of an image */
    bool mixes;             /* a token has looked at all patches; else the last tokens are the patches, one each */
    int positions, skipped; /* of the encoder, and how many of them at the beginning are left out */
    void *model;            /* owned */
    /*
     * tokens (count, tokens, width of the embeddings) from x (count, positions, width). `maps` is NULL or, of a connector that
     * mixes, receives what each token has looked at, (count, tokens, patches): shares of 1, what goes to the class left out.
     */
    lmvr_status (*forward)(const struct connector *connector, struct arena *arena, int count, const float *x, float *tokens,
                           float *maps, lmvr_error *error);
    void (*free)(void *model);
};

/* Both take the model over, which was malloc'ed. `positions` are the encoder's. */
struct connector connector_of_projector(struct projector *projector, int state, int positions, bool drop_class);
struct connector connector_of_qformer(struct qformer *qformer, int state, int positions);

void connector_finish(struct connector *connector);

#endif
