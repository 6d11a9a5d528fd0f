/*
 * A model in GGUF is two files: the language model, and the image encoder with its projector, which llama.cpp calls mmproj.
 * Each says by general.architecture what it is.
 */
#ifndef LMVR_SRC_MODEL_GGUF_PAIR_H
#define LMVR_SRC_MODEL_GGUF_PAIR_H

#include "model/config.h"

/*
 * Finds the two: `path` is the language model's file and `mmproj` the other, or `path` is a folder without config.json that
 * holds these two alone, and `mmproj` NULL. Both names stay empty where `path` is neither, and `mmproj` NULL.
 * LMVR_ERROR_INVALID: one of the two is missing, or there are more, or a file is not what it is given as.
 */
lmvr_status gguf_pair_find(const char *path, const char *mmproj, struct gguf_pair *pair, lmvr_error *error);

/* Whether a file begins as GGUF's do. */
bool gguf_pair_is_file(const char *path);

#endif
