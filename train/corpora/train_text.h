/* Trains a vocabulary on the texts of training data. */
#ifndef LMVR_TRAIN_CORPORA_TRAIN_TEXT_H
#define LMVR_TRAIN_CORPORA_TRAIN_TEXT_H

#include "error.h"

/* A vocabulary's model file, to be freed, of LLaMA's kind, or T5's where `unigram`: trained on plain text, or where
 * `conversations` on what those of dataset/conversations.h say. */
lmvr_status train_text_vocabulary(const char *data, bool conversations, int size, bool unigram, char **model,
                                  size_t *model_size, lmvr_error *error);

#endif
