/* LLaVA's projector: two linear layers with an activation in between (transformers' LlavaMultiModalProjector), or, in the first
 * LLaVA, one. */
#ifndef LMVR_SRC_CONNECTOR_PROJECTOR_H
#define LMVR_SRC_CONNECTOR_PROJECTOR_H

#include "connector/connector.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct projector {
    struct linear linear1, linear2; /* linear2 may be empty */
    enum activation activation;
    bool drop_class; /* the encoder's class tokens do not become visual tokens */
};

/* y (rows, the last layer's out), in the word embedding space, from visual features x (rows, linear1.in). */
lmvr_status projector_forward(const struct projector *projector, struct arena *arena, int64_t rows, const operand *x, float *y,
                              lmvr_error *error);

void projector_finish(struct projector *projector);

/* Projects all views' positions, without class tokens where the projector drops them: tokens (those positions, the last layer's
 * out). The connector's states stand side by side in linear1's input. */
lmvr_status projector_project(const struct projector *projector, const struct connector *connector,
                              const struct encoder *encoder, struct arena *arena, const struct encoded_pictures *encoded,
                              float *tokens, lmvr_error *error);

/* Takes ownership of `projector`, which must be malloc'ed. It reads `state_count` of the encoder's hidden states, without class
 * tokens if `drop_class`. */
struct connector projector_connector(struct projector *projector, const int *states, int state_count, bool drop_class);

#endif
