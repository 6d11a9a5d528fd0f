/* Bytes as a file of PyTorch's: either refused, or every tensor in it can be read. */
#include "format/weight_file.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGEST 4096 /* most elements read of a tensor */

static void read_some(const struct weight_file *file, const struct weight_entry *entry)
{
    char out[8 * LARGEST];
    lmvr_error error;
    uint64_t whole = weight_entry_elements(entry), count = whole < LARGEST ? whole : LARGEST, first = whole - count;
    if (file->format->read_bytes(file, entry, first * entry->unit, count * entry->unit, out, &error) != LMVR_OK)
        abort();
    float *floats = (float *)out;
    if (entry->is_float && file->format->read(file, entry, first, count, floats, &error) != LMVR_OK)
        abort();
    if (file->format->read(file, entry, first, count + 1, floats, &error) == LMVR_OK ||
        weight_file_find(file, entry->name) != entry)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[MEMORY_FILE_PATH];
    lmvr_error error;
    int fd = memory_file(data, size, path);
    struct weight_file file = {.path = path};
    if (weight_file_open_torch(&file, &error) == LMVR_OK)
        for (size_t i = 0; i < file.count; i++)
            read_some(&file, &file.entries[i]);
    if (file.format)
        file.format->close(&file);
    close(fd);
    return 0;
}
