#include "format/weight_file.h"

#include <stdlib.h>
#include <string.h>

lmvr_status weight_file_open(const char *path, struct weight_file **file, lmvr_error *error)
{
    struct weight_file *f = *file = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(error, path);
    f->path = strdup(path);
    lmvr_status status = f->path ? weight_file_open_safetensors(f, error) : error_no_memory(error, path);
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
