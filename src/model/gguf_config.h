/*
 * The metadata of GGUF files as the JSON of a Hugging Face folder, so that all that reads configurations reads these.
 * Sources: llama.cpp's gguf-py/gguf/constants.py, its conversion scripts, and what its clip.cpp does where a key is missing.
 */
#ifndef LMVR_SRC_MODEL_GGUF_CONFIG_H
#define LMVR_SRC_MODEL_GGUF_CONFIG_H

#include "model/config.h"

#include <jansson.h>

struct gguf_texts {
    json_t *config, *processor, *generation; /* config.json, preprocessor_config.json, generation_config.json */
    char *chat_template;                     /* NULL: none */
    uint64_t hash;                           /* of both files' metadata */
};

/* Free with gguf_texts_finish(), also after a failure. */
lmvr_status gguf_texts_read(const struct gguf_pair *pair, struct gguf_texts *texts, lmvr_error *error);
void gguf_texts_finish(const struct gguf_texts *texts);

#endif
