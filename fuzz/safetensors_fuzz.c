/* Bytes as a safetensors file: either refused, or everything in its header can be read, quantized matrices as numbers too. */
#include "format/safetensors.h"
#include "format/weight_file.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGEST 4096 /* most elements read of a tensor */

static void read_some(const struct safetensors *file, const struct safetensors_entry *entry)
{
    float out[LARGEST];
    lmvr_error error;
    uint64_t size = safetensors_dtype_size(entry->dtype), whole = size > 0 ? entry->size / size : 0;
    uint64_t count = whole < LARGEST ? whole : LARGEST;
    lmvr_status status = safetensors_read_f32(file, entry, whole - count, count, out, &error);
    bool is_float = entry->dtype == ST_F32 || entry->dtype == ST_F16 || entry->dtype == ST_BF16;
    if (is_float != (status == LMVR_OK) || safetensors_read_f32(file, entry, whole - count, count + 1, out, &error) == LMVR_OK)
        abort();
    if (safetensors_find(file, entry->name) != entry)
        abort();
}

/* Only a scale that is not finite keeps a quantized matrix from being read. */
static void read_matrix(const struct weight_file *file, const struct weight_entry *entry)
{
    float out[LARGEST];
    lmvr_error error;
    uint64_t whole = weight_entry_elements(entry), count = whole < LARGEST ? whole : LARGEST;
    lmvr_status status = file->format->read(file, entry, whole - count, count, out, &error);
    if (status != LMVR_OK && status != LMVR_ERROR_INVALID)
        abort();
    if (file->format->read(file, entry, whole - count, count + 1, out, &error) == LMVR_OK)
        abort();
}

static void read_matrices(const char *path)
{
    lmvr_error error;
    struct weight_file *file;
    if (weight_file_open(path, &file, &error) != LMVR_OK)
        return;
    for (size_t i = 0; i < file->count; i++)
        if (file->entries[i].row_bits)
            read_matrix(file, &file->entries[i]);
    weight_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[MEMORY_FILE_PATH];
    lmvr_error error;
    int fd = memory_file(data, size, path);
    struct safetensors *file;
    if (safetensors_open(path, &file, &error) == LMVR_OK) {
        for (size_t i = 0; i < safetensors_count(file); i++)
            read_some(file, safetensors_entry_at(file, i));
        safetensors_close(file);
        read_matrices(path);
    }
    close(fd);
    return 0;
}
