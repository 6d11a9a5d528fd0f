#include "format/safetensors.h"
#include "format/weight_file.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(SAFETENSORS_MAX_DIMS <= WEIGHT_MAX_DIMS, "shapes fit");

/* Entries are in the order of the file's own. */
static const struct safetensors_entry *own_entry(const struct weight_file *file, const struct weight_entry *entry)
{
    return safetensors_entry_at(file->content, (size_t)(entry - file->entries));
}

static void close_file(struct weight_file *file)
{
    safetensors_close(file->content);
    free(file->entries);
}

static lmvr_status read_floats(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    return safetensors_read_f32(file->content, own_entry(file, entry), first, count, out, error);
}

static lmvr_status read_bytes(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error)
{
    return safetensors_read_raw(file->content, own_entry(file, entry), first / entry->unit, size / entry->unit, out, error);
}

static void describe(const struct safetensors_entry *from, struct weight_entry *entry)
{
    *entry = (struct weight_entry){.name = from->name,
                                   .dtype = safetensors_dtype_name(from->dtype),
                                   .is_float = from->dtype == ST_F32 || from->dtype == ST_F16 || from->dtype == ST_BF16,
                                   .dims = from->dims,
                                   .size = from->size,
                                   .unit = safetensors_dtype_size(from->dtype)};
    memcpy(entry->shape, from->shape, sizeof from->shape);
}

lmvr_status weight_file_open_safetensors(struct weight_file *file, lmvr_error *error)
{
    static const struct weight_format format = {close_file, read_floats, read_bytes};
    struct safetensors *content;
    TRY(safetensors_open(file->path, &content, error));
    file->format = &format;
    file->content = content;
    file->hash = safetensors_header_hash(content);
    file->entries = calloc(safetensors_count(content) + 1, sizeof *file->entries);
    if (!file->entries)
        return error_no_memory(error, file->path);
    file->count = safetensors_count(content);
    for (size_t i = 0; i < file->count; i++)
        describe(safetensors_entry_at(content, i), &file->entries[i]);
    return LMVR_OK;
}
