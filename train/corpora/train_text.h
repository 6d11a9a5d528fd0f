/* The texts of training data, for a vocabulary. */
#ifndef LMVR_TRAIN_CORPORA_TRAIN_TEXT_H
#define LMVR_TRAIN_CORPORA_TRAIN_TEXT_H

#include "error.h"

/* Trains a vocabulary of LLaMA's kind, or T5's where `unigram`, and writes it at `path`: on plain text, or where
 * `conversations` on what those of dataset/conversations.h say. */
lmvr_status train_text_vocabulary(const char *data, bool conversations, int size, bool unigram, const char *path,
                                  lmvr_error *error);

#endif
