#include "store/whole.h"

#include "format/file.h"
#include "format/input.h"
#include "store/copies.h"
#include "store/index.h"
#include "store/npy.h"
#include "store/offsets.h"
#include "store/part.h"
#include "store/parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check {
    struct place place;
    json_t *run;
    json_int_t inputs, rows_per_part; /* of the run; 0: it does not say */
    enum npy_type type;               /* of its rows */
    whole_fn *wrong;
    void *user;
    struct whole *whole;
};

/* ---- one part -------------------------------------------------------------------------------------------------------- */

/* A regular file, so that a pipe does not make us wait. */
static lmvr_status open_index(const struct check *c, size_t number, struct index_reader *reader, lmvr_error *error)
{
    int fd;
    uint64_t size;
    char *path = place_part_path(&c->place, "index", number, ".jsonl");
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = input_open(path, &fd, &size, error);
    if (status == LMVR_OK) {
        close(fd);
        status = index_reader_open(path, reader, error);
    }
    free(path);
    return status;
}

/* Its lines, whose rows count up. */
static lmvr_status check_index(const struct check *c, size_t number, uint64_t inputs, uint64_t rows, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    uint64_t next_row = 0;
    TRY(open_index(c, number, &reader, error));
    const char *path = reader.path;
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found) {
        status = index_reader_next(&reader, &found, error);
        if (status == LMVR_OK && found && reader.row >= 0 && (uint64_t)reader.row != next_row++)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: line %llu has row %lld, expected row %llu", path,
                               (unsigned long long)reader.lines, (long long)reader.row, (unsigned long long)next_row - 1);
    }
    if (status == LMVR_OK && (reader.lines != inputs || next_row != rows))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has %llu lines and %llu rows, expected %llu and %llu", path,
                           (unsigned long long)reader.lines, (unsigned long long)next_row, (unsigned long long)inputs,
                           (unsigned long long)rows);
    index_reader_close(&reader);
    return status;
}

/* *rows receives how many rows there have to be. */
static lmvr_status check_offsets(const char *rows_path, uint64_t inputs, uint64_t *rows, lmvr_error *error)
{
    uint64_t found = 0;
    char *path = offsets_path(rows_path);
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = offsets_measure(path, &found, rows, error);
    if (status == LMVR_OK && found != inputs)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has %llu inputs, expected %llu", path, (unsigned long long)found,
                           (unsigned long long)inputs);
    free(path);
    return status;
}

static lmvr_status check_rows(const struct check *c, const char *path, const json_t *feature, uint64_t inputs, uint64_t rows,
                              lmvr_error *error)
{
    struct npy_reader reader;
    if (json_is_true(json_object_get(feature, "multi_vector")))
        TRY(check_offsets(path, inputs, &rows, error));
    TRY(npy_reader_open(path, &reader, error));
    json_int_t dim = json_integer_value(json_object_get(feature, "dim"));
    lmvr_status status = LMVR_OK;
    if (reader.rows != rows || reader.dim != (uint64_t)dim)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has shape (%llu, %llu), expected (%llu, %lld)", path,
                           (unsigned long long)reader.rows, (unsigned long long)reader.dim, (unsigned long long)rows,
                           (long long)dim);
    else if (reader.type != c->type)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: holds values of type %s, expected %s", path,
                           npy_type_name(reader.type), npy_type_name(c->type));
    npy_reader_close(&reader);
    return status;
}

static lmvr_status check_metadata(const struct check *c, size_t number, uint64_t rows, lmvr_error *error)
{
    char *path = rows && c->place.clip_parts ? place_part_path(&c->place, COPIES_METADATA, number, ".parquet") : NULL;
    bool missing = path && access(path, F_OK) != 0;
    lmvr_status status =
        missing ? error_set(error, LMVR_ERROR_INVALID, "%s: is missing; lmvr embed --resume makes it", path) : LMVR_OK;
    free(path);
    return status;
}

static lmvr_status check_feature(const struct check *c, const json_t *feature, size_t number, uint64_t inputs, uint64_t rows,
                                 lmvr_error *error)
{
    const char *name = json_string_value(json_object_get(feature, "name"));
    if (!name || place_check_name(name, NULL) != LMVR_OK)
        return error_set(error, LMVR_ERROR_INVALID, "%s: names no feature", c->place.run_path);
    char *path = place_feature_path(&c->place, name, number);
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = check_rows(c, path, feature, inputs, rows, error);
    free(path);
    return status;
}

/* How many inputs the index has, and the last one's name, to be freed; NULL: none. */
static lmvr_status find_last(const struct check *c, size_t number, uint64_t *count, char **last, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    *last = NULL;
    TRY(open_index(c, number, &reader, error));
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && found)
        status = index_reader_next(&reader, &found, error);
    *count = reader.lines;
    if (status == LMVR_OK && reader.lines > 0 && !(*last = strdup(reader.input)))
        status = error_no_memory(error, reader.path);
    index_reader_close(&reader);
    return status;
}

/* Where parts are of one size, which inputs that are, and where it has been begun, how far it is. */
static lmvr_status refuse_missing(const struct check *c, size_t number, lmvr_error *error)
{
    size_t parts = c->whole->parts, each = (size_t)c->rows_per_part, first = number * each + 1;
    size_t end = number + 1 < parts ? first + each - 1 : (size_t)c->inputs;
    char inputs[64] = "", *last = NULL;
    uint64_t count = 0;
    if (part_has_lines(&c->place, number))
        TRY(find_last(c, number, &count, &last, error));
    if (each)
        snprintf(inputs, sizeof inputs, " (inputs %zu to %zu)", first, end);
    if (!last)
        return error_set(error, LMVR_ERROR_INVALID, "part-%05zu of %zu is missing%s", number, parts, inputs);
    lmvr_status status =
        error_set(error, LMVR_ERROR_INVALID, "part-%05zu of %zu is not finished%s: it ends with input %llu, %s", number, parts,
                  inputs, (unsigned long long)(each ? first + count - 1 : count), last);
    free(last);
    return status;
}

static lmvr_status check_part(const struct check *c, size_t number, lmvr_error *error)
{
    size_t i;
    json_t *feature;
    bool finished;
    uint64_t inputs, rows, each = (uint64_t)c->rows_per_part;
    TRY(parts_read(&c->place, number, &finished, &inputs, &rows, error));
    if (!finished)
        return refuse_missing(c, number, error);
    if (each && inputs != (number + 1 < c->whole->parts ? each : (uint64_t)c->inputs - number * each))
        return error_set(error, LMVR_ERROR_INVALID, "part-%05zu has %llu inputs, which are not those of the run", number,
                         (unsigned long long)inputs);
    TRY(check_index(c, number, inputs, rows, error));
    json_array_foreach(json_object_get(c->run, "features"), i, feature)
        TRY(check_feature(c, feature, number, inputs, rows, error));
    TRY(check_metadata(c, number, rows, error));
    c->whole->good++;
    c->whole->inputs += inputs;
    c->whole->rows += rows;
    return LMVR_OK;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static lmvr_status read_run(struct check *c, lmvr_error *error)
{
    int fd = open(c->place.run_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return file_error(error, c->place.run_path, "open");
    lmvr_status status = manifest_read(fd, c->place.run_path, &c->run, error);
    close(fd);
    json_int_t parts = json_integer_value(json_object_get(c->run, "parts"));
    c->inputs = json_integer_value(json_object_get(c->run, "inputs"));
    c->rows_per_part = json_integer_value(json_object_get(c->run, "rows_per_part"));
    size_t features = json_array_size(json_object_get(c->run, "features"));
    if (status == LMVR_OK && (parts < 1 || parts > c->inputs || c->rows_per_part < 0 || features == 0))
        return error_set(error, LMVR_ERROR_INVALID, "%s: holds no results in parts", c->place.output);
    c->whole->parts = (size_t)parts;
    c->place.clip_parts = manifest_is_clip(c->run) ? (size_t)parts : 0;
    return status == LMVR_OK ? manifest_type(c->run, c->place.run_path, &c->type, error) : status;
}

/* Files of parts that the run has not, as another run may have left them. */
static lmvr_status check_folder(const struct check *c, const char *folder, lmvr_error *error)
{
    size_t files, first;
    char sentence[512];
    TRY(parts_beyond(&c->place, folder, c->whole->parts, &files, &first, error));
    snprintf(sentence, sizeof sentence, "%s/%s: has %zu %s of parts that are not this run's, from part-%05zu on",
             c->place.output, folder, files, files == 1 ? "file" : "files", first);
    if (files > 0)
        c->wrong(sentence, c->user);
    return LMVR_OK;
}

static lmvr_status check_folders(const struct check *c, lmvr_error *error)
{
    size_t i;
    json_t *feature;
    TRY(check_folder(c, "index", error));
    json_array_foreach(json_object_get(c->run, "features"), i, feature)
    {
        const char *name = json_string_value(json_object_get(feature, "name"));
        if (name && place_check_name(name, NULL) == LMVR_OK)
            TRY(check_folder(c, name, error));
    }
    return LMVR_OK;
}

static lmvr_status check_all(struct check *c, lmvr_error *error)
{
    lmvr_error own;
    TRY(read_run(c, error));
    for (size_t i = 0; i < c->whole->parts; i++) {
        lmvr_status status = check_part(c, i, &own);
        if (status == LMVR_ERROR_RESOURCE)
            return error_set(error, status, "%s", own.message);
        if (status != LMVR_OK)
            c->wrong(own.message, c->user);
    }
    return check_folders(c, error);
}

lmvr_status whole_check(const char *folder, whole_fn *wrong, void *user, struct whole *whole, lmvr_error *error)
{
    struct check c = {.wrong = wrong, .user = user, .whole = whole};
    *whole = (struct whole){0};
    TRY(place_init(&c.place, folder, error));
    lmvr_status status = check_all(&c, error);
    json_decref(c.run);
    place_finish(&c.place);
    return status;
}
