/* A model is a composition of an encoder, a connector and a language model, each of the kind that its configuration names. */
#ifndef LMVR_SRC_MODEL_COMPOSE_H
#define LMVR_SRC_MODEL_COMPOSE_H

#include "model/load.h"
#include "model/model.h"

/* Each leaves a part that its finish function frees, also after a failure. */
lmvr_status load_encoder(struct loader *loader, const struct model_config *config, struct encoder *encoder);
/* `positions` are the encoder's. */
lmvr_status load_connector(struct loader *loader, const struct model_config *config, int positions,
                           struct connector *connector);
lmvr_status load_language(struct loader *loader, const struct model_config *config, struct language *language);

#endif
