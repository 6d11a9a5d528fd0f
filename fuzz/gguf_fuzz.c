/* Bytes as a GGUF file: either refused, or every tensor that is read as floats can be read, and every key. */
#include "format/gguf.h"
#include "format/weight_file.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGEST 4096 /* most elements read of a tensor */

static void read_some(const struct weight_file *file, const struct weight_entry *entry)
{
    static float out[LARGEST];
    lmvr_error error;
    uint64_t whole = weight_entry_elements(entry), count = whole < LARGEST ? whole : LARGEST, first = whole - count;
    uint64_t bytes = entry->size < LARGEST ? entry->size : LARGEST / 8;
    if (file->format->read_bytes(file, entry, entry->size - bytes, bytes, out, &error) != LMVR_OK)
        abort();
    if (entry->is_float && (file->format->read(file, entry, first, count, out, &error) != LMVR_OK ||
                            file->format->read(file, entry, 0, count, out, &error) != LMVR_OK))
        abort();
    if (file->format->read(file, entry, first, count + 1, out, &error) == LMVR_OK ||
        weight_file_find(file, entry->name) != entry)
        abort();
}

static void read_keys(const struct gguf *file)
{
    static const char *const keys[] = {"a.u8", "a.text", "a.texts", "a.numbers", "a.floats", "a.bool", "general.architecture"};
    lmvr_error error;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int64_t integer = 0;
        double number = 0, *numbers = NULL;
        bool flag = false;
        struct gguf_text text, *texts = NULL;
        size_t count = 0;
        int read = gguf_integer(file, keys[i], INT64_MIN, INT64_MAX, &integer, &error) == LMVR_OK;
        read += gguf_bool(file, keys[i], &flag, &error) == LMVR_OK;
        read += gguf_string(file, keys[i], &text, &error) == LMVR_OK;
        read += gguf_strings(file, keys[i], &texts, &count, &error) == LMVR_OK;
        read += gguf_numbers(file, keys[i], &numbers, &count, &error) == LMVR_OK;
        if (read > 1 || (read == 1 && !gguf_has(file, keys[i])))
            abort();
        (void)gguf_number(file, keys[i], &number, &error);
        free(texts);
        free(numbers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[MEMORY_FILE_PATH];
    lmvr_error error;
    int fd = memory_file(data, size, path);
    struct weight_file file = {.path = path};
    if (weight_file_open_gguf(&file, &error) == LMVR_OK) {
        read_keys(file.content);
        for (size_t i = 0; i < file.count; i++)
            read_some(&file, &file.entries[i]);
    }
    if (file.format)
        file.format->close(&file);
    close(fd);
    return 0;
}
