/* Composes a model of a vision encoder, a connector and a language model, each of the kind that the configuration names. */
#ifndef LMVR_SRC_MODEL_COMPOSE_H
#define LMVR_SRC_MODEL_COMPOSE_H

#include "model/load.h"
#include "model/model.h"

/* The part must be freed by its finish function, even after a failure. */
lmvr_status load_encoder(struct loader *loader, const struct model_config *config, struct encoder *encoder);
/* `positions`: those of the encoder. */
lmvr_status load_connector(struct loader *loader, const struct model_config *config, int positions,
                           struct connector *connector);
lmvr_status load_language(struct loader *loader, const struct model_config *config, struct language *language);

#endif
