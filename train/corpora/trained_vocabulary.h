/* The vocabulary of a run that was not given one: trained on its data, in an unnamed file until the run has its output folder.
 */
#ifndef LMVR_TRAIN_CORPORA_TRAINED_VOCABULARY_H
#define LMVR_TRAIN_CORPORA_TRAINED_VOCABULARY_H

#include "error.h"

struct trained_vocabulary {
    char *path;       /* in the output folder if an earlier call put it there, else of the unnamed file */
    const char *name; /* tokenizer.model or spiece.model */
    bool unnamed;
    int fd; /* of the unnamed file */
};

struct trained_vocabulary_options {
    const char *data;
    bool conversations; /* the data is a file for lab/dataset/conversations.h; else text */
    bool unigram;       /* like T5's, spiece.model; else like LLaMA's, tokenizer.model */
    int size;           /* pieces */
};

/* Uses the vocabulary in `output` if the run is resumed there (`resume`); else trains one. Call trained_vocabulary_finish() in
 * any case. */
lmvr_status trained_vocabulary_init(struct trained_vocabulary *vocabulary, const char *output, bool resume,
                                    const struct trained_vocabulary_options *options, lmvr_error *error);

/* Copies it to the output folder, which must exist. */
lmvr_status trained_vocabulary_keep(const struct trained_vocabulary *vocabulary, const char *output, lmvr_error *error);

void trained_vocabulary_finish(struct trained_vocabulary *vocabulary);

#endif
