/* The frozen front end of a model: pictures of any size and number of views go through the encoder and the connector, as at
 * inference, and become visual tokens. */
#ifndef LMVR_TRAIN_NETS_FRONT_END_H
#define LMVR_TRAIN_NETS_FRONT_END_H

#include "connector/connector.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/tape/tape.h"

struct front_end {
    const struct model_config *config; /* borrowed */
    struct encoder encoder;
    struct connector connector;
    struct arena arena;
};

/* Loads encoder and connector, with weights and products in `dtype`. Call front_end_finish() in any case. */
lmvr_status front_end_load(struct front_end *front, struct checkpoint *checkpoint, const struct model_config *config,
                           enum dtype dtype, lmvr_error *error);
void front_end_finish(struct front_end *front);

/* The visual tokens of the batch's pictures, picture after picture, (tokens, width of the embeddings). */
struct value *front_end_run(struct front_end *front, struct tape *tape, const struct batch *batch);

#endif
