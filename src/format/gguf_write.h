/* Writes GGUF files, version 3 (gguf.h reads them): keys and tensors are added one by one, and the file is made of them at
 * once. */
#ifndef LMVR_SRC_FORMAT_GGUF_WRITE_H
#define LMVR_SRC_FORMAT_GGUF_WRITE_H

#include "format/gguf.h"

struct gguf_writer;

lmvr_status gguf_writer_create(struct gguf_writer **writer, lmvr_error *error);
void gguf_writer_free(struct gguf_writer *writer); /* NULL is allowed */

/* Keys, which are copied. Running out of memory shows when the file is written. */
void gguf_write_u32(struct gguf_writer *writer, const char *key, uint32_t value);
void gguf_write_f32(struct gguf_writer *writer, const char *key, float value);
void gguf_write_bool(struct gguf_writer *writer, const char *key, bool value);
void gguf_write_string(struct gguf_writer *writer, const char *key, const char *value);
void gguf_write_i32s(struct gguf_writer *writer, const char *key, const int32_t *values, size_t count);
void gguf_write_f32s(struct gguf_writer *writer, const char *key, const float *values, size_t count);
void gguf_write_bools(struct gguf_writer *writer, const char *key, const bool *values, size_t count);
void gguf_write_strings(struct gguf_writer *writer, const char *key, const struct gguf_text *values, size_t count);

/* `count` elements of a tensor from element `first` on. */
typedef lmvr_status gguf_source(const void *user, uint64_t first, uint64_t count, float *out, lmvr_error *error);

/* A tensor, whose floats are asked for when the file is written. The name is copied; the last dimension is contiguous and of
 * whole blocks of the type, which has to be one that is written. */
lmvr_status gguf_write_tensor(struct gguf_writer *writer, const char *name, const struct gguf_type *type, int dims,
                              const int64_t *shape, gguf_source *read, const void *user, lmvr_error *error);

/* Puts the file in the place of whatever is there, when all of it is on disk. */
lmvr_status gguf_writer_finish(struct gguf_writer *writer, const char *path, lmvr_error *error);

#endif
