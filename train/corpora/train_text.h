/* Trains a vocabulary on the texts of training data. */
#ifndef LMVR_TRAIN_CORPORA_TRAIN_TEXT_H
#define LMVR_TRAIN_CORPORA_TRAIN_TEXT_H

#include "error.h"

/* Trains a vocabulary like LLaMA's, or T5's if `unigram`; *model is its file's contents, to be freed. The data is plain text,
 * or if `conversations` a file for lab/dataset/conversations.h. */
lmvr_status train_text_vocabulary(const char *data, bool conversations, int size, bool unigram, char **model,
                                  size_t *model_size, lmvr_error *error);

#endif
