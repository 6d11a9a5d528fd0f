#include "store/row_files.h"

#include <stdlib.h>
#include <string.h>

#define MOST_OPEN 64 /* files that are kept open: a process may have 1024, and others need some of them */

static lmvr_status make_room(struct row_files *files, lmvr_error *error)
{
    if (files->count < files->space)
        return LMVR_OK;
    size_t space = files->space ? 2 * files->space : 1;
    struct numbered_file *more = realloc(files->files, space * sizeof *more);
    if (!more)
        return error_no_memory(error, "the list of parts");
    files->files = more;
    files->space = space;
    return LMVR_OK;
}

static lmvr_status check(const struct row_files *files, const struct numbered_file *file, lmvr_error *error)
{
    if (files->count > 0 && file->reader.dim != files->dim)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has rows of %llu values, but those of %s have %zu", file->path,
                         (unsigned long long)file->reader.dim, files->files[0].path, files->dim);
    if (file->rows > INT64_MAX - files->rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has too many rows", file->path);
    return LMVR_OK;
}

lmvr_status row_files_add(struct row_files *files, const char *path, lmvr_error *error)
{
    TRY(make_room(files, error));
    struct numbered_file file = {.path = strdup(path), .first = files->rows};
    if (!file.path)
        return error_no_memory(error, path);
    lmvr_status status = npy_reader_open(path, &file.reader, error);
    file.rows = file.reader.rows;
    if (status == LMVR_OK)
        status = check(files, &file, error);
    if (status != LMVR_OK) {
        npy_reader_close(&file.reader);
        free(file.path);
        return status;
    }
    files->dim = file.reader.dim;
    files->rows += file.rows;
    if (files->count >= MOST_OPEN)
        npy_reader_close(&file.reader);
    files->files[files->count++] = file;
    return LMVR_OK;
}

void row_files_close(struct row_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        npy_reader_close(&files->files[i].reader);
        free(files->files[i].path);
    }
    free(files->files);
    *files = (struct row_files){.files = NULL};
}

size_t row_files_find(const struct row_files *files, uint64_t row)
{
    size_t low = 0, high = files->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row < files->files[middle].first + files->files[middle].rows)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static lmvr_status read_file(const struct row_files *files, const struct numbered_file *file, uint64_t first, uint64_t count,
                             float *out, lmvr_error *error)
{
    struct npy_reader again;
    if (file->reader.path)
        return npy_reader_read(&file->reader, first, count, out, error);
    TRY(npy_reader_open(file->path, &again, error));
    lmvr_status status = again.rows == file->rows && again.dim == files->dim
                             ? npy_reader_read(&again, first, count, out, error)
                             : error_set(error, LMVR_ERROR_INVALID, "%s: has changed while it was in use", file->path);
    npy_reader_close(&again);
    return status;
}

lmvr_status row_files_read(const struct row_files *files, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    if (first > files->rows || count > files->rows - first)
        return error_set(error, LMVR_ERROR_INVALID, "there is no row %llu", (unsigned long long)(first + count - 1));
    while (count > 0) {
        const struct numbered_file *file = &files->files[row_files_find(files, first)];
        uint64_t skipped = first - file->first, left = file->rows - skipped, some = count < left ? count : left;
        TRY(read_file(files, file, skipped, some, out, error));
        out += some * files->dim;
        first += some;
        count -= some;
    }
    return LMVR_OK;
}
