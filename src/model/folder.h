/* Refuses folders that cannot be opened as a model: each sentence names what the folder holds, and what is expected instead. */
#ifndef LMVR_SRC_MODEL_FOLDER_H
#define LMVR_SRC_MODEL_FOLDER_H

#include "error.h"

/* Refuses what has no config.json: a GGUF or another file, an adapter, a folder of the hub's cache, a folder without a model. A
 * missing path is left to the caller that opens it. */
lmvr_status model_folder_check(const char *path, lmvr_error *error);

/* Refuses a folder without weights that are read, naming the kind of weights that it has. */
lmvr_status model_folder_refuse_weights(const char *folder, lmvr_error *error);

/* Refuses a folder without a tokenizer's file. */
lmvr_status model_folder_refuse_tokenizer(const char *folder, lmvr_error *error);

#endif
