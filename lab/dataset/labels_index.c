#include "lab/dataset/labels_index.h"

#include "format/file.h"
#include "format/utf8.h"
#include "store/finished.h"
#include "store/index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
    char *path; /* normalized by place_of(); owned */
    int64_t line;
    bool has_row;
};

/* State of the join. */
struct joining {
    const struct labels *lines;
    const char *name, *index_path;
    char *folder;          /* the working directory */
    struct entry *entries; /* (lines->rows) sorted by path */
    int64_t *line_of_row;  /* (rows) -1: the row has no label; -2: not yet seen in the index */
    int64_t rows, space;
    struct labels_join *join;
};

/* ---- paths ---- */

/* Makes "x/./y//z.jpg" into "/working/directory/x/y/z.jpg", with invalid UTF-8 replaced as in an index; to be freed. Purely
 * textual, so ".." and links stay. NULL: out of memory. */
static char *place_of(const char *folder, const char *path)
{
    char *clean = utf8_clean(path), *place = clean ? malloc(strlen(folder) + strlen(clean) + 2) : NULL, *out = place;
    if (place && *clean != '/')
        out = stpcpy(place, folder);
    for (const char *part = clean; place && *part;) {
        size_t length = strcspn(part, "/");
        if (length > 0 && !(length == 1 && *part == '.')) {
            *out++ = '/';
            out = mempcpy(out, part, length);
        }
        part += length + (part[length] == '/');
    }
    if (place)
        *out = '\0';
    free(clean);
    return place;
}

static int compare_paths(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static int compare_paths_and_lines(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_paths(a, b);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static lmvr_status sort_paths(struct joining *j, char *const *paths, lmvr_error *error)
{
    int64_t count = j->lines->rows;
    j->entries = calloc((size_t)count + 1, sizeof *j->entries);
    if (!j->entries)
        return error_no_memory(error, j->name);
    for (int64_t i = 0; i < count; i++) {
        j->entries[i] = (struct entry){.path = place_of(j->folder, paths[i]), .line = i};
        if (!j->entries[i].path)
            return error_no_memory(error, j->name);
    }
    qsort(j->entries, (size_t)count, sizeof *j->entries, compare_paths_and_lines);
    for (int64_t i = 1; i < count; i++)
        if (strcmp(j->entries[i].path, j->entries[i - 1].path) == 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: has the duplicate path %s", j->name, paths[j->entries[i].line]);
    return LMVR_OK;
}

/* ---- the index ---- */

/* The index or, in a folder of them, one of its parts. */
struct index_part {
    const char *path;
    int64_t first; /* the number of its first row */
};

static lmvr_status refuse_row(const struct index_part *part, int64_t row, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: row %lld %s", part->path, (long long)(row - part->first), what);
}

/* Makes room for `row`. */
static lmvr_status reach(struct joining *j, int64_t row, lmvr_error *error)
{
    if (row >= j->space) {
        int64_t space = row * 2 + 256;
        int64_t *longer = realloc(j->line_of_row, (size_t)space * sizeof *longer);
        if (!longer)
            return error_no_memory(error, j->index_path);
        for (int64_t i = j->space; i < space; i++)
            longer[i] = -2;
        j->line_of_row = longer;
        j->space = space;
    }
    j->rows = row >= j->rows ? row + 1 : j->rows;
    return LMVR_OK;
}

/* An index of n lines has no row beyond n - 1. */
static lmvr_status take_index_line(struct joining *j, const struct index_part *part, const struct index_reader *reader,
                                   lmvr_error *error)
{
    int64_t row = part->first + reader->row;
    if (reader->row < 0)
        return LMVR_OK;
    if ((uint64_t)reader->row >= reader->lines)
        return refuse_row(part, row, "is on an earlier line than it can be", error);
    TRY(reach(j, row, error));
    if (j->line_of_row[row] != -2)
        return refuse_row(part, row, "is a duplicate", error);
    struct entry key = {.path = place_of(j->folder, reader->input)};
    if (!key.path)
        return error_no_memory(error, j->index_path);
    struct entry *found = bsearch(&key, j->entries, (size_t)j->lines->rows, sizeof *j->entries, compare_paths);
    free(key.path);
    j->line_of_row[row] = found ? found->line : -1;
    if (found)
        found->has_row = true;
    return LMVR_OK;
}

static lmvr_status read_part(struct joining *j, const struct index_part *part, lmvr_error *error)
{
    struct index_reader reader;
    bool found = true;
    TRY(index_reader_open(part->path, &reader, error));
    lmvr_status status = LMVR_OK;
    while (found && status == LMVR_OK) {
        status = index_reader_next(&reader, &found, error);
        if (found && status == LMVR_OK)
            status = take_index_line(j, part, &reader, error);
    }
    index_reader_close(&reader);
    for (int64_t i = part->first; i < j->rows && status == LMVR_OK; i++)
        if (j->line_of_row[i] == -2)
            status = refuse_row(part, i, "is missing", error);
    return status;
}

static lmvr_status read_parts(struct joining *j, lmvr_error *error)
{
    struct finished_files parts;
    TRY(finished_files_list(j->index_path, &parts, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < parts.count && status == LMVR_OK; i++) {
        const struct finished_file *file = &parts.items[i];
        int64_t end = (int64_t)(file->first + file->rows);
        status = read_part(j, &(struct index_part){file->path, (int64_t)file->first}, error);
        if (status == LMVR_OK && j->rows != end)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: has %lld rows, expected %lld", file->path,
                               (long long)j->rows - (long long)file->first, (long long)file->rows);
    }
    finished_files_finish(&parts);
    return status;
}

static lmvr_status read_index(struct joining *j, char *const *paths, lmvr_error *error)
{
    TRY(finished_is_folder(j->index_path) ? read_parts(j, error) : read_part(j, &(struct index_part){j->index_path, 0}, error));
    for (int64_t i = 0; i < j->lines->rows; i++)
        j->join->lines_without_row += !j->entries[i].has_row;
    for (int64_t i = 0; i < j->rows; i++)
        j->join->rows_without_label += j->line_of_row[i] < 0;
    if (j->join->rows_without_label == j->rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s and %s have no path in common; the former has %s", j->name,
                         j->index_path, paths[0]);
    return LMVR_OK;
}

/* ---- the result ---- */

static lmvr_status copy_classes(const struct labels *from, struct labels *to, lmvr_error *error)
{
    to->classes = calloc((size_t)from->class_count + 1, sizeof *to->classes);
    for (int k = 0; to->classes && k < from->class_count; k++, to->class_count++) {
        to->classes[k] = strdup(from->classes[k]);
        if (!to->classes[k])
            return error_no_memory(error, "the class names");
    }
    return to->classes ? LMVR_OK : error_no_memory(error, "the class names");
}

static lmvr_status allocate(const struct joining *j, int64_t count, struct labels *labels, lmvr_error *error)
{
    size_t rows = (size_t)count;
    bool multi = j->lines->kind == LABELS_MULTI;
    labels->kind = j->lines->kind;
    labels->rows = count;
    TRY(copy_classes(j->lines, labels, error));
    labels->multi = multi ? calloc(rows, (size_t)labels->class_count) : NULL;
    labels->single = multi ? NULL : calloc(rows, sizeof *labels->single);
    j->join->rows = calloc(rows, sizeof *j->join->rows);
    return (multi ? labels->multi != NULL : labels->single != NULL) && j->join->rows ? LMVR_OK
                                                                                     : error_no_memory(error, "the labels");
}

static lmvr_status gather(const struct joining *j, struct labels *labels, lmvr_error *error)
{
    const struct labels *lines = j->lines;
    size_t classes = (size_t)lines->class_count;
    int64_t count = 0;
    j->join->index_rows = j->rows;
    TRY(allocate(j, j->rows - j->join->rows_without_label, labels, error));
    for (int64_t i = 0; i < j->rows; i++) {
        int64_t line = j->line_of_row[i];
        if (line < 0)
            continue;
        if (labels->single)
            labels->single[count] = lines->single[line];
        else
            memcpy(labels->multi + (size_t)count * classes, lines->multi + (size_t)line * classes, classes);
        j->join->rows[count++] = i;
    }
    return LMVR_OK;
}

lmvr_status labels_join_index(const struct labels *lines, char *const *paths, const char *name, const char *index_path,
                              struct labels *labels, struct labels_join *join, lmvr_error *error)
{
    struct joining j = {.lines = lines, .name = name, .index_path = index_path, .folder = getcwd(NULL, 0), .join = join};
    *labels = (struct labels){0};
    *join = (struct labels_join){0};
    if (!j.folder)
        return file_error(error, ".", "find the working directory");
    lmvr_status status = sort_paths(&j, paths, error);
    if (status == LMVR_OK)
        status = read_index(&j, paths, error);
    if (status == LMVR_OK)
        status = gather(&j, labels, error);
    if (status != LMVR_OK) {
        labels_finish(labels);
        labels_join_finish(join);
    }
    for (int64_t i = 0; j.entries && i < lines->rows; i++)
        free(j.entries[i].path);
    free(j.entries);
    free(j.folder);
    free(j.line_of_row);
    return status;
}

void labels_join_finish(struct labels_join *join)
{
    free(join->rows);
    *join = (struct labels_join){0};
}
