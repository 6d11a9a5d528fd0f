/* Loads the packed layers of a model from the tensors of a checkpoint. */
#ifndef LMVR_SRC_MODEL_LOAD_H
#define LMVR_SRC_MODEL_LOAD_H

#include "connector/projector.h"
#include "connector/qformer.h"
#include "language/llama.h"
#include "language/t5.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "vision/eva.h"

/* The source of the weights. */
struct loader {
    struct checkpoint *checkpoint; /* NULL: random weights */
    uint64_t random;
    enum dtype dtype;
    lmvr_error *notice; /* a sentence on what works, but not as well as it should */
    lmvr_error *error;
};

/* The part must be freed by its finish function, even after a failure. */
lmvr_status load_clip(struct loader *loader, const struct vision_config *config, struct clip *clip);
lmvr_status load_projector(struct loader *loader, const struct model_config *config, struct projector *projector);
lmvr_status load_eva(struct loader *loader, const struct vision_config *config, struct eva *eva);
lmvr_status load_qformer(struct loader *loader, const struct model_config *config, struct qformer *qformer);
lmvr_status load_t5(struct loader *loader, const struct language_config *config, struct t5 *t5);
lmvr_status load_llama(struct loader *loader, const struct language_config *config, struct llama *llama);

#endif
