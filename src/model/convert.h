/* Saves a model with its weights in another type. */
#ifndef LMVR_SRC_MODEL_CONVERT_H
#define LMVR_SRC_MODEL_CONVERT_H

#include "error.h"

#define CONVERT_SHARD ((uint64_t)5000000000) /* bytes of a file, as transformers cuts them by default */

/* As lmvr_model_convert(), whose arguments are checked; `shard` is the most bytes of tensors in a file of more than one. */
lmvr_status model_convert(const char *path, const lmvr_convert_options *options, uint64_t shard, const char *output,
                          lmvr_error *error);

#endif
