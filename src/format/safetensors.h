/*
 * safetensors files: a JSON header that names the tensors, then their bytes (https://github.com/huggingface/safetensors).
 * Every length, offset, shape and name is checked when the file is opened. Reads use pread, so a file that is truncated
 * afterwards gives an error rather than a signal.
 */
#ifndef LMVR_SRC_FORMAT_SAFETENSORS_H
#define LMVR_SRC_FORMAT_SAFETENSORS_H

#include "error.h"

enum safetensors_dtype {
    ST_F64,
    ST_F32,
    ST_F16,
    ST_BF16,
    ST_I64,
    ST_I32,
    ST_I16,
    ST_I8,
    ST_U64,
    ST_U32,
    ST_U16,
    ST_U8,
    ST_BOOL,
    ST_OTHER
};

#define SAFETENSORS_MAX_DIMS 8

struct safetensors_entry {
    const char *name; /* the file's */
    enum safetensors_dtype dtype;
    int dims;
    int64_t shape[SAFETENSORS_MAX_DIMS];
    uint64_t begin, size; /* bytes: offset in the file, and length */
};

struct safetensors; /* one open file */

/* Opens and checks `path`. Free with safetensors_close(), which takes NULL. */
lmvr_status safetensors_open(const char *path, struct safetensors **file, lmvr_error *error);
void safetensors_close(struct safetensors *file);

size_t safetensors_count(const struct safetensors *file);
const struct safetensors_entry *safetensors_entry_at(const struct safetensors *file, size_t index);
const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name); /* NULL: not there */
const char *safetensors_path(const struct safetensors *file);
uint64_t safetensors_header_hash(const struct safetensors *file);

/* The value of `key` in __metadata__, owned by the file; NULL: none. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Bytes per element, 0 for ST_OTHER; and the format's own name, such as "BF16". */
size_t safetensors_dtype_size(enum safetensors_dtype dtype);
const char *safetensors_dtype_name(enum safetensors_dtype dtype);

/* Reads `count` elements, starting at element `first`, into `out`, converted to f32 (F32, F16 and BF16 only). Thread-safe. */
lmvr_status safetensors_read_f32(const struct safetensors *file, const struct safetensors_entry *entry, uint64_t first,
                                 uint64_t count, float *out, lmvr_error *error);
/* The same without conversion: `out` has count * dtype size bytes. */
lmvr_status safetensors_read_raw(const struct safetensors *file, const struct safetensors_entry *entry, uint64_t first,
                                 uint64_t count, void *out, lmvr_error *error);

/* Writes a file atomically, with the tensors in the order given. `metadata` is NULL or an array of key, value, key, value, ...,
 * NULL. */
struct safetensors_write {
    const char *name;
    enum safetensors_dtype dtype;
    int dims;
    int64_t shape[SAFETENSORS_MAX_DIMS];
    const void *data;
    /* NULL: data is the host's; else it is asked for the tensor's bytes part by part, in order, from byte `at` on. A part is of
     * whole elements. */
    lmvr_status (*read)(const struct safetensors_write *tensor, uint64_t at, size_t bytes, void *to, lmvr_error *error);
    void *reader; /* the function's */
};
lmvr_status safetensors_write(const char *path, const struct safetensors_write *tensors, size_t count,
                              const char *const *metadata, lmvr_error *error);

#endif
