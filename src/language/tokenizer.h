/* SentencePiece vocabularies (Kudo and Richardson 2018), by their own library. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tokenizer;

/* Opens a tokenizer.model or spiece.model. */
lmvr_status tokenizer_open(const char *path, struct tokenizer **tokenizer, lmvr_error *error);
void tokenizer_close(struct tokenizer *tokenizer); /* NULL is allowed */

int tokenizer_size(const struct tokenizer *tokenizer); /* pieces */

/* Ids of the text, dummy prefix included, no begin or end token. *ids is malloc'ed, the caller's. Thread-safe. */
lmvr_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count,
                             lmvr_error *error);

/* The text of the ids as SentencePiece decodes it; control pieces, and ids without a piece, decode to nothing.
 * *text is malloc'ed, the caller's. Thread-safe. */
lmvr_status tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                             lmvr_error *error);

/* For each id, how many bytes of that text it and those before it make: ends (count). A character that several byte pieces make
 * is the last one's. */
lmvr_status tokenizer_ends(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t *ends,
                           lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
