#include "store/stored.h"

#include "format/file.h"
#include "store/index.h"
#include "store/manifest.h"
#include "store/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- run.json ---- */

static lmvr_status read_run(struct stored *r, lmvr_error *error)
{
    int fd = open(r->place.run_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(error, LMVR_ERROR_INVALID, "%s: holds no results: lmvr embed writes %s beside them", r->place.output,
                         r->place.run_path);
    if (fd < 0)
        return file_error(error, r->place.run_path, "open");
    lmvr_status status = manifest_read(fd, r->place.run_path, &r->run, error);
    close(fd);
    if (status == LMVR_OK && !r->run)
        status = error_set(error, LMVR_ERROR_INVALID,
                           "%s: is not finished: the run was stopped at its start; --resume continues it", r->place.output);
    if (status == LMVR_OK && json_object_get(r->run, "parts"))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: holds results in parts, and a search reads those that are in one",
                           r->place.output);
    return status;
}

/* "encoder:cls" is the name "encoder_cls"; "llm" means "llm:all:mean:-1" where the folder has one feature of the kind. */
static bool is_meant(const char *asked, const char *name, const char *spec)
{
    size_t length = strlen(asked);
    if (strcmp(asked, name) == 0 || strcmp(asked, spec) == 0)
        return true;
    for (size_t i = 0; i <= length; i++)
        if ((asked[i] == ':' ? '_' : asked[i]) != name[i])
            return false;
    return true;
}

static lmvr_status refuse_feature(const struct stored *r, const char *asked, lmvr_error *error)
{
    char names[512] = "";
    size_t i, used = 0;
    const json_t *feature;
    json_array_foreach(json_object_get(r->run, "features"), i, feature)
    {
        const char *name = json_string_value(json_object_get(feature, "name"));
        if (name && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
    }
    return error_set(error, LMVR_ERROR_INVALID, "%s: has no feature \"%.200s\"; it has %s", r->place.output, asked, names);
}

static lmvr_status choose_feature(struct stored *r, const char *asked, lmvr_error *error)
{
    size_t i;
    const json_t *feature;
    bool multi_vector = false;
    json_array_foreach(json_object_get(r->run, "features"), i, feature)
    {
        const char *name = json_string_value(json_object_get(feature, "name")),
                   *spec = json_string_value(json_object_get(feature, "spec"));
        json_int_t dim = json_integer_value(json_object_get(feature, "dim"));
        if (r->name || !name || !spec || dim < 1 || dim > NPY_MAX_DIM || place_check_name(name, NULL) != LMVR_OK)
            continue;
        if (asked && !is_meant(asked, name, spec))
            continue;
        r->name = name;
        r->spec = spec;
        r->dim = (size_t)dim;
        multi_vector = json_is_true(json_object_get(feature, "multi_vector"));
    }
    if (!r->name)
        return asked ? refuse_feature(r, asked, error)
                     : error_set(error, LMVR_ERROR_INVALID, "%s: names no features", r->place.run_path);
    if (multi_vector)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: the feature %s has several rows an input, and a search compares single ones; its pool has to be "
                         "mean, max or last, not none",
                         r->place.output, r->name);
    r->rows_path = place_feature_path(&r->place, r->name);
    return r->rows_path ? LMVR_OK : error_no_memory(error, "a file name");
}

/* ---- the index ---- */

static lmvr_status add_line(struct stored *r, size_t *space, off_t begin, const struct index_reader *reader, lmvr_error *error)
{
    if (reader->row < 0)
        return LMVR_OK;
    if ((uint64_t)reader->row != r->rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %llu is of row %lld, expected %llu", reader->path,
                         (unsigned long long)reader->lines, (long long)reader->row, (unsigned long long)r->rows);
    if (r->rows + 1 >= *space) {
        *space = *space ? 2 * *space : 1024;
        off_t *more = realloc(r->lines, *space * sizeof *more);
        if (!more)
            return error_no_memory(error, reader->path);
        r->lines = more;
    }
    r->lines[r->rows++] = begin;
    r->lines[r->rows] = reader->offset;
    return LMVR_OK;
}

static lmvr_status read_index(struct stored *r, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    size_t space = 0;
    TRY(index_reader_open(r->place.index_path, &reader, error));
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found) {
        off_t begin = reader.offset;
        status = index_reader_next(&reader, &found, error);
        if (status == LMVR_OK && found)
            status = add_line(r, &space, begin, &reader, error);
    }
    json_int_t inputs = json_integer_value(json_object_get(r->run, "inputs"));
    if (status == LMVR_OK && (json_int_t)reader.lines < inputs)
        status = error_set(error, LMVR_ERROR_INVALID,
                           "%s: is not finished: %llu of %lld inputs are done; lmvr embed --resume continues", r->place.output,
                           (unsigned long long)reader.lines, (long long)inputs);
    else if (status == LMVR_OK && r->rows == 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has no rows: %s", r->place.output,
                           inputs ? "none of its inputs could be used" : "it was made of no inputs");
    index_reader_close(&reader);
    return status;
}

/* ---- opening ---- */

static lmvr_status check_rows(const struct stored *r, lmvr_error *error)
{
    struct npy_reader rows;
    TRY(npy_reader_open(r->rows_path, &rows, error));
    uint64_t count = rows.rows, dim = rows.dim;
    npy_reader_close(&rows);
    if (count == r->rows && dim == r->dim)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows of %llu values, but by %s and %s they are %llu of %zu",
                     r->rows_path, (unsigned long long)count, (unsigned long long)dim, r->place.index_path, r->place.run_path,
                     (unsigned long long)r->rows, r->dim);
}

lmvr_status stored_open(const char *output, const char *feature, struct stored *stored, lmvr_error *error)
{
    *stored = (struct stored){.run = NULL};
    TRY(place_init(&stored->place, output, error));
    lmvr_status status = read_run(stored, error);
    if (status == LMVR_OK)
        status = choose_feature(stored, feature, error);
    if (status == LMVR_OK)
        status = read_index(stored, error);
    if (status == LMVR_OK)
        status = check_rows(stored, error);
    if (status != LMVR_OK)
        stored_close(stored);
    return status;
}

void stored_close(struct stored *stored)
{
    place_finish(&stored->place);
    json_decref(stored->run);
    free(stored->rows_path);
    free(stored->lines);
    *stored = (struct stored){.run = NULL};
}

/* ---- lines ---- */

lmvr_status stored_line(const struct stored *stored, uint64_t row, json_t **line, lmvr_error *error)
{
    const char *path = stored->place.index_path;
    off_t begin = stored->lines[row];
    size_t size = (size_t)(stored->lines[row + 1] - begin);
    *line = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(error, path, "open");
    char *text = malloc(size);
    lmvr_status status = text ? file_read_at(fd, path, text, size, begin, error) : error_no_memory(error, path);
    close(fd);
    if (status == LMVR_OK)
        *line = json_loadb(text, size, JSON_DISABLE_EOF_CHECK, NULL);
    free(text);
    if (status == LMVR_OK && (!*line || json_integer_value(json_object_get(*line, "row")) != (json_int_t)row)) {
        json_decref(*line);
        *line = NULL;
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has changed while it was in use", path);
    }
    return status;
}

lmvr_status stored_find(const struct stored *stored, const char *input, uint64_t *row, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true, meant = false;
    TRY(index_reader_open(stored->place.index_path, &reader, error));
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found && !meant) {
        status = index_reader_next(&reader, &found, error);
        meant = status == LMVR_OK && found && reader.row >= 0 && strcmp(reader.input, input) == 0;
    }
    *row = meant ? (uint64_t)reader.row : 0;
    if (status == LMVR_OK && !meant)
        status = error_set(error, LMVR_ERROR_INPUT, "%s: has no row of \"%.500s\"", stored->place.output, input);
    index_reader_close(&reader);
    return status;
}
