/* Runs a frozen encoder in front of a trained net. */
#ifndef LMVR_TRAIN_NETS_FROZEN_H
#define LMVR_TRAIN_NETS_FROZEN_H

#include "train/corpora/batch.h"
#include "train/tape/tape.h"
#include "vision/encoder.h"

/* Hidden state number `state` of the batch's images, without the first `skipped` positions of each: (images * (positions -
 * skipped), width). `arena` is the encoder's working memory. */
struct value *frozen_states(const struct encoder *vision, struct arena *arena, int state, int skipped, struct tape *tape,
                            const struct batch *batch);

#endif
