#include "lab/probe/row_file.h"

#include "format/json.h"
#include "format/place.h"
#include "lab/probe/standardize.h"
#include "store/finished.h"
#include "store/offsets.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

/* Rows of positions are no samples: labels are of images. */
static lmvr_status refuse_multi_vector(const char *path, lmvr_error *error)
{
    char *offsets = offsets_path(path);
    if (!offsets)
        return error_no_memory(error, "a file name");
    lmvr_status status = LMVR_OK;
    if (access(offsets, F_OK) == 0)
        status =
            error_set(error, LMVR_ERROR_INVALID,
                      "%s: has several rows an image, as %s says, and a probe takes one; the feature's pool has to be mean, "
                      "max or last, not none",
                      path, offsets);
    free(offsets);
    return status;
}

static lmvr_status add_file(struct row_file *file, const char *path, lmvr_error *error)
{
    TRY(refuse_multi_vector(path, error));
    return row_files_add(&file->files, path, error);
}

static lmvr_status add_parts(struct row_file *file, lmvr_error *error)
{
    struct finished_files parts;
    TRY(finished_files_list(file->path, &parts, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < parts.count && status == LMVR_OK; i++) {
        const struct finished_file *part = &parts.items[i];
        status = add_file(file, part->path, error);
        if (status == LMVR_OK && file->files.files[i].rows != part->rows)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows, expected %llu", part->path,
                               (unsigned long long)file->files.files[i].rows, (unsigned long long)part->rows);
    }
    file->parts = parts.parts;
    finished_files_finish(&parts);
    return status;
}

lmvr_status row_file_open(const char *path, struct row_file *file, lmvr_error *error)
{
    *file = (struct row_file){.path = path};
    lmvr_status status = finished_is_folder(path) ? add_parts(file, error) : add_file(file, path, error);
    file->rows = (int64_t)file->files.rows;
    file->dim = (int64_t)file->files.dim;
    if (status != LMVR_OK)
        row_file_close(file);
    return status;
}

void row_file_close(struct row_file *file)
{
    row_files_close(&file->files);
}

/* Reads consecutive rows at once. */
static lmvr_status read_rows(const struct row_file *file, const int64_t *rows, int64_t count, float *values, lmvr_error *error)
{
    if (!rows)
        return row_files_read(&file->files, 0, (uint64_t)count, values, error);
    for (int64_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && rows[i + run] == rows[i] + run;)
            run++;
        TRY(row_files_read(&file->files, (uint64_t)rows[i], (uint64_t)run, values + i * file->dim, error));
    }
    return LMVR_OK;
}

lmvr_status row_file_read(const struct row_file *file, const int64_t *rows, int64_t count, float **values, lmvr_error *error)
{
    size_t bytes;
    const char *path = file->path;
    *values = NULL;
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no rows", path);
    bool fits = !__builtin_mul_overflow((size_t)count, (size_t)file->dim * sizeof **values, &bytes);
    *values = fits ? malloc(bytes) : NULL;
    lmvr_status status = *values ? read_rows(file, rows, count, *values, error) : error_no_memory(error, path);
    int64_t bad = status == LMVR_OK ? standardize_find_bad_row(*values, count, file->dim) : -1;
    if (bad >= 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: row %lld (counted from 0) has a value that is not finite", path,
                           (long long)(rows ? rows[bad] : bad));
    if (status == LMVR_OK)
        return LMVR_OK;
    free(*values);
    *values = NULL;
    return status;
}

/* ---- the feature's name ---- */

/* The SPEC of feature `name` in a run.json, to be freed; NULL: none. */
static char *spec_in(const char *run_path, const char *name)
{
    json_t *run;
    size_t i;
    const json_t *feature;
    char *spec = NULL;
    if (json_read(run_path, NULL, &run, NULL) != LMVR_OK)
        return NULL;
    json_array_foreach(json_object_get(run, "features"), i, feature)
    {
        const char *its_name = json_string_value(json_object_get(feature, "name")),
                   *its_spec = json_string_value(json_object_get(feature, "spec"));
        if (!spec && its_name && its_spec && (!name || strcmp(its_name, name) == 0))
            spec = strdup(its_spec);
    }
    json_decref(run);
    return spec;
}

/* run.json is beside the features, or is FILE.run.json for FILE.npy (format/place.h). */
lmvr_status row_file_feature(const char *path, char **feature, lmvr_error *error)
{
    struct place place;
    char *copy = strdup(path), *other = strdup(path), *run_path = NULL;
    if (!copy || !other || asprintf(&run_path, "%s/run.json", dirname(other)) < 0) {
        free(copy);
        free(other);
        return error_no_memory(error, "a file name");
    }
    char *name = basename(copy), *ending = strrchr(name, '.');
    if (ending && ending != name && strcmp(ending, ".npy") == 0)
        *ending = '\0';
    *feature = spec_in(run_path, name);
    if (!*feature && place_init(&place, path, NULL) == LMVR_OK) {
        *feature = place.single ? spec_in(place.run_path, NULL) : NULL;
        place_finish(&place);
    }
    if (!*feature)
        *feature = strdup(name);
    free(copy);
    free(other);
    free(run_path);
    return *feature ? LMVR_OK : error_no_memory(error, "a file name");
}

/* ---- writing ---- */

static lmvr_status write_rows(const char *path, const float *values, int64_t rows, int64_t dim, lmvr_error *error)
{
    struct npy_writer writer;
    TRY(npy_writer_create(path, NPY_F32, (size_t)dim, &writer, error));
    lmvr_status status = npy_writer_append(&writer, values, (uint64_t)rows, error);
    lmvr_status closed = npy_writer_close(&writer, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}

lmvr_status row_file_write(const char *path, const float *values, int64_t rows, int64_t dim, lmvr_error *error)
{
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = write_rows(temporary, values, rows, dim, error);
    if (status == LMVR_OK && rename(temporary, path) != 0)
        status = file_error(error, path, "write");
    if (status != LMVR_OK)
        unlink(temporary);
    free(temporary);
    return status;
}
