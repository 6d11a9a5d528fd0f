#include "lab/dataset/labels_csv.h"

#include "format/csv.h"
#include "format/utf8.h"
#include "lab/dataset/labels_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLASSES 1000000

struct reader {
    struct csv csv;
    long path, label; /* columns; -1: none */
    struct labels *labels;
    bool keeps_paths;
    char **paths; /* (rows) if they are kept */
    char **names; /* (rows) LABELS_SINGLE: each row's class */
    int64_t space;
};

static void finish(struct reader *r)
{
    for (int64_t i = 0; i < r->labels->rows; i++) {
        if (r->paths)
            free(r->paths[i]);
        if (r->names)
            free(r->names[i]);
    }
    free(r->paths);
    free(r->names);
    csv_close(&r->csv);
}

/* ---- the header ---- */

static lmvr_status add_class(struct labels *labels, const char *path, const char *name, lmvr_error *error)
{
    if (!*name)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line 1: column %d has no name", path, labels->class_count + 1);
    if (!utf8_is_valid(name))
        return error_set(error, LMVR_ERROR_INVALID, "%s: line 1: the name of a class is not UTF-8", path);
    labels->classes[labels->class_count] = strdup(name);
    return labels->classes[labels->class_count++] ? LMVR_OK : error_no_memory(error, "the class names");
}

static lmvr_status read_header(struct reader *r, lmvr_error *error)
{
    struct csv *csv = &r->csv;
    r->path = csv_column(csv, "path");
    r->label = csv_column(csv, "label");
    long others = (long)csv->columns - (r->path >= 0) - (r->label >= 0);
    if (r->keeps_paths && r->path < 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no column path to join the index on", csv->path);
    if (r->label >= 0 && others > 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: has %ld column%s besides label, expected either a column label or a column per class", csv->path,
                         others, others == 1 ? "" : "s");
    if (r->label < 0 && others == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has neither a column label nor class columns", csv->path);
    r->labels->kind = r->label >= 0 ? LABELS_SINGLE : LABELS_MULTI;
    if (r->label >= 0)
        return LMVR_OK;
    r->labels->classes = calloc((size_t)others, sizeof *r->labels->classes);
    if (!r->labels->classes)
        return error_no_memory(error, "the class names");
    for (size_t i = 0; i < csv->columns; i++)
        if ((long)i != r->path)
            TRY(add_class(r->labels, csv->path, csv->header[i], error));
    return LMVR_OK;
}

/* ---- lines ---- */

/* Resizes the array to `space` elements; NULL: out of memory, and the array is unchanged. */
static void *lengthened(void *array, int64_t space, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow((size_t)space, size, &bytes) ? NULL : realloc(array, bytes);
}

static bool lengthen(struct reader *r, int64_t space)
{
    struct labels *l = r->labels;
    if (l->kind == LABELS_MULTI) {
        int8_t *multi = lengthened(l->multi, space, (size_t)l->class_count);
        l->multi = multi ? multi : l->multi;
        return multi != NULL;
    }
    int32_t *single = lengthened(l->single, space, sizeof *single);
    l->single = single ? single : l->single;
    char **names = lengthened(r->names, space, sizeof *names);
    r->names = names ? names : r->names;
    return single && names;
}

static lmvr_status make_room(struct reader *r, lmvr_error *error)
{
    if (r->labels->rows < r->space)
        return LMVR_OK;
    int64_t space = r->space * 2 + 256;
    char **paths = r->keeps_paths ? lengthened(r->paths, space, sizeof *paths) : NULL;
    r->paths = paths ? paths : r->paths;
    if ((r->keeps_paths && !paths) || !lengthen(r, space))
        return error_no_memory(error, r->csv.path);
    r->space = space;
    return LMVR_OK;
}

/* The row must already be counted, so that finish() frees its name. */
static lmvr_status take_name(struct reader *r, int64_t row, lmvr_error *error)
{
    const char *name = r->csv.fields[r->label];
    if (!*name)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has no label", r->csv.path, r->csv.line);
    if (!utf8_is_valid(name))
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has a label that is not UTF-8", r->csv.path, r->csv.line);
    r->names[row] = strdup(name);
    return r->names[row] ? LMVR_OK : error_no_memory(error, r->csv.path);
}

static lmvr_status take_values(const struct reader *r, int8_t *values, lmvr_error *error)
{
    for (size_t i = 0; i < r->csv.columns; i++) {
        const char *text = r->csv.fields[i];
        if ((long)i == r->path)
            continue;
        if (strcmp(text, "1") != 0 && strcmp(text, "-1") != 0 && strcmp(text, "0") != 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: %.100s is \"%.40s\", expected 1, -1, or 0 for difficult",
                             r->csv.path, r->csv.line, r->csv.header[i], text);
        *values++ = (int8_t)(*text == '-' ? -1 : *text - '0');
    }
    return LMVR_OK;
}

static lmvr_status take_line(struct reader *r, lmvr_error *error)
{
    struct labels *l = r->labels;
    TRY(make_room(r, error));
    int64_t row = l->rows++;
    if (r->names)
        r->names[row] = NULL;
    if (r->paths) {
        r->paths[row] = strdup(r->csv.fields[r->path]);
        if (!r->paths[row])
            return error_no_memory(error, r->csv.path);
    }
    return r->names ? take_name(r, row, error) : take_values(r, l->multi + row * l->class_count, error);
}

/* ---- the classes of a column label ---- */

struct label {
    const char *name;
    int64_t value; /* its value, if all are integers */
    int64_t row;
};

static bool is_whole_number(const char *text, int64_t *value)
{
    char *end;
    bool begins = (*text >= '0' && *text <= '9') || (*text == '-' && text[1] >= '0' && text[1] <= '9');
    errno = 0;
    *value = begins ? strtoll(text, &end, 10) : 0;
    return begins && !*end && errno == 0;
}

/* "1" and "01" are equal as numbers, but two classes. */
static int compare_labels(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value) - (x->value < y->value) : strcmp(x->name, y->name);
}

static lmvr_status number_classes(struct reader *r, const struct label *sorted, lmvr_error *error)
{
    struct labels *l = r->labels;
    int64_t count = 0;
    for (int64_t i = 0; i < l->rows; i++) {
        count += i == 0 || strcmp(sorted[i].name, sorted[i - 1].name) != 0;
        l->single[sorted[i].row] = (int32_t)(count - 1);
        if (count > MAX_CLASSES)
            return error_set(error, LMVR_ERROR_INVALID, "%s: has more than %d different labels", r->csv.path, MAX_CLASSES);
    }
    l->classes = calloc((size_t)count + 1, sizeof *l->classes);
    if (!l->classes)
        return error_no_memory(error, "the class names");
    for (int64_t i = 0; i < l->rows; i++)
        if (l->single[sorted[i].row] == l->class_count)
            TRY(add_class(l, r->csv.path, sorted[i].name, error));
    return LMVR_OK;
}

static lmvr_status sort_classes(struct reader *r, lmvr_error *error)
{
    struct labels *l = r->labels;
    bool numbers = true;
    struct label *sorted = malloc((size_t)(l->rows + 1) * sizeof *sorted);
    if (!sorted)
        return error_no_memory(error, "the class names");
    for (int64_t i = 0; i < l->rows; i++) {
        sorted[i] = (struct label){.name = r->names[i], .row = i};
        numbers = numbers && is_whole_number(r->names[i], &sorted[i].value);
    }
    for (int64_t i = 0; i < l->rows && !numbers; i++)
        sorted[i].value = 0;
    qsort(sorted, (size_t)l->rows, sizeof *sorted, compare_labels);
    lmvr_status status = number_classes(r, sorted, error);
    free(sorted);
    return status;
}

/* ---- the file ---- */

static lmvr_status read_lines(struct reader *r, lmvr_error *error)
{
    TRY(read_header(r, error));
    for (bool more;;) {
        TRY(csv_next(&r->csv, &more, error));
        if (!more)
            break;
        TRY(take_line(r, error));
    }
    if (r->labels->rows == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no lines after the header", r->csv.path);
    return r->names ? sort_classes(r, error) : LMVR_OK;
}

lmvr_status labels_csv_read(const char *path, struct labels *labels, lmvr_error *error)
{
    struct reader r = {.labels = labels};
    *labels = (struct labels){0};
    TRY(csv_open(path, &r.csv, error));
    lmvr_status status = read_lines(&r, error);
    finish(&r);
    if (status != LMVR_OK)
        labels_finish(labels);
    return status;
}

lmvr_status labels_csv_join(const char *path, const char *index_path, struct labels *labels, struct labels_join *join,
                            lmvr_error *error)
{
    struct labels lines = {0};
    struct reader r = {.labels = &lines, .keeps_paths = true};
    *labels = (struct labels){0};
    *join = (struct labels_join){0};
    TRY(csv_open(path, &r.csv, error));
    lmvr_status status = read_lines(&r, error);
    if (status == LMVR_OK)
        status = labels_join_index(&lines, r.paths, path, index_path, labels, join, error);
    finish(&r);
    labels_finish(&lines);
    return status;
}
