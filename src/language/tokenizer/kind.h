/* The interface of a kind of tokenizer, whose struct begins with a struct tokenizer. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_KIND_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_KIND_H

#include "language/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As the functions of tokenizer.h. Decoded text is `size` bytes, and may have zero bytes in it. */
struct tokenizer_kind {
    void (*close)(struct tokenizer *tokenizer);
    int (*size)(const struct tokenizer *tokenizer);
    int32_t (*find)(const struct tokenizer *tokenizer, const char *piece);
    lmvr_status (*encode)(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count, lmvr_error *error);
    lmvr_status (*decode)(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *size,
                          lmvr_error *error);
    struct tokenizer_frame (*frame)(const struct tokenizer *tokenizer);
};

struct tokenizer {
    const struct tokenizer_kind *kind;
};

lmvr_status tokenizer_open_sentencepiece(const char *path, struct tokenizer **tokenizer, lmvr_error *error);
lmvr_status tokenizer_open_json(const char *path, struct tokenizer **tokenizer, lmvr_error *error);
lmvr_status tokenizer_open_gguf(const char *path, struct tokenizer **tokenizer, lmvr_error *error);

/* As tokenizer_write_gguf(). */
struct gguf_writer;
lmvr_status tokenizer_write_sentencepiece(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error);
lmvr_status tokenizer_write_json(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error);
lmvr_status tokenizer_copy_gguf(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error);

/* A tokenizer.json that has been read from `path`, or made of what was. */
struct json_t;
lmvr_status tokenizer_parse_json(const char *path, const struct json_t *root, struct tokenizer **tokenizer, lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
