/* A sequence of tokens built piece by piece, each piece a prediction target or not. */
#ifndef LMVR_TRAIN_CORPORA_TOKENS_H
#define LMVR_TRAIN_CORPORA_TOKENS_H

#include "language/tokenizer.h"
#include "train/corpora/batch.h"

/* Appends the ids to the sequence, whose arrays are malloc'ed and grow. */
lmvr_status tokens_add(struct batch_sequence *sequence, const int32_t *ids, size_t count, bool learned, lmvr_error *error);

/* Appends one id, or none if it is negative. */
lmvr_status tokens_add_one(struct batch_sequence *sequence, int id, bool learned, lmvr_error *error);

/* Appends the tokens of the text, tokenized on its own. */
lmvr_status tokens_add_text(struct batch_sequence *sequence, const struct tokenizer *tokenizer, const char *text, bool learned,
                            lmvr_error *error);

/* Puts a span of visual tokens behind the tokens so far. */
lmvr_status tokens_add_span(struct batch_sequence *sequence, lmvr_error *error);

/* Keeps the first `most` tokens. */
void tokens_cut(struct batch_sequence *sequence, int most);

/* Frees the arrays and leaves an empty sequence without an image. */
void tokens_finish(struct batch_sequence *sequence);

#endif
