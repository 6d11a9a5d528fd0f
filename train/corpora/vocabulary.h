/* Trains a vocabulary with SentencePiece's trainer. */
#ifndef LMVR_TRAIN_CORPORA_VOCABULARY_H
#define LMVR_TRAIN_CORPORA_VOCABULARY_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vocabulary_options {
    const char *const *texts; /* (count) plain text files, a sentence or document per line */
    int text_count;
    const char *name; /* for error messages, what to call the texts; NULL: the first one's path */
    int size;         /* pieces, including special ones; all are used */
    bool unigram; /* like T5's (<pad> 0, </s> 1, <unk> 2, no begin token); else BPE like LLaMA's (<unk> 0, <s> 1, </s> 2), with
                     byte fallback and split digits, keeping "\n" and runs of spaces */
    uint64_t seed;
};

/*
 * Returns the contents of the model file (tokenizer.model, spiece.model), to be freed. The same input gives the same bytes.
 * Skips lines of more than 64 KiB, and lines without a letter or punctuation; of more than 256 MiB of text it takes a seeded
 * random share. LMVR_ERROR_INVALID: there is no text, or too little for that many pieces, or it has more characters than that;
 * the message says how many pieces are possible. SentencePiece's own messages are switched off for the process.
 */
lmvr_status vocabulary_train(const struct vocabulary_options *options, char **model, size_t *model_size, lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
