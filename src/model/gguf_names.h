/* What GGUF's files call the weights that have canonical names (checkpoint.h), and back: llama.cpp's gguf-py/gguf/constants.py
 * and its conversion scripts, of old and of today. */
#ifndef LMVR_SRC_MODEL_GGUF_NAMES_H
#define LMVR_SRC_MODEL_GGUF_NAMES_H

#include "format/gguf.h"
#include "model/config.h"

/* What a file holds: a language model, or an image encoder of a kind of projector. */
enum gguf_content { GGUF_LANGUAGE, GGUF_LLAVA, GGUF_IDEFICS3, GGUF_QWEN2, GGUF_QWEN2_5, GGUF_QWEN3 };

struct gguf_naming {
    enum gguf_content content;
    bool swapped; /* old files: an encoder's first MLP layer is called down, its second up */
    /* Of the encoder's blocks, counted from 0, those that DeepStack's mergers read; by them GGUF calls the mergers. */
    int deep[CONFIG_MAX_LEVELS], deep_count;
};

/* The naming of a language model's file, by general.architecture, or of an encoder's, by clip.projector_type.
 * LMVR_ERROR_INVALID: it is of a kind that is not read. */
lmvr_status gguf_naming_of(const struct gguf *file, const char *path, struct gguf_naming *naming, lmvr_error *error);

/* What clip.projector_type calls an encoder's content. */
const char *gguf_projector_name(enum gguf_content content);

/* The canonical name, malloc'ed; *known is false, and the name is the file's, where there is none. NULL: out of memory. */
char *gguf_name_canonical(const struct gguf_naming *naming, const char *name, bool *known);

/* The name in GGUF of a canonical one, malloc'ed: *known as above. */
char *gguf_name_of(const struct gguf_naming *naming, const char *canonical, bool *known);

#endif
