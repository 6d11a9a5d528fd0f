/* SentencePiece tokenizers (Kudo and Richardson 2018), by the SentencePiece library. */
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

/* The ids of the text, dummy prefix included, without begin and end tokens. The caller frees *ids. Thread-safe. */
lmvr_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count,
                             lmvr_error *error);

/* The text of the ids as SentencePiece decodes it; control pieces and ids without a piece decode to nothing. The caller frees
 * *text. Thread-safe. */
lmvr_status tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                             lmvr_error *error);

/* ends (count) receives, for each id, where its part of that text ends, in bytes. A character made of several byte pieces
 * belongs to the last of them. */
lmvr_status tokenizer_ends(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t *ends,
                           lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
