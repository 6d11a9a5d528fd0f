/* The files of a model beside its weights, for a copy of it. */
#ifndef LMVR_SRC_MODEL_CONVERT_FILES_H
#define LMVR_SRC_MODEL_CONVERT_FILES_H

#include "model/config.h"

/* Copies to `to` what the model in `from` has beside its weights, its encoder's folder included, byte for byte; but config.json
 * says that the weights are in `dtype`. Of a model in GGUF, what its metadata says becomes those files. */
lmvr_status convert_files(const char *from, const struct model_config *config, lmvr_dtype dtype, const char *to,
                          lmvr_error *error);

/* Whether a file of this name is one that such a copy may have, weights included. */
bool convert_may_hold(const char *name);

#endif
