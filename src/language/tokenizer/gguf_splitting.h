/* The ways of cutting texts into words that GGUF's files name (tokenizer.ggml.pre), both directions. Source: llama.cpp's
 * llama-vocab.cpp. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_GGUF_SPLITTING_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_GGUF_SPLITTING_H

#include <stdbool.h>
#include <stddef.h>

#define GGUF_MAX_PATTERNS 2

/* How texts are cut into words: the patterns in turn. */
struct gguf_splitting {
    const char *names;                       /* each with a space before and behind it; the first is written */
    const char *patterns[GGUF_MAX_PATTERNS]; /* NULL: no more */
    bool nfc;                                /* where no key says it */
    bool whole_words;                        /* a word of the vocabulary is taken whole, whatever the merges say */
    bool begins;                             /* where no key says it */
};

/* NULL: it is not known. */
const struct gguf_splitting *gguf_splitting_named(const char *name, size_t length);
const struct gguf_splitting *gguf_splitting_by(const char *const patterns[GGUF_MAX_PATTERNS], bool whole_words);

#endif
