/* LLaVA's connector: two linear layers with an activation between (transformers' LlavaMultiModalProjector). */
#ifndef LMVR_SRC_CONNECTOR_PROJECTOR_H
#define LMVR_SRC_CONNECTOR_PROJECTOR_H

#include "connector/connector.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct projector {
    struct linear linear1, linear2;
    enum activation activation;
};

/* y (rows, linear2.out), in the space of the word embeddings, from x (rows, linear1.in), visual features. */
lmvr_status projector_forward(const struct projector *projector, struct arena *arena, int64_t rows, const float *x, float *y,
                              lmvr_error *error);

void projector_finish(struct projector *projector);

/* Takes over `projector`, which was malloc'ed. It reads the encoder's state `state` of `positions` positions, without the class
 * that stands first where it is to be dropped. */
struct connector projector_connector(struct projector *projector, int state, int positions, bool drop_class);

#endif
