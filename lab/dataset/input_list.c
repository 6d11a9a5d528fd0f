#include "lab/dataset/input_list.h"

#include "error.h"
#include "format/file.h"
#include "format/hash.h"
#include "lab/dataset/name_range.h"
#include "lab/dataset/parquet.h"
#include "record/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

/* Counts an entry into its part, and tells whether it is the first there. */
static bool begin_part(struct input_list *in, bool tar)
{
    bool begins = tar || in->in_part == 0 || in->in_part == in->rows_per_part;
    in->in_part = tar ? 0 : begins ? 1 : in->in_part + 1;
    in->parts += begins;
    return begins;
}

/* In the file an entry is 't' or 'i', a capital letter where a part begins, the number `below`, path and json, each with a zero
 * behind it. */
static lmvr_status add_kind(struct input_list *in, bool tar, const char *path, size_t below, const char *json,
                            lmvr_error *error)
{
    bool begins = begin_part(in, tar);
    if (tar && in->rows_per_part)
        return error_set(error, LMVR_ERROR_INVALID, "%s: a tar is a part of its own, so --rows-per-part is for other inputs",
                         path);
    fprintf(in->file, "%c%zu%c%s%c%s%c", "itIT"[tar + 2 * begins], below, '\0', path, '\0', json ? json : "", '\0');
    in->hash = source_hash(in->hash, path);
    if (json)
        in->hash = source_hash(in->hash, json);
    in->count++;
    in->tars += tar;
    return ferror(in->file)
               ? error_set(error, LMVR_ERROR_RESOURCE, "the list of inputs cannot be written to TMPDIR: %s", strerror(errno))
               : LMVR_OK;
}

/* Takes ownership of `path`, which is an image's; NULL counts as out of memory. */
static lmvr_status add(struct input_list *in, char *path, size_t below, lmvr_error *error)
{
    lmvr_status status = path ? add_kind(in, false, path, below, in->json, error) : no_memory(error);
    free(path);
    return status;
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

static lmvr_status search(struct input_list *in, const char *folder, const struct level *level, lmvr_error *error);

/* Takes ownership of `path`, an entry of a folder. */
static lmvr_status add_entry(struct input_list *in, char *path, const char *name, const struct level *level, lmvr_error *error)
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
static lmvr_status search(struct input_list *in, const char *folder, const struct level *level, lmvr_error *error)
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

static lmvr_status add_path(struct input_list *in, const char *path, lmvr_error *error)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        bool tar = ends_in(path, ".tar") || ends_in(path, ".tar.gz") || ends_in(path, ".tgz");
        return add_kind(in, tar, path, last_part(path), in->json, error);
    }
    size_t length = strlen(path);
    struct level level = {st.st_dev, st.st_ino, path[length - 1] == '/' ? length : length + 1, NULL};
    size_t passed = passed_over_count(&in->passed_over);
    TRY(search(in, path, &level, error));
    return passed_over_count(&in->passed_over) > passed ? passed_over_note_folder(&in->passed_over, path, error) : LMVR_OK;
}

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

/* Where a line of a list stands, for errors. */
struct where {
    const char *file;
    size_t number;
    bool json;
};

static lmvr_status add_object(struct input_list *in, const struct where *where, const char *line, lmvr_error *error)
{
    json_error_t bad;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &bad);
    const char *path = json_string_value(json_object_get(object, "path"));
    char *copy = path && *path ? strdup(path) : NULL;
    if (!copy) {
        json_decref(object);
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu is not an object with a path: %s", where->file, where->number,
                         object ? "\"path\" has to be a text" : bad.text);
    }
    json_object_del(object, "path");
    in->json = json_object_size(object) ? json_dumps(object, JSON_COMPACT) : NULL;
    bool failed = json_object_size(object) && !in->json;
    json_decref(object);
    lmvr_status status = failed ? no_memory(error) : LMVR_OK;
    if (in->json && strlen(in->json) > COMPANION_MOST)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has more than %d bytes besides the path", where->file,
                           where->number, COMPANION_MOST);
    if (status == LMVR_OK)
        status = add_path(in, copy, error);
    free(copy);
    free(in->json);
    in->json = NULL;
    return status;
}

static lmvr_status add_line(struct input_list *in, const struct where *where, char *line, size_t length, lmvr_error *error)
{
    if (memchr(line, '\0', length))
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has a zero byte in it, so it is not a path", where->file,
                         where->number);
    if (length > 0 && line[length - 1] == '\n')
        line[--length] = '\0';
    if (length > 0 && line[length - 1] == '\r')
        line[--length] = '\0';
    if (length == 0)
        return LMVR_OK;
    return where->json ? add_object(in, where, line, error) : add_path(in, line, error);
}

static lmvr_status add_lines(struct input_list *in, FILE *file, struct where *where, lmvr_error *error)
{
    char *line = NULL;
    size_t space = 0;
    ssize_t length;
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && (length = getline(&line, &space, file)) >= 0) {
        where->number++;
        status = add_line(in, where, line, (size_t)length, error);
    }
    if (status == LMVR_OK && !feof(file))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", where->file, strerror(errno));
    free(line);
    return status;
}

static lmvr_status use_standard_input(struct input_list *in, lmvr_error *error)
{
    if (in->standard_input)
        return error_set(error, LMVR_ERROR_INVALID, "standard input can be one input only, - or @-");
    in->standard_input = true;
    return LMVR_OK;
}

/* Its rows are lines as those of a .jsonl. */
static lmvr_status add_table(struct input_list *in, const char *name, lmvr_error *error)
{
    struct where where = {name, 0, true};
    struct parquet table;
    lmvr_error close_error;
    TRY(parquet_lines_open(name, &table, error));
    lmvr_status status = add_lines(in, table.output, &where, error);
    lmvr_status closed = parquet_lines_close(name, &table, &close_error);
    if (status != LMVR_OK || closed == LMVR_OK)
        return status;
    *error = close_error;
    return closed;
}

static lmvr_status add_list(struct input_list *in, const char *name, lmvr_error *error)
{
    struct where where = {name, 0, ends_in(name, ".jsonl")};
    if (ends_in(name, ".parquet"))
        return add_table(in, name, error);
    if (strcmp(name, "-") == 0) {
        where.file = "standard input";
        TRY(use_standard_input(in, error));
        return add_lines(in, stdin, &where, error);
    }
    FILE *file = fopen(name, "re");
    if (!file)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", name, strerror(errno));
    lmvr_status status = add_lines(in, file, &where, error);
    fclose(file);
    return status;
}

/* ---- the command line ------------------------------------------------------------------------------------------------ */

static lmvr_status add_name(const char *name, void *list, lmvr_error *error)
{
    return add_path(list, name, error);
}

static lmvr_status add_argument(struct input_list *in, const char *argument, lmvr_error *error)
{
    struct stat st;
    if (*argument == '@')
        return add_list(in, argument + 1, error);
    if (strcmp(argument, "-") == 0) {
        TRY(use_standard_input(in, error));
        return add_kind(in, true, argument, 0, NULL, error);
    }
    if (name_range_is(argument) && lstat(argument, &st) != 0)
        return name_range_expand(argument, add_name, in, error);
    return add_path(in, argument, error);
}

static lmvr_status refuse_nothing(const struct input_list *in, char *const *arguments, size_t count, lmvr_error *error)
{
    char passed[PASSED_OVER_LINE] = "";
    if (in->passed_over.kind_count > 0)
        passed_over_format(&in->passed_over, passed, sizeof passed);
    return error_set(error, LMVR_ERROR_INVALID, "no images: there is none in %s%s%s%s", arguments[0],
                     count > 1 ? " and the other inputs" : "", *passed ? "; passed over in " : "", passed);
}

/* Where there is no place for a file, memory has to do. */
static lmvr_status make_file(struct input_list *list, lmvr_error *error)
{
    char path[FILE_UNNAMED_PATH];
    int fd;
    if (file_unnamed(&fd, path, NULL) != LMVR_OK)
        fd = memfd_create("inputs", MFD_CLOEXEC);
    list->file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (list->file)
        return LMVR_OK;
    if (fd >= 0)
        close(fd);
    return no_memory(error);
}

lmvr_status input_list_open(char *const *arguments, size_t count, size_t rows_per_part, struct input_list *list,
                            lmvr_error *error)
{
    *list = (struct input_list){.hash = HASH_START, .rows_per_part = rows_per_part};
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "no inputs: image files, folders or @LIST are expected");
    lmvr_status status = make_file(list, error);
    for (size_t i = 0; i < count && status == LMVR_OK; i++)
        status = add_argument(list, arguments[i], error);
    if (status == LMVR_OK && list->count == 0)
        status = refuse_nothing(list, arguments, count, error);
    if (status == LMVR_OK && fseek(list->file, 0, SEEK_SET) != 0) /* writes what is left */
        status = error_set(error, LMVR_ERROR_RESOURCE, "the list of inputs cannot be written to TMPDIR: %s", strerror(errno));
    if (status != LMVR_OK)
        input_list_close(list);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

lmvr_status input_list_next(struct input_list *list, struct input *input, bool *found, lmvr_error *error)
{
    char **path = &list->path, **json = &list->json;
    size_t *path_space = &list->path_space, *json_space = &list->json_space;
    int kind = fgetc(list->file);
    *found = kind != EOF;
    if (!*found && !ferror(list->file))
        return LMVR_OK;
    bool whole = getdelim(path, path_space, '\0', list->file) > 0;
    size_t below = whole ? strtoul(*path, NULL, 10) : 0;
    whole = whole && getdelim(path, path_space, '\0', list->file) > 0 && getdelim(json, json_space, '\0', list->file) > 0;
    if (!whole)
        return error_set(error, LMVR_ERROR_RESOURCE, "the list of inputs cannot be read again: %s", strerror(errno));
    *input = (struct input){*path, below, **json ? *json : NULL, kind == 't' || kind == 'T', kind == 'I' || kind == 'T'};
    return LMVR_OK;
}

void input_list_close(struct input_list *list)
{
    if (list->file)
        fclose(list->file);
    free(list->path);
    free(list->json);
    passed_over_finish(&list->passed_over);
    *list = (struct input_list){0};
}
