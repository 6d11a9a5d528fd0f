#include "format/file.h"
#include "format/replace.h"
#include "format/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 8 /* bytes; the header is padded with spaces so that the tensors start aligned */

static lmvr_status tensor_size(const char *path, const struct safetensors_write *tensor, uint64_t *size, lmvr_error *error)
{
    *size = safetensors_dtype_size(tensor->dtype);
    bool good = *size > 0 && tensor->dims >= 0 && tensor->dims <= SAFETENSORS_MAX_DIMS;
    for (int i = 0; i < tensor->dims && good; i++)
        good = tensor->shape[i] >= 0 && !__builtin_mul_overflow(*size, (uint64_t)tensor->shape[i], size);
    return good ? LMVR_OK
                : error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s has a shape or type that cannot be written", path,
                            tensor->name);
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}; NULL: out of memory. */
static json_t *describe(const struct safetensors_write *tensor, uint64_t begin, uint64_t end)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->dims && shape; i++)
        if (json_array_append_new(shape, json_integer(tensor->shape[i])) != 0) {
            json_decref(shape);
            shape = NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", safetensors_dtype_name(tensor->dtype), "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)end);
}

static lmvr_status add_tensors(const char *path, const struct safetensors_write *tensors, size_t count, json_t *header,
                               lmvr_error *error)
{
    uint64_t begin = 0, size;
    for (size_t i = 0; i < count; i++, begin += size) {
        TRY(tensor_size(path, &tensors[i], &size, error));
        if (size > (uint64_t)INT64_MAX - begin)
            return error_set(error, LMVR_ERROR_INVALID, "%s: its tensors are too large for a file", path);
        if (strcmp(tensors[i].name, "__metadata__") == 0 || json_object_get(header, tensors[i].name))
            return error_set(error, LMVR_ERROR_INVALID, "%s: duplicate name %s", path, tensors[i].name);
        if (json_object_set_new(header, tensors[i].name, describe(&tensors[i], begin, begin + size)) != 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s has a name that is not UTF-8", path, tensors[i].name);
    }
    return LMVR_OK;
}

static lmvr_status add_metadata(const char *path, const char *const *metadata, json_t *header, lmvr_error *error)
{
    json_t *object = metadata ? json_object() : NULL;
    bool good = true;
    for (const char *const *pair = metadata; object && pair[0] && good; pair += 2)
        good = json_object_set_new(object, pair[0], json_string(pair[1])) == 0;
    if (object && (json_object_set_new(header, "__metadata__", object) != 0 || !good))
        return error_set(error, LMVR_ERROR_INVALID, "%s: its metadata is not UTF-8", path);
    return LMVR_OK;
}

/* The header's bytes, preceded by their length, to be freed. */
static lmvr_status make_header(const char *path, const struct safetensors_write *tensors, size_t count,
                               const char *const *metadata, char **bytes, size_t *size, lmvr_error *error)
{
    json_t *header = json_object();
    lmvr_status status = header ? add_metadata(path, metadata, header, error) : error_no_memory(error, path);
    if (status == LMVR_OK)
        status = add_tensors(path, tensors, count, header, error);
    size_t length = status == LMVR_OK ? json_dumpb(header, NULL, 0, JSON_COMPACT) : 0;
    uint64_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *size = sizeof padded + padded;
    *bytes = status == LMVR_OK ? malloc(*size) : NULL;
    if (*bytes) {
        memcpy(*bytes, &padded, sizeof padded);
        memset(*bytes + sizeof padded, ' ', padded);
        json_dumpb(header, *bytes + sizeof padded, length, JSON_COMPACT);
    } else if (status == LMVR_OK) {
        status = error_no_memory(error, path);
    }
    json_decref(header);
    return status;
}

struct contents {
    const struct safetensors_write *tensors;
    size_t count;
    const char *header;
    size_t header_size;
};

#define PIECE ((uint64_t)4 << 20) /* bytes that are read at a time */

static lmvr_status write_read(const struct safetensors_write *tensor, uint64_t bytes, off_t offset, int fd, const char *path,
                              lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    char *buffer = malloc(bytes < PIECE ? bytes + 1 : PIECE);
    if (!buffer)
        return error_no_memory(error, path);
    for (uint64_t at = 0, count; at < bytes && status == LMVR_OK; at += count) {
        count = bytes - at < PIECE ? bytes - at : PIECE;
        status = tensor->read(tensor, at, count, buffer, error);
        if (status == LMVR_OK)
            status = file_write_at(fd, path, buffer, count, offset + (off_t)at, error);
    }
    free(buffer);
    return status;
}

static lmvr_status write_contents(void *user, int fd, const char *path, lmvr_error *error)
{
    const struct contents *contents = user;
    off_t offset = (off_t)contents->header_size;
    uint64_t bytes;
    TRY(file_write_at(fd, path, contents->header, contents->header_size, 0, error));
    for (size_t i = 0; i < contents->count; i++, offset += (off_t)bytes) {
        TRY(tensor_size(path, &contents->tensors[i], &bytes, error));
        if (contents->tensors[i].read)
            TRY(write_read(&contents->tensors[i], bytes, offset, fd, path, error));
        else
            TRY(file_write_at(fd, path, contents->tensors[i].data, bytes, offset, error));
    }
    return LMVR_OK;
}

lmvr_status safetensors_write(const char *path, const struct safetensors_write *tensors, size_t count,
                              const char *const *metadata, lmvr_error *error)
{
    char *header;
    size_t size;
    TRY(make_header(path, tensors, count, metadata, &header, &size, error));
    struct contents contents = {tensors, count, header, size};
    lmvr_status status = file_replace_by(path, write_contents, &contents, error);
    free(header);
    return status;
}
