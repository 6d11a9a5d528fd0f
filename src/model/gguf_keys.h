/* A model's configuration as the keys of GGUF's files: the other direction of gguf_config.h. */
#ifndef LMVR_SRC_MODEL_GGUF_KEYS_H
#define LMVR_SRC_MODEL_GGUF_KEYS_H

#include "format/gguf_write.h"
#include "model/config.h"
#include "model/gguf_names.h"

/* What the encoder's file will be, and how its tensors are called. LMVR_ERROR_INVALID: GGUF has no such models, or cannot say
 * what this one is; `path` names it. */
lmvr_status gguf_naming_for(const struct model_config *config, const char *path, struct gguf_naming *naming, lmvr_error *error);

/* The blocks of the encoder that its file has: those behind the states that are read are left out. */
int gguf_encoder_blocks(const struct model_config *config, const struct gguf_naming *naming);

/* The architecture of the language model's file: llama, qwen2, qwen2vl or qwen3vl. */
const char *gguf_architecture_for(const struct model_config *config);

/* The keys of the two files, but for general.… and the vocabulary's. `begin` is the token that all prompts begin with, -1:
 * none. The naming is that of gguf_naming_for(). */
void gguf_write_language_keys(const struct model_config *config, int32_t begin, struct gguf_writer *writer);
void gguf_write_encoder_keys(const struct model_config *config, const struct gguf_naming *naming, struct gguf_writer *writer);

#endif
