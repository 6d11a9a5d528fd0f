/*
 * GGUF files, versions 2 and 3, little-endian: metadata by key, the tensors' directory, their bytes
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Every count, length, type, alignment and offset is checked when
 * the file is opened, and nothing is allocated for a count that the file is too short for. Errors name the file and the key or
 * tensor.
 */
#ifndef LMVR_SRC_FORMAT_GGUF_H
#define LMVR_SRC_FORMAT_GGUF_H

#include "error.h"
#include "format/gguf_blocks.h"

#define GGUF_MAX_DIMS 4

struct gguf_tensor {
    char *name;
    const struct gguf_type *type;
    int dims;
    int64_t shape[GGUF_MAX_DIMS]; /* the last one is contiguous, unlike in the file; whole blocks */
    uint64_t begin, size;         /* bytes: offset in the file, and length */
};

/* A text of the file's, without a NUL at its end. */
struct gguf_text {
    const char *bytes;
    size_t length;
};

struct gguf; /* one open file */

/* Opens and checks `path`. Free with gguf_close(), which takes NULL. */
lmvr_status gguf_open(const char *path, struct gguf **file, lmvr_error *error);
void gguf_close(struct gguf *file);

size_t gguf_count(const struct gguf *file);
const struct gguf_tensor *gguf_at(const struct gguf *file, size_t index);       /* sorted by name, which each has once */
const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name); /* NULL: not there */
uint64_t gguf_hash(const struct gguf *file);                                    /* of all but the tensors' bytes */

/* Reads `size` of a tensor's bytes from byte `first` on. Thread-safe. */
lmvr_status gguf_read(const struct gguf *file, const struct gguf_tensor *tensor, uint64_t first, uint64_t size, void *out,
                      lmvr_error *error);

/* ---- metadata: LMVR_ERROR_INVALID where the key is missing, has another type, or is out of range ---------------------- */

bool gguf_has(const struct gguf *file, const char *key);
lmvr_status gguf_integer(const struct gguf *file, const char *key, int64_t least, int64_t most, int64_t *value,
                         lmvr_error *error);                                                         /* of any integer type */
lmvr_status gguf_number(const struct gguf *file, const char *key, double *value, lmvr_error *error); /* of any, and finite */
lmvr_status gguf_bool(const struct gguf *file, const char *key, bool *value, lmvr_error *error);
lmvr_status gguf_string(const struct gguf *file, const char *key, struct gguf_text *value, lmvr_error *error);

/* Arrays, to be freed; their texts are the file's. */
lmvr_status gguf_strings(const struct gguf *file, const char *key, struct gguf_text **values, size_t *count, lmvr_error *error);
lmvr_status gguf_numbers(const struct gguf *file, const char *key, double **values, size_t *count, lmvr_error *error);

#endif
