#include "store/stored.h"

#include "format/file.h"
#include "store/finished.h"
#include "store/index.h"
#include "store/parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the feature ---- */

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
    return LMVR_OK;
}

/* ---- parts ---- */

static lmvr_status add_line(struct stored_lines *lines, off_t begin, lmvr_error *error)
{
    if (lines->count == lines->space) {
        size_t space = lines->space ? 2 * lines->space : 1024;
        off_t *more = realloc(lines->items, space * sizeof *more);
        if (!more)
            return error_no_memory(error, "the index");
        lines->items = more;
        lines->space = space;
    }
    lines->items[lines->count++] = begin;
    return LMVR_OK;
}

static lmvr_status open_index(const struct stored *r, size_t number, struct index_reader *reader, lmvr_error *error)
{
    char *path = place_index_path(&r->place, number);
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = index_reader_open(path, reader, error);
    free(path);
    return status;
}

/* Notes where its rows' lines are; there are `rows` of them, and `inputs` lines. */
static lmvr_status read_index(struct stored *r, size_t number, uint64_t *inputs, uint64_t *rows, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    *rows = 0;
    TRY(open_index(r, number, &reader, error));
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found) {
        off_t begin = reader.offset;
        status = index_reader_next(&reader, &found, error);
        if (status != LMVR_OK || !found || reader.row < 0)
            continue;
        if ((uint64_t)reader.row == *rows)
            status = add_line(&r->lines, begin, error);
        else
            status = error_set(error, LMVR_ERROR_INVALID, "%s: line %llu is of row %lld, expected %llu", reader.path,
                               (unsigned long long)reader.lines, (long long)reader.row, (unsigned long long)*rows);
        ++*rows;
    }
    *inputs = reader.lines;
    if (status == LMVR_OK)
        status = add_line(&r->lines, reader.offset, error);
    index_reader_close(&reader);
    return status;
}

static lmvr_status open_rows(struct stored *r, const char *path, uint64_t rows, lmvr_error *error)
{
    TRY(row_files_add(&r->files, path, error));
    uint64_t count = r->files.files[r->files.count - 1].rows;
    if (count == rows && r->files.dim == r->dim)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows of %zu values, but by the index and %s they are %llu of %zu",
                     path, (unsigned long long)count, r->files.dim, r->place.run_path, (unsigned long long)rows, r->dim);
}

static lmvr_status add_rows(struct stored *r, size_t number, uint64_t rows, lmvr_error *error)
{
    char *path = place_feature_path(&r->place, r->name, number);
    if (!path)
        return error_no_memory(error, "a file name");
    r->numbers[r->files.count] = number;
    lmvr_status status = open_rows(r, path, rows, error);
    free(path);
    return status;
}

static lmvr_status read_whole(struct stored *r, lmvr_error *error)
{
    json_int_t expected = json_integer_value(json_object_get(r->run, "inputs"));
    uint64_t inputs, rows;
    TRY(read_index(r, PLACE_WHOLE, &inputs, &rows, error));
    if ((json_int_t)inputs < expected)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is not finished: %llu of %lld inputs are done; lmvr embed --resume continues", r->place.output,
                         (unsigned long long)inputs, (long long)expected);
    return add_rows(r, PLACE_WHOLE, rows, error);
}

/* Passes over a part that is not finished. */
static lmvr_status read_part(struct stored *r, size_t number, lmvr_error *error)
{
    bool finished;
    uint64_t inputs, rows, expected, good;
    TRY(parts_read(&r->place, number, &finished, &expected, &good, error));
    if (!finished)
        return LMVR_OK;
    TRY(read_index(r, number, &inputs, &rows, error));
    if (inputs != expected || rows != good)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: the index of part-%05zu has %llu lines and %llu rows, expected %llu and %llu", r->place.output,
                         number, (unsigned long long)inputs, (unsigned long long)rows, (unsigned long long)expected,
                         (unsigned long long)good);
    return add_rows(r, number, rows, error);
}

static lmvr_status read_rows(struct stored *r, lmvr_error *error)
{
    bool in_parts = json_object_get(r->run, "parts");
    r->numbers = calloc(r->part_count, sizeof *r->numbers);
    if (!r->numbers)
        return error_no_memory(error, "the list of parts");
    if (!in_parts)
        TRY(read_whole(r, error));
    for (size_t i = 0; in_parts && i < r->part_count; i++)
        TRY(read_part(r, i, error));
    r->rows = r->files.rows;
    if (r->files.count == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is not finished: none of its %zu parts is; lmvr embed --resume continues", r->place.output,
                         r->part_count);
    if (r->rows > 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: has no rows: %s", r->place.output,
                     json_integer_value(json_object_get(r->run, "inputs")) ? "none of its inputs could be used"
                                                                           : "it was made of no inputs");
}

/* ---- opening ---- */

lmvr_status stored_open(const char *output, const char *feature, struct stored *stored, lmvr_error *error)
{
    *stored = (struct stored){.run = NULL};
    TRY(place_init(&stored->place, output, error));
    size_t parts = 0;
    lmvr_status status = finished_run(&stored->place, &stored->run, &parts, error);
    stored->part_count = parts ? parts : 1;
    if (status == LMVR_OK)
        status = choose_feature(stored, feature, error);
    if (status == LMVR_OK)
        status = read_rows(stored, error);
    if (status != LMVR_OK)
        stored_close(stored);
    return status;
}

void stored_close(struct stored *stored)
{
    place_finish(&stored->place);
    json_decref(stored->run);
    row_files_close(&stored->files);
    free(stored->numbers);
    free(stored->lines.items);
    *stored = (struct stored){.run = NULL};
}

/* ---- lines ---- */

/* Reads the line of a file's row, which lies between two places of its index. */
static lmvr_status read_line(const char *path, const off_t *places, uint64_t row, json_t **line, lmvr_error *error)
{
    size_t size = (size_t)(places[1] - places[0]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(error, path, "open");
    char *text = malloc(size);
    lmvr_status status = text ? file_read_at(fd, path, text, size, places[0], error) : error_no_memory(error, path);
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

lmvr_status stored_line(const struct stored *stored, uint64_t row, json_t **line, lmvr_error *error)
{
    size_t file = row_files_find(&stored->files, row);
    char *path = place_index_path(&stored->place, stored->numbers[file]);
    *line = NULL;
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = read_line(path, stored->lines.items + row + file, row - stored->files.files[file].first, line, error);
    free(path);
    return status;
}

static lmvr_status find_in_file(const struct stored *stored, size_t file, const char *input, bool *meant, uint64_t *row,
                                lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    TRY(open_index(stored, stored->numbers[file], &reader, error));
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found && !*meant) {
        status = index_reader_next(&reader, &found, error);
        *meant = status == LMVR_OK && found && reader.row >= 0 && strcmp(reader.input, input) == 0;
    }
    if (*meant)
        *row = stored->files.files[file].first + (uint64_t)reader.row;
    index_reader_close(&reader);
    return status;
}

lmvr_status stored_find(const struct stored *stored, const char *input, uint64_t *row, lmvr_error *error)
{
    bool meant = false;
    *row = 0;
    for (size_t file = 0; file < stored->files.count && !meant; file++)
        TRY(find_in_file(stored, file, input, &meant, row, error));
    return meant ? LMVR_OK : error_set(error, LMVR_ERROR_INPUT, "%s: has no row of \"%.500s\"", stored->place.output, input);
}
