#include "format/place.h"

#include "format/input.h"

#include "format/file.h"
#include "format/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_NAME 200 /* bytes; file systems allow 255 */

static char *join(const char *a, const char *b, const char *c)
{
    char *out = NULL;
    return asprintf(&out, "%s%s%s", a, b, c) < 0 ? NULL : out;
}

/* Removes the last component of a path: "a/b" becomes "a", "/b" becomes "/", "b" becomes ".". */
static void cut_last_part(char *path)
{
    char *slash = strrchr(path, '/');
    while (slash && slash > path && slash[-1] == '/')
        slash--;
    if (!slash)
        memcpy(path, ".", 2);
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
}

static char *folder_of(const char *path)
{
    char *folder = malloc(strlen(path) + 2);
    if (folder) {
        memcpy(folder, path, strlen(path) + 1);
        cut_last_part(folder);
    }
    return folder;
}

static void init_single(struct place *p)
{
    size_t stem = strlen(p->output) - strlen(".npy");
    if (asprintf(&p->run_path, "%.*s.run.json", (int)stem, p->output) < 0)
        p->run_path = NULL;
    if (asprintf(&p->index_path, "%.*s.jsonl", (int)stem, p->output) < 0)
        p->index_path = NULL;
    p->folder = folder_of(p->output);
}

lmvr_status place_init(struct place *place, const char *output, lmvr_error *error)
{
    *place = (struct place){.output = strdup(output)};
    if (!place->output)
        return error_no_memory(error, "a file name");
    size_t length = strlen(output);
    if (length == 0 || length > 3500) {
        place_finish(place);
        return error_set(error, LMVR_ERROR_INVALID, "the output path is %s", length ? "too long" : "empty");
    }
    const char *last = strrchr(output, '/');
    last = last ? last + 1 : output;
    size_t last_length = strlen(last);
    place->single = last_length > 4 && strcmp(last + last_length - 4, ".npy") == 0 && !input_is_folder(output);
    if (place->single) {
        init_single(place);
    } else {
        while (length > 1 && place->output[length - 1] == '/')
            place->output[--length] = '\0';
        const char *slash = place->output[length - 1] == '/' ? "" : "/";
        place->folder = strdup(place->output);
        place->run_path = join(place->output, slash, "run.json");
        place->index_path = join(place->output, slash, "index.jsonl");
    }
    if (place->folder && place->run_path && place->index_path)
        return LMVR_OK;
    place_finish(place);
    return error_no_memory(error, "a file name");
}

void place_finish(struct place *place)
{
    free(place->output);
    free(place->folder);
    free(place->run_path);
    free(place->index_path);
    *place = (struct place){.output = NULL};
}

char *place_inner_path(const struct place *place, const char *name)
{
    return join(place->output, strcmp(place->output, "/") == 0 ? "" : "/", name);
}

char *place_part_path(const struct place *place, const char *folder, size_t part, const char *ending)
{
    char *path = NULL, *inner = place_inner_path(place, folder);
    bool clip = place->clip_parts > 0 && strcmp(folder, "index") != 0;
    int digits = snprintf(NULL, 0, "%zu", place->clip_parts), length = -1;
    if (inner && clip)
        length = asprintf(&path, "%s/%s_%0*zu%s", inner, folder, digits, part, ending);
    else if (inner)
        length = asprintf(&path, "%s/part-%05zu%s", inner, part, ending);
    free(inner);
    return length < 0 ? NULL : path;
}

char *place_feature_path(const struct place *place, const char *name, size_t part)
{
    if (part != PLACE_WHOLE)
        return place_part_path(place, name, part, ".npy");
    if (place->single)
        return strdup(place->output);
    char *path = NULL;
    const char *slash = strcmp(place->output, "/") == 0 ? "" : "/";
    return asprintf(&path, "%s%s%s.npy", place->output, slash, name) < 0 ? NULL : path;
}

char *place_index_path(const struct place *place, size_t part)
{
    return part == PLACE_WHOLE ? strdup(place->index_path) : place_part_path(place, "index", part, ".jsonl");
}

lmvr_status place_check_name(const char *name, lmvr_error *error)
{
    const char *wrong = NULL;
    if (!*name)
        wrong = "is empty";
    else if (strlen(name) > MAX_NAME)
        wrong = "is longer than 200 bytes";
    else if (*name == '.')
        wrong = "begins with a period";
    else if (strchr(name, '/'))
        wrong = "contains a slash";
    else if (strcmp(name, "index") == 0 || strcmp(name, "run") == 0)
        wrong = "is the name of another output file";
    else if (!utf8_is_valid(name))
        wrong = "is not UTF-8";
    for (const char *c = name; *c && !wrong; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            wrong = "contains a control character";
    if (!wrong)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "feature name \"%.*s\" cannot be used as a file name: it %s", MAX_NAME, name,
                     wrong);
}

lmvr_status place_check_writable(const struct place *place, lmvr_error *error)
{
    char *path = strdup(place->folder);
    if (!path)
        return error_no_memory(error, "a file name");
    struct stat st;
    while (stat(path, &st) != 0 && errno == ENOENT && strcmp(path, ".") != 0 && strcmp(path, "/") != 0) {
        char *above = folder_of(path);
        free(path);
        path = above;
        if (!path)
            return error_no_memory(error, "a file name");
    }
    lmvr_status status = LMVR_OK;
    if (stat(path, &st) != 0)
        status = file_error(error, path, "be used for output");
    else if (!S_ISDIR(st.st_mode))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: not a folder, so no output can be written there", path);
    else if (access(path, W_OK | X_OK) != 0)
        status = file_error(error, path, "be written to");
    free(path);
    return status;
}

lmvr_status place_make_folder(const struct place *place, lmvr_error *error)
{
    char *path = strdup(place->folder);
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = LMVR_OK;
    for (char *c = path + 1; status == LMVR_OK; c++) {
        if (*c && *c != '/')
            continue;
        char kept = *c;
        *c = '\0';
        int failure = mkdir(path, 0777) == 0 ? 0 : errno;
        if (failure && !input_is_folder(path)) {
            errno = failure;
            status = file_error(error, path, "make the folder");
        }
        *c = kept;
        if (!kept)
            break;
    }
    free(path);
    return status;
}

lmvr_status place_lock(const struct place *place, int fd, lmvr_error *error)
{
    /* Any other failure comes from a file system without locks; working without one is better than not at all. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_set(error, LMVR_ERROR_INVALID, "%s: another lmvr is writing there", place->output);
    return LMVR_OK;
}

void place_share_lock(int fd)
{
    flock(fd, LOCK_SH);
}

lmvr_status place_open_run(const struct place *place, bool shared, int *fd, bool *made, lmvr_error *error)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    *made = false;
    *fd = open(place->run_path, O_RDWR | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT) {
        *fd = open(place->run_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        *made = *fd >= 0;
    }
    if (*fd < 0)
        return file_error(error, place->run_path, "open");
    lmvr_status status = place_lock(place, *fd, error);
    for (int i = 0; i < 500 && shared && status == LMVR_ERROR_INVALID; i++) {
        if (flock(*fd, LOCK_SH | LOCK_NB) == 0)
            return LMVR_OK;
        nanosleep(&pause, NULL);
        status = place_lock(place, *fd, error);
    }
    return status;
}

lmvr_status place_refuse_results(const struct place *place, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: holds results already; --resume continues them, --force removes them",
                     place->output);
}

lmvr_status place_refuse_unknown(const struct place *place, const char *path, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: already exists, but there is no complete %s to say how it was made; --force removes it", path,
                     place->run_path);
}
