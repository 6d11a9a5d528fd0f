/* What a folder is that cannot be opened as a model: each refusal names what lies there, and what is expected in its place. */
#ifndef LMVR_SRC_MODEL_FOLDER_H
#define LMVR_SRC_MODEL_FOLDER_H

#include "error.h"

/* Refuses what has no config.json: a GGUF or another file, an adapter, the hub's cache, a folder without a model. A path that
 * is not there is left to whoever opens it. */
lmvr_status model_folder_check(const char *path, lmvr_error *error);

/* Refuses a folder without safetensors, by the weights that it has. */
lmvr_status model_folder_refuse_weights(const char *folder, lmvr_error *error);

/* Refuses a folder without tokenizer.model and spiece.model. */
lmvr_status model_folder_refuse_tokenizer(const char *folder, lmvr_error *error);

#endif
