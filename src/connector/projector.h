/* LLaVA's projector: two linear layers with an activation in between (transformers' LlavaMultiModalProjector). */
#ifndef LMVR_SRC_CONNECTOR_PROJECTOR_H
#define LMVR_SRC_CONNECTOR_PROJECTOR_H

#include "connector/connector.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct projector {
    struct linear linear1, linear2;
    enum activation activation;
    bool drop_class; /* the encoder's class tokens do not become visual tokens */
};

/* y (rows, linear2.out), in the word embedding space, from visual features x (rows, linear1.in). */
lmvr_status projector_forward(const struct projector *projector, struct arena *arena, int64_t rows, const float *x, float *y,
                              lmvr_error *error);

void projector_finish(struct projector *projector);

/* Takes ownership of `projector`, which must be malloc'ed. It reads the encoder's hidden state `state`, without class tokens if
 * `drop_class`. */
struct connector projector_connector(struct projector *projector, int state, bool drop_class);

#endif
