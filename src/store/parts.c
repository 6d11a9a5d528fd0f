#include "store/parts.h"

#include "format/file.h"
#include "format/json.h"
#include "format/replace.h"
#include "store/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ----------------------------------------------------------------------------------------------------------- */

/* Whether a name is that of a part's file, "part-NUMBER.ENDING", or in clip-retrieval's layout "FOLDER_NUMBER.ENDING". */
static bool is_of_part(const char *folder, const char *name, size_t *number)
{
    char *end;
    size_t length = strlen(folder);
    if (strncmp(name, "part-", 5) == 0)
        name += 5;
    else if (strncmp(name, folder, length) == 0 && name[length] == '_')
        name += length + 1;
    else
        return false;
    if (*name < '0' || *name > '9')
        return false;
    *number = strtoull(name, &end, 10);
    return *end == '.';
}

/* Calls `each` with the path of every file of a part in a folder, until it fails. */
static lmvr_status for_each_file(const struct place *place, const char *folder,
                                 lmvr_status (*each)(const char *path, size_t number, void *user, lmvr_error *error),
                                 void *user, lmvr_error *error)
{
    char *inner = place_inner_path(place, folder), *path;
    DIR *dir = inner ? opendir(inner) : NULL;
    size_t number;
    lmvr_status status = inner ? LMVR_OK : error_no_memory(error, "a file name");
    for (struct dirent *entry; dir && status == LMVR_OK && (entry = readdir(dir));) {
        if (!is_of_part(folder, entry->d_name, &number))
            continue;
        if (asprintf(&path, "%s/%s", inner, entry->d_name) < 0) {
            status = error_no_memory(error, "a file name");
            break;
        }
        status = each(path, number, user, error);
        free(path);
    }
    if (dir)
        closedir(dir);
    free(inner);
    return status;
}

static lmvr_status find_share(const char *path, size_t number, void *user, lmvr_error *error)
{
    const struct parts *parts = user;
    (void)path, (void)error;
    return number % parts->shares == parts->share ? LMVR_STOPPED : LMVR_OK;
}

bool parts_any(const struct place *place, size_t share, size_t shares)
{
    struct parts parts = {.share = share, .shares = shares};
    return for_each_file(place, "index", find_share, &parts, NULL) == LMVR_STOPPED;
}

struct beyond {
    size_t count, files, first;
};

static lmvr_status count_beyond(const char *path, size_t number, void *user, lmvr_error *error)
{
    struct beyond *b = user;
    (void)path, (void)error;
    if (number < b->count)
        return LMVR_OK;
    b->files++;
    b->first = number < b->first ? number : b->first;
    return LMVR_OK;
}

lmvr_status parts_beyond(const struct place *place, const char *folder, size_t count, size_t *files, size_t *first,
                         lmvr_error *error)
{
    struct beyond b = {.count = count, .first = SIZE_MAX};
    TRY(for_each_file(place, folder, count_beyond, &b, error));
    *files = b.files;
    *first = b.first;
    return LMVR_OK;
}

/* Unless the file has another ending than that given. */
static lmvr_status remove_one(const char *path, size_t number, void *user, lmvr_error *error)
{
    const char *ending = user, *last = strrchr(path, '.');
    (void)number;
    if (strcmp(last, ending ? ending : last) != 0)
        return LMVR_OK;
    return unlink(path) == 0 || errno == ENOENT ? LMVR_OK : file_error(error, path, "remove");
}

static lmvr_status remove_folder(const struct place *place, const char *name, lmvr_error *error)
{
    TRY(for_each_file(place, name, remove_one, NULL, error));
    char *path = place_inner_path(place, name);
    if (path)
        rmdir(path); /* unless there is something else in it */
    free(path);
    return LMVR_OK;
}

/* What says that a part is finished goes first, then the index, so that a kill in between leaves no lines without rows. */
lmvr_status parts_remove(const struct place *place, const char *const *names, size_t count, lmvr_error *error)
{
    char ending[] = ".json";
    TRY(for_each_file(place, "index", remove_one, ending, error));
    TRY(remove_folder(place, "index", error));
    for (size_t i = 0; i < count; i++)
        TRY(remove_folder(place, names[i], error));
    return LMVR_OK;
}

static lmvr_status make_folder(const struct place *place, const char *name, lmvr_error *error)
{
    char *path = place_inner_path(place, name);
    if (!path)
        return error_no_memory(error, "a file name");
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    lmvr_status status = made ? LMVR_OK : file_error(error, path, "make the folder");
    free(path);
    return status;
}

/* ---- what is finished ------------------------------------------------------------------------------------------------ */

lmvr_status parts_read(const struct place *place, size_t number, bool *finished, uint64_t *inputs, uint64_t *rows,
                       lmvr_error *error)
{
    json_int_t all = -1, good = -1;
    char *path = place_part_path(place, "index", number, ".json");
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = LMVR_OK;
    *finished = access(path, F_OK) == 0;
    if (*finished) {
        json_t *object = NULL;
        json_read(path, NULL, &object, NULL);
        if (json_unpack(object, "{s:I, s:I}", "inputs", &all, "rows", &good) != 0 || good < 0 || all < good)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: was not written by lmvr embed", path);
        json_decref(object);
    }
    *inputs = *finished && status == LMVR_OK ? (uint64_t)all : 0;
    *rows = *finished && status == LMVR_OK ? (uint64_t)good : 0;
    free(path);
    return status;
}

static void note_finished(struct parts *parts, size_t number, uint64_t inputs, uint64_t rows)
{
    parts->finished[number] = true;
    parts->inputs += inputs;
    parts->rows += rows;
}

lmvr_status parts_finish(const struct place *place, struct parts *parts, size_t number, uint64_t inputs, uint64_t rows,
                         lmvr_error *error)
{
    char text[96], *path = place_part_path(place, "index", number, ".json");
    if (!path)
        return error_no_memory(error, "a file name");
    int length = snprintf(text, sizeof text, "{\"inputs\": %llu, \"rows\": %llu}\n", (unsigned long long)inputs,
                          (unsigned long long)rows);
    lmvr_status status = file_replace(path, text, (size_t)length, error);
    free(path);
    if (status == LMVR_OK)
        note_finished(parts, number, inputs, rows);
    return status;
}

bool parts_wants(const struct parts *parts, size_t number)
{
    return number < parts->count && number % parts->shares == parts->share && !parts->finished[number];
}

/* ---- the share ------------------------------------------------------------------------------------------------------- */

/* Whether the open file is the one that has the path: one that ends removes its lock. */
static bool is_in_place(int fd, const char *path)
{
    struct stat open_file, there;
    return fstat(fd, &open_file) == 0 && stat(path, &there) == 0 && open_file.st_ino == there.st_ino &&
           open_file.st_dev == there.st_dev;
}

static lmvr_status lock_share(const struct place *place, struct parts *parts, lmvr_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "index/share-%zu-of-%zu.lock", parts->share + 1, parts->shares);
    parts->lock_path = place_inner_path(place, name);
    if (!parts->lock_path)
        return error_no_memory(error, "a file name");
    for (;;) {
        parts->lock_fd = open(parts->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (parts->lock_fd < 0)
            return file_error(error, parts->lock_path, "open");
        bool free = place_lock(place, parts->lock_fd, NULL) == LMVR_OK;
        if (free && is_in_place(parts->lock_fd, parts->lock_path))
            return LMVR_OK;
        close(parts->lock_fd);
        parts->lock_fd = -1;
        if (!free)
            return error_set(error, LMVR_ERROR_INVALID, "%s: another lmvr is doing share %zu/%zu", place->output,
                             parts->share + 1, parts->shares);
    }
}

static lmvr_status read_finished(const struct place *place, struct parts *parts, lmvr_error *error)
{
    for (size_t i = parts->share; i < parts->count; i += parts->shares) {
        bool finished;
        uint64_t inputs, rows;
        TRY(parts_read(place, i, &finished, &inputs, &rows, error));
        if (finished)
            note_finished(parts, i, inputs, rows);
    }
    return LMVR_OK;
}

lmvr_status parts_open(const struct place *place, const struct store_feature *features, size_t count, struct parts *parts,
                       lmvr_error *error)
{
    *parts = (struct parts){.count = parts->count, .share = parts->share, .shares = parts->shares, .lock_fd = -1};
    parts->finished = calloc(parts->count + 1, sizeof *parts->finished);
    if (!parts->finished)
        return error_no_memory(error, "the list of parts");
    TRY(make_folder(place, "index", error));
    for (size_t i = 0; i < count; i++)
        TRY(make_folder(place, features[i].name, error));
    if (place->clip_parts)
        TRY(make_folder(place, COPIES_METADATA, error));
    if (parts->shares > 1)
        TRY(lock_share(place, parts, error));
    return read_finished(place, parts, error);
}

void parts_close(struct parts *parts)
{
    if (parts->lock_path && parts->lock_fd >= 0) {
        unlink(parts->lock_path);
        close(parts->lock_fd);
    }
    free(parts->lock_path);
    free(parts->finished);
    *parts = (struct parts){.lock_fd = -1};
}
