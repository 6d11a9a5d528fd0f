#include "store/finished.h"

#include "format/file.h"
#include "store/manifest.h"
#include "store/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_PARTS 1000000

/* ---- run.json ---- */

static lmvr_status read_parts(struct place *place, const json_t *run, size_t *parts, lmvr_error *error)
{
    const json_t *count = json_object_get(run, "parts");
    json_int_t value = json_integer_value(count);
    if (count && (value < 1 || value > MOST_PARTS))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a number of parts that is not 1 to %d", place->run_path,
                         MOST_PARTS);
    *parts = (size_t)value;
    place->clip_parts = manifest_is_clip(run) ? *parts : 0;
    return LMVR_OK;
}

lmvr_status finished_run(struct place *place, json_t **run, size_t *parts, lmvr_error *error)
{
    *run = NULL;
    int fd = open(place->run_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(error, LMVR_ERROR_INVALID, "%s: holds no results: lmvr embed writes %s beside them", place->output,
                         place->run_path);
    if (fd < 0)
        return file_error(error, place->run_path, "open");
    lmvr_status status = manifest_read(fd, place->run_path, run, error);
    close(fd);
    if (status == LMVR_OK && !*run)
        status = error_set(error, LMVR_ERROR_INVALID,
                           "%s: is not finished: the run was stopped at its start; --resume continues it", place->output);
    if (status == LMVR_OK)
        status = read_parts(place, *run, parts, error);
    if (status != LMVR_OK) {
        json_decref(*run);
        *run = NULL;
    }
    return status;
}

/* ---- files ---- */

static lmvr_status add_part(const struct place *place, const char *name, size_t number, struct finished_files *files,
                            uint64_t *all, lmvr_error *error)
{
    bool finished;
    uint64_t inputs;
    struct finished_file file = {.first = *all};
    TRY(parts_read(place, number, &finished, &inputs, &file.rows, error));
    if (!finished)
        return LMVR_OK;
    if (__builtin_add_overflow(*all, file.rows, all) || *all > INT64_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has too many rows", place->output);
    file.path = strcmp(name, "index") == 0 ? place_index_path(place, number) : place_feature_path(place, name, number);
    if (!file.path)
        return error_no_memory(error, "a file name");
    files->items[files->count++] = file;
    return LMVR_OK;
}

static lmvr_status list(struct place *place, const char *name, struct finished_files *files, lmvr_error *error)
{
    json_t *run;
    uint64_t all = 0;
    TRY(finished_run(place, &run, &files->parts, error));
    json_decref(run);
    if (files->parts == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: its results are not in parts, but in %s/%s", place->output,
                         place->output, strcmp(name, "index") == 0 ? "index.jsonl" : "NAME.npy");
    files->items = calloc(files->parts, sizeof *files->items);
    if (!files->items)
        return error_no_memory(error, "the list of parts");
    for (size_t i = 0; i < files->parts; i++)
        TRY(add_part(place, name, i, files, &all, error));
    if (files->count > 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: is not finished: none of its %zu parts is; lmvr embed --resume continues",
                     place->output, files->parts);
}

bool finished_is_folder(const char *path)
{
    struct stat st;
    char *copy = strdup(path), *run = NULL;
    bool folder = copy && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && asprintf(&run, "%s/run.json", dirname(copy)) >= 0;
    bool beside = folder && stat(run, &st) == 0;
    free(copy);
    free(run);
    return beside;
}

lmvr_status finished_files_list(const char *folder, struct finished_files *files, lmvr_error *error)
{
    struct place place = {0};
    char *above = strdup(folder), *copy = strdup(folder);
    *files = (struct finished_files){0};
    lmvr_status status = above && copy ? place_init(&place, dirname(above), error) : error_no_memory(error, "a file name");
    if (status == LMVR_OK)
        status = list(&place, basename(copy), files, error);
    place_finish(&place);
    free(above);
    free(copy);
    if (status != LMVR_OK)
        finished_files_finish(files);
    return status;
}

void finished_files_finish(struct finished_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].path);
    free(files->items);
    *files = (struct finished_files){0};
}
