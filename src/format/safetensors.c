#include "format/safetensors.h"

#include "format/file.h"
#include "format/half.h"
#include "format/hash.h"
#include "format/input.h"
#include "format/json.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "safetensors is little-endian, and values are read without swapping bytes");

#define LENGTH_SIZE 8         /* bytes of the header's length, which precedes the header */
#define MAX_HEADER  100000000 /* bytes, the format's own limit */
#define MAX_VALUES  4000000   /* in the header, to bound the memory for parsing it; a tensor has about 10 */
#define WIDEN_SIZE  (1 << 18) /* bytes of 16-bit floats read at a time, so that they are widened while in the CPU cache */
#define LARGE_READ  (1 << 20) /* bytes; reads of at least this size are dropped from the page cache */

struct safetensors {
    int fd;
    char *path;
    uint64_t data, data_size; /* offset and size of the tensors' bytes */
    uint64_t hash;
    size_t count;
    struct safetensors_entry *entries; /* sorted by name; names are owned */
    json_t *metadata;                  /* NULL: none */
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {[ST_F64] = {"F64", 8},   [ST_F32] = {"F32", 4},           [ST_F16] = {"F16", 2}, [ST_BF16] = {"BF16", 2},
              [ST_I64] = {"I64", 8},   [ST_I32] = {"I32", 4},           [ST_I16] = {"I16", 2}, [ST_I8] = {"I8", 1},
              [ST_U64] = {"U64", 8},   [ST_U32] = {"U32", 4},           [ST_U16] = {"U16", 2}, [ST_U8] = {"U8", 1},
              [ST_BOOL] = {"BOOL", 1}, [ST_OTHER] = {"another type", 0}};

size_t safetensors_dtype_size(enum safetensors_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *safetensors_dtype_name(enum safetensors_dtype dtype)
{
    return dtypes[dtype].name;
}

static enum safetensors_dtype dtype_named(const char *name)
{
    int dtype = 0;
    while (dtype < ST_OTHER && strcmp(dtypes[dtype].name, name) != 0)
        dtype++;
    return (enum safetensors_dtype)dtype;
}

/* ---- the header ------------------------------------------------------------------------------------------------------- */

static lmvr_status refuse(const struct safetensors *file, const char *name, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s %s", file->path, name, what);
}

static lmvr_status parse_shape(const struct safetensors *file, const json_t *shape, struct safetensors_entry *entry,
                               lmvr_error *error)
{
    if (!json_is_array(shape))
        return refuse(file, entry->name, "has no shape", error);
    if (json_array_size(shape) > SAFETENSORS_MAX_DIMS)
        return refuse(file, entry->name, "has more than 8 dimensions", error);
    entry->dims = (int)json_array_size(shape);
    for (int i = 0; i < entry->dims; i++) {
        const json_t *length = json_array_get(shape, (size_t)i);
        if (!json_is_integer(length) || json_integer_value(length) < 0)
            return refuse(file, entry->name, "has a shape that is not a list of whole numbers", error);
        entry->shape[i] = json_integer_value(length);
    }
    return LMVR_OK;
}

static lmvr_status parse_offsets(const struct safetensors *file, const json_t *offsets, struct safetensors_entry *entry,
                                 lmvr_error *error)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0)
        return refuse(file, entry->name, "has no data_offsets of two whole numbers", error);
    if (json_integer_value(end) < json_integer_value(begin))
        return refuse(file, entry->name, "ends before it begins", error);
    if ((uint64_t)json_integer_value(end) > file->data_size)
        return refuse(file, entry->name, "ends after the file", error);
    entry->begin = file->data + (uint64_t)json_integer_value(begin);
    entry->size = (uint64_t)(json_integer_value(end) - json_integer_value(begin));
    return LMVR_OK;
}

/* Checks the size in bytes against shape and dtype, unless the dtype is unknown. */
static lmvr_status check_size(const struct safetensors *file, const struct safetensors_entry *entry, lmvr_error *error)
{
    uint64_t size = safetensors_dtype_size(entry->dtype);
    if (entry->dtype == ST_OTHER)
        return LMVR_OK;
    for (int i = 0; i < entry->dims; i++)
        if (__builtin_mul_overflow(size, (uint64_t)entry->shape[i], &size))
            return refuse(file, entry->name, "has a shape that is too large", error);
    return size == entry->size
               ? LMVR_OK
               : refuse(file, entry->name, "has a size in bytes that does not match its shape and dtype", error);
}

static lmvr_status parse_entry(const struct safetensors *file, const char *name, const json_t *info,
                               struct safetensors_entry *entry, lmvr_error *error)
{
    entry->name = strdup(name);
    if (!entry->name)
        return error_no_memory(error, file->path);
    const json_t *dtype = json_object_get(info, "dtype");
    if (!json_is_string(dtype))
        return refuse(file, name, "has no dtype", error);
    entry->dtype = dtype_named(json_string_value(dtype));
    TRY(parse_shape(file, json_object_get(info, "shape"), entry, error));
    TRY(parse_offsets(file, json_object_get(info, "data_offsets"), entry, error));
    return check_size(file, entry, error);
}

static lmvr_status take_metadata(struct safetensors *file, json_t *metadata, lmvr_error *error)
{
    const char *key;
    json_t *value;
    bool good = json_is_object(metadata);
    json_object_foreach(metadata, key, value) good = good && json_is_string(value);
    file->metadata = good ? json_incref(metadata) : NULL;
    return good ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: __metadata__ is not an object of strings", file->path);
}

static int compare_places(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->size == y->size ? 0 : x->size < y->size ? -1 : 1;
}

static int compare_names(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The format requires that every byte belong to exactly one tensor. */
static lmvr_status check_coverage(struct safetensors *file, lmvr_error *error)
{
    uint64_t end = file->data;
    if (file->count > 0)
        qsort(file->entries, file->count, sizeof *file->entries, compare_places);
    for (size_t i = 0; i < file->count; end += file->entries[i++].size)
        if (file->entries[i].begin != end)
            return refuse(file, file->entries[i].name,
                          file->entries[i].begin < end ? "overlaps another" : "leaves a gap before it", error);
    if (end != file->data + file->data_size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu bytes that belong to no tensor", file->path,
                         (unsigned long long)(file->data + file->data_size - end));
    return LMVR_OK;
}

static lmvr_status parse_header(struct safetensors *file, const json_t *header, lmvr_error *error)
{
    const char *name;
    json_t *info;
    file->entries = calloc(json_object_size(header) + 1, sizeof *file->entries);
    if (!file->entries)
        return error_no_memory(error, file->path);
    json_object_foreach((json_t *)header, name, info)
    {
        if (strcmp(name, "__metadata__") == 0)
            TRY(take_metadata(file, info, error));
        else
            TRY(parse_entry(file, name, info, &file->entries[file->count++], error));
    }
    TRY(check_coverage(file, error));
    if (file->count > 0)
        qsort(file->entries, file->count, sizeof *file->entries, compare_names);
    return LMVR_OK;
}

static bool has_too_many_values(const char *header, uint64_t size)
{
    size_t count = 0;
    for (uint64_t i = 0; i < size; i++)
        count += header[i] == ',' || header[i] == '[' || header[i] == '{';
    return count > MAX_VALUES;
}

static lmvr_status read_header(struct safetensors *file, char *header, uint64_t size, lmvr_error *error)
{
    json_t *root = NULL;
    TRY(file_read_at(file->fd, file->path, header, size, LENGTH_SIZE, error));
    if (size == 0 || header[0] != '{')
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a safetensors file: its header is not JSON", file->path);
    if (has_too_many_values(header, size))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a header of more than %d values", file->path, MAX_VALUES);
    file->hash = hash_bytes(HASH_START, header, size);
    TRY(json_parse(file->path, header, size, &root, error));
    lmvr_status status = parse_header(file, root, error);
    json_decref(root);
    return status;
}

static lmvr_status open_file(struct safetensors *file, lmvr_error *error)
{
    uint64_t size, length = 0;
    TRY(input_open(file->path, &file->fd, &size, error));
    if (size < LENGTH_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is too short for a safetensors file", file->path);
    TRY(file_read_at(file->fd, file->path, &length, LENGTH_SIZE, 0, error));
    if (length > MAX_HEADER || length > size - LENGTH_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is truncated or not a safetensors file: its header has %llu bytes",
                         file->path, (unsigned long long)length);
    file->data = LENGTH_SIZE + length;
    file->data_size = size - file->data;
    char *header = malloc(length + 1);
    if (!header)
        return error_no_memory(error, file->path);
    lmvr_status status = read_header(file, header, length, error);
    free(header);
    posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return status;
}

lmvr_status safetensors_open(const char *path, struct safetensors **file, lmvr_error *error)
{
    struct safetensors *f = *file = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(error, path);
    f->fd = -1;
    f->path = strdup(path);
    lmvr_status status = f->path ? open_file(f, error) : error_no_memory(error, path);
    if (status != LMVR_OK) {
        safetensors_close(f);
        *file = NULL;
    }
    return status;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->count; i++)
        free((char *)file->entries[i].name);
    free(file->entries);
    json_decref(file->metadata);
    free(file->path);
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
    return file->count;
}

const struct safetensors_entry *safetensors_entry_at(const struct safetensors *file, size_t index)
{
    return &file->entries[index];
}

const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name)
{
    struct safetensors_entry key = {.name = name};
    return file->count == 0 ? NULL : bsearch(&key, file->entries, file->count, sizeof key, compare_names);
}

const char *safetensors_path(const struct safetensors *file)
{
    return file->path;
}

uint64_t safetensors_header_hash(const struct safetensors *file)
{
    return file->hash;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(file->metadata, key));
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static lmvr_status check_range(const struct safetensors *file, const struct safetensors_entry *entry, uint64_t first,
                               uint64_t count, lmvr_error *error)
{
    uint64_t size = safetensors_dtype_size(entry->dtype);
    if (size == 0)
        return refuse(file, entry->name, "has an unknown dtype", error);
    uint64_t whole = entry->size / size;
    return first <= whole && count <= whole - first ? LMVR_OK : refuse(file, entry->name, "is read beyond its end", error);
}

/* Drops a large read from the page cache: weights are read once and packed, so the cached copy only costs memory. */
static void forget(const struct safetensors *file, uint64_t offset, uint64_t size)
{
    if (size >= LARGE_READ)
        posix_fadvise(file->fd, (off_t)offset, (off_t)size, POSIX_FADV_DONTNEED);
}

lmvr_status safetensors_read_raw(const struct safetensors *file, const struct safetensors_entry *entry, uint64_t first,
                                 uint64_t count, void *out, lmvr_error *error)
{
    TRY(check_range(file, entry, first, count, error));
    uint64_t size = safetensors_dtype_size(entry->dtype), offset = entry->begin + first * size;
    TRY(file_read_at(file->fd, file->path, out, count * size, (off_t)offset, error));
    forget(file, offset, count * size);
    return LMVR_OK;
}

lmvr_status safetensors_read_f32(const struct safetensors *file, const struct safetensors_entry *entry, uint64_t first,
                                 uint64_t count, float *out, lmvr_error *error)
{
    if (entry->dtype == ST_F32)
        return safetensors_read_raw(file, entry, first, count, out, error);
    if (entry->dtype != ST_F16 && entry->dtype != ST_BF16)
        return refuse(file, entry->name, "has a dtype other than F32, F16 and BF16", error);
    TRY(check_range(file, entry, first, count, error));
    uint64_t offset = entry->begin + first * sizeof(uint16_t), step = WIDEN_SIZE / sizeof(uint16_t);
    uint16_t *part = malloc(WIDEN_SIZE);
    lmvr_status status = part ? LMVR_OK : error_no_memory(error, file->path);
    for (uint64_t i = 0; i < count && status == LMVR_OK; i += step) {
        size_t n = count - i < step ? count - i : step;
        status = file_read_at(file->fd, file->path, part, n * sizeof *part, (off_t)(offset + i * sizeof *part), error);
        if (status != LMVR_OK)
            break;
        if (entry->dtype == ST_F16)
            half_widen_f16(part, n, out + i);
        else
            half_widen_bf16(part, n, out + i);
    }
    free(part);
    forget(file, offset, count * sizeof(uint16_t));
    return status;
}
