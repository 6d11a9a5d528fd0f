/* Text to token ids and back. A tokenizer is read from SentencePiece's model file (Kudo and Richardson 2018), by its library,
 * or from the tokenizer.json of Hugging Face's tokenizers, or a GGUF file's vocabulary, by our own code. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tokenizer;

/* Opens a tokenizer.model, spiece.model, tokenizer.json or GGUF file: JSON is told by a name that ends in .json or by a first
 * byte '{', GGUF by its first bytes. Of tokenizer.json, BPE models are read, and a component that is not known is refused; its
 * truncation and padding are for its own library. */
lmvr_status tokenizer_open(const char *path, struct tokenizer **tokenizer, lmvr_error *error);
/* The tokenizer.json that says what a GGUF file does of its tokenizer, malloc'ed. */
lmvr_status tokenizer_json_of_gguf(const char *path, char **json, lmvr_error *error);
void tokenizer_close(struct tokenizer *tokenizer); /* NULL is allowed */

int tokenizer_size(const struct tokenizer *tokenizer); /* ids are below this */

/* The id of a piece or an added token, such as "<|im_end|>"; -1: there is none. */
int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *piece);

/* The ids of the text, without begin and end tokens; with SentencePiece's dummy prefix, where the model has one. Added tokens
 * of a tokenizer.json are found in the text, and bytes that are not UTF-8 become U+FFFD as with Python's errors="replace". The
 * caller frees *ids. Thread-safe. */
lmvr_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count,
                             lmvr_error *error);

/* The text of the ids as the file's own library decodes it; control pieces, special tokens and ids without a piece decode to
 * nothing. The caller frees *text. Thread-safe. */
lmvr_status tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                             lmvr_error *error);

/* ends (count) receives, for each id, where its part of that text ends, in bytes. A character made of several byte pieces
 * belongs to the last of them. */
lmvr_status tokenizer_ends(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t *ends,
                           lmvr_error *error);

/* What the file says stands before and after a text that is encoded alone, such as CLIP's <|startoftext|> and <|endoftext|>:
 * the post_processor of a tokenizer.json; nothing in a SentencePiece model. Borrows the ids. */
struct tokenizer_frame {
    const int32_t *before, *after;
    size_t before_count, after_count;
};
struct tokenizer_frame tokenizer_frame_of(const struct tokenizer *tokenizer);

/* Writes the vocabulary of a file that tokenizer_open() opens as keys of GGUF, tokenizer.ggml.…, but for those of begin and end
 * tokens. There are as many tokens as the embedding has `rows`; those that the file lacks are unused. LMVR_ERROR_INVALID: the
 * file says what GGUF cannot say. */
struct gguf_writer;
lmvr_status tokenizer_write_gguf(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
