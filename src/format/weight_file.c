#include "format/weight_file.h"

#include "format/file.h"
#include "format/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a file begins with; a safetensors file begins with a length. */
static const struct {
    const char *begin;
    size_t size;
    lmvr_status (*open)(struct weight_file *file, lmvr_error *error);
} formats[] = {
    {"PK\3\4", 4, weight_file_open_torch},
    {"\x80\2\x8a\x0a", 4, weight_file_open_torch}, /* before PyTorch 1.6 */
    {"GGUF", 4, weight_file_open_gguf},
    {"", 0, weight_file_open_safetensors},
};

static lmvr_status open_format(struct weight_file *file, lmvr_error *error)
{
    char begin[4] = {0};
    uint64_t size = 0;
    int fd = -1, format = 0;
    TRY(input_open(file->path, &fd, &size, error));
    lmvr_status status = file_read_at(fd, file->path, begin, size < sizeof begin ? size : sizeof begin, 0, error);
    close(fd);
    while (memcmp(begin, formats[format].begin, formats[format].size) != 0)
        format++;
    return status == LMVR_OK ? formats[format].open(file, error) : status;
}

lmvr_status weight_file_open(const char *path, struct weight_file **file, lmvr_error *error)
{
    struct weight_file *f = *file = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(error, path);
    f->path = strdup(path);
    lmvr_status status = f->path ? open_format(f, error) : error_no_memory(error, path);
    if (status != LMVR_OK) {
        weight_file_close(f);
        *file = NULL;
    }
    return status;
}

void weight_file_close(struct weight_file *file)
{
    if (!file)
        return;
    if (file->format)
        file->format->close(file);
    free(file->path);
    free(file);
}

static int compare_names(const void *a, const void *b)
{
    const struct weight_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

const struct weight_entry *weight_file_find(const struct weight_file *file, const char *name)
{
    struct weight_entry key = {.name = name};
    return file->count == 0 ? NULL : bsearch(&key, file->entries, file->count, sizeof key, compare_names);
}

uint64_t weight_entry_elements(const struct weight_entry *entry)
{
    uint64_t count = 1;
    for (int i = 0; i < entry->dims; i++)
        count *= (uint64_t)entry->shape[i];
    return count;
}
