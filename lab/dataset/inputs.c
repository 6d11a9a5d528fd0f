#include "lab/dataset/inputs.h"

#include "error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No image is shorter, in bytes. */
#define SHORTEST_IMAGE 12

/* A folder that is being searched, and the one that it was found in. */
struct level {
    dev_t device;
    ino_t inode;
    size_t below; /* the length of the first of them, slash included */
    const struct level *above;
};

static lmvr_status no_memory(lmvr_error *error)
{
    return error_no_memory(error, "the list of inputs");
}

/* Takes ownership of `path`; NULL counts as out of memory. */
static lmvr_status add(struct inputs *in, char *path, size_t below, lmvr_error *error)
{
    if (path && in->count == in->space) {
        size_t space = in->space ? in->space * 2 : 256;
        char **paths = realloc(in->paths, space * sizeof *paths);
        size_t *belows = realloc(in->below, space * sizeof *belows);
        in->paths = paths ? paths : in->paths;
        in->below = belows ? belows : in->below;
        in->space = paths && belows ? space : in->space;
    }
    if (!path || in->count == in->space) {
        free(path);
        return no_memory(error);
    }
    in->below[in->count] = below;
    in->paths[in->count++] = path;
    return LMVR_OK;
}

static bool begins_like_image(const char *path)
{
    uint8_t bytes[IMAGE_KIND_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    return n >= SHORTEST_IMAGE && image_kind_of(bytes, (size_t)n) != IMAGE_NONE;
}

static bool is_above(const struct level *level, const struct stat *st)
{
    for (; level; level = level->above)
        if (level->device == st->st_dev && level->inode == st->st_ino)
            return true;
    return false;
}

static int is_not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static lmvr_status search(struct inputs *in, const char *folder, const struct level *level, lmvr_error *error);

/* Takes ownership of `path`, an entry of a folder. */
static lmvr_status add_entry(struct inputs *in, char *path, const char *name, const struct level *level, lmvr_error *error)
{
    struct stat st;
    lmvr_status status = LMVR_OK;
    if (stat(path, &st) != 0)
        return image_is_named(name) ? add(in, path, level->below, error) : (free(path), LMVR_OK); /* a link to nowhere */
    if (S_ISREG(st.st_mode) && (image_is_named(name) || begins_like_image(path)))
        return add(in, path, level->below, error);
    if (S_ISREG(st.st_mode))
        status = passed_over_add(&in->passed_over, name, error);
    if (S_ISDIR(st.st_mode) && !is_above(level, &st)) {
        struct level below = {st.st_dev, st.st_ino, level->below, level};
        status = search(in, path, &below, error);
    }
    free(path);
    return status;
}

/* Where a path's last part begins. */
static size_t last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* `level` is the folder's own. A folder that cannot be read becomes an input, so that it fails where people see it. */
static lmvr_status search(struct inputs *in, const char *folder, const struct level *level, lmvr_error *error)
{
    struct dirent **entries;
    size_t length = strlen(folder);
    lmvr_status status = LMVR_OK;
    int count = scandir(folder, &entries, is_not_hidden, by_bytes);
    if (count < 0)
        return errno == ENOMEM ? no_memory(error) : add(in, strdup(folder), last_part(folder), error);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *path = NULL;
        if (status == LMVR_OK && asprintf(&path, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name) >= 0)
            status = add_entry(in, path, name, level, error);
        else if (status == LMVR_OK)
            status = no_memory(error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static lmvr_status add_path(struct inputs *in, const char *path, lmvr_error *error)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return add(in, strdup(path), last_part(path), error);
    size_t length = strlen(path);
    struct level level = {st.st_dev, st.st_ino, path[length - 1] == '/' ? length : length + 1, NULL};
    size_t passed = passed_over_count(&in->passed_over);
    TRY(search(in, path, &level, error));
    return passed_over_count(&in->passed_over) > passed ? passed_over_note_folder(&in->passed_over, path, error) : LMVR_OK;
}

static lmvr_status add_lines(struct inputs *in, FILE *file, const char *name, lmvr_error *error)
{
    char *line = NULL;
    size_t space = 0, number = 0;
    ssize_t length;
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && (length = getline(&line, &space, file)) >= 0) {
        number++;
        if (memchr(line, '\0', (size_t)length)) {
            status =
                error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has a zero byte in it, so it is not a path", name, number);
            break;
        }
        if (length > 0 && line[length - 1] == '\n')
            line[--length] = '\0';
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (length > 0)
            status = add_path(in, line, error);
    }
    if (status == LMVR_OK && !feof(file))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", name, strerror(errno));
    free(line);
    return status;
}

static lmvr_status add_list(struct inputs *in, const char *name, lmvr_error *error)
{
    if (strcmp(name, "-") == 0)
        return add_lines(in, stdin, "standard input", error);
    FILE *file = fopen(name, "re");
    if (!file)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", name, strerror(errno));
    lmvr_status status = add_lines(in, file, name, error);
    fclose(file);
    return status;
}

static lmvr_status refuse_nothing(const struct inputs *in, char *const *arguments, size_t count, lmvr_error *error)
{
    char passed[PASSED_OVER_LINE] = "";
    if (in->passed_over.kind_count > 0)
        passed_over_format(&in->passed_over, passed, sizeof passed);
    return error_set(error, LMVR_ERROR_INVALID, "no images: there is none in %s%s%s%s", arguments[0],
                     count > 1 ? " and the other inputs" : "", *passed ? "; passed over in " : "", passed);
}

lmvr_status inputs_collect(char *const *arguments, size_t count, struct inputs *inputs, lmvr_error *error)
{
    *inputs = (struct inputs){0};
    lmvr_status status = LMVR_OK;
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "no inputs: image files, folders or @LIST are expected");
    for (size_t i = 0; i < count && status == LMVR_OK; i++)
        status = arguments[i][0] == '@' ? add_list(inputs, arguments[i] + 1, error) : add_path(inputs, arguments[i], error);
    if (status == LMVR_OK && inputs->count == 0)
        status = refuse_nothing(inputs, arguments, count, error);
    if (status != LMVR_OK)
        inputs_finish(inputs);
    return status;
}

void inputs_finish(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->paths[i]);
    free(inputs->paths);
    free(inputs->below);
    passed_over_finish(&inputs->passed_over);
    *inputs = (struct inputs){0};
}
