/* A custom table: a column path, optionally a column part with "train" and "test", and either one column label, or a column per
 * class with 1, -1, or 0 for "difficult, ignore". */
#include "format/csv.h"
#include "format/lines.h"
#include "format/utf8.h"
#include "lab/dataset/layouts.h"

#include <stdlib.h>
#include <string.h>

struct table {
    struct csv csv;
    long path, part, label; /* columns; -1: none */
    struct names paths;     /* paths seen so far */
    struct names labels;    /* in order of appearance */
};

static lmvr_status line_error(const struct table *t, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: %s", t->csv.path, t->csv.line, what);
}

/* ---- the header ---- */

static bool is_class(const struct table *t, size_t column)
{
    return t->label < 0 && (long)column != t->path && (long)column != t->part;
}

/* The classes of a multi-label table are its other columns. */
static lmvr_status add_columns(const struct table *t, struct draft *draft, lmvr_error *error)
{
    struct names classes = {0};
    int64_t number;
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < t->csv.columns && status == LMVR_OK; i++)
        if (is_class(t, i))
            status = names_add(&classes, t->csv.header[i], &number, error);
    if (status == LMVR_OK && classes.count == 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has no column 'label' and no class columns", t->csv.path);
    if (status == LMVR_OK)
        status = draft_add_named_task(draft, "classes", "csv", LABELS_MULTI, &classes, error);
    names_finish(&classes);
    return status;
}

static lmvr_status read_header(struct table *t, struct draft *draft, lmvr_error *error)
{
    t->path = csv_column(&t->csv, "path");
    t->part = csv_column(&t->csv, "part");
    t->label = csv_column(&t->csv, "label");
    if (t->path < 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no column 'path'", t->csv.path);
    if (t->label < 0)
        return add_columns(t, draft, error);
    return draft_add_task(draft, "classes", "csv", LABELS_SINGLE, NULL, 0, error); /* its classes are known only at the end */
}

/* ---- records ---- */

static lmvr_status read_part(const struct table *t, enum dataset_part *part, lmvr_error *error)
{
    *part = DATASET_TRAIN;
    if (t->part < 0 || strcmp(t->csv.fields[t->part], "train") == 0)
        return LMVR_OK;
    *part = DATASET_TEST;
    if (strcmp(t->csv.fields[t->part], "test") == 0)
        return LMVR_OK;
    return line_error(t, "the part must be train or test", error);
}

static lmvr_status read_label(struct table *t, struct draft *draft, int64_t row, lmvr_error *error)
{
    int64_t number;
    TRY(names_add(&t->labels, t->csv.fields[t->label], &number, error));
    draft->tasks[0].labels.single[row] = (int32_t)number;
    return LMVR_OK;
}

static lmvr_status read_classes(const struct table *t, int8_t *values, lmvr_error *error)
{
    int value, class = 0;
    for (size_t i = 0; i < t->csv.columns; i++) {
        if (!is_class(t, i))
            continue;
        if (!lines_int(t->csv.fields[i], -1, 1, &value))
            return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: column '%.100s' is '%.40s', expected 1, -1 or 0",
                             t->csv.path, t->csv.line, t->csv.header[i], t->csv.fields[i]);
        values[class ++] = (int8_t)value;
    }
    return LMVR_OK;
}

static lmvr_status read_record(struct table *t, struct draft *draft, lmvr_error *error)
{
    enum dataset_part part;
    bool added;
    int64_t number, before = t->paths.count;
    const char *path = t->csv.fields[t->path];
    if (!*path)
        return line_error(t, "the path is empty", error);
    TRY(read_part(t, &part, error));
    TRY(names_add(&t->paths, path, &number, error));
    if (number < before) {
        draft_leave_out(draft, "%s: line %zu: %s is a duplicate", t->csv.path, t->csv.line, path);
        return LMVR_OK;
    }
    if (t->label >= 0 && !*t->csv.fields[t->label]) {
        draft_leave_out(draft, "%s: line %zu: %s has no label", t->csv.path, t->csv.line, path);
        return LMVR_OK;
    }
    TRY(draft_add_present(draft, path, part, t->csv.path, &added, error));
    if (!added)
        return LMVR_OK;
    if (t->label >= 0)
        return read_label(t, draft, draft->count - 1, error);
    return read_classes(t, draft_row(draft, 0, draft->count - 1), error);
}

/* ---- the classes of a column label ---- */

struct class
{
    int value; /* if all of them are integers, else 0 */
    const char *name;
    int64_t number; /* in t->labels */
};

static int by_value_and_name(const void *left, const void *right)
{
    const struct class *a = left, *b = right;
    return a->value != b->value ? (a->value < b->value ? -1 : 1) : strcmp(a->name, b->name);
}

/* Sorts integers by value and anything else by bytes, as scikit-learn does. */
static void sort_classes(const struct names *names, struct class *classes)
{
    bool numbers = true;
    for (int64_t i = 0; i < names->count; i++) {
        classes[i] = (struct class){.name = names_get(names, i), .number = i};
        numbers = numbers && lines_int(classes[i].name, INT32_MIN, INT32_MAX, &classes[i].value);
    }
    for (int64_t i = 0; i < names->count && !numbers; i++)
        classes[i].value = 0;
    qsort(classes, (size_t)names->count, sizeof *classes, by_value_and_name);
}

/* Gives the task its classes, and maps the labels to their indices. */
static lmvr_status take_classes(const struct class *classes, int64_t count, int32_t *places, struct labels *labels,
                                int64_t rows, lmvr_error *error)
{
    free((void *)labels->classes);
    labels->classes = calloc((size_t)count + 1, sizeof *labels->classes);
    if (!labels->classes)
        return error_no_memory(error, "the classes");
    for (int64_t i = 0; i < count; i++) {
        places[classes[i].number] = (int32_t)i;
        labels->classes[i] = utf8_clean(classes[i].name);
        if (!labels->classes[i])
            return error_no_memory(error, "the classes");
        labels->class_count++;
    }
    for (int64_t i = 0; i < rows; i++)
        labels->single[i] = places[labels->single[i]];
    return LMVR_OK;
}

static lmvr_status name_classes(const struct table *t, struct labels *labels, int64_t rows, lmvr_error *error)
{
    size_t count = (size_t)t->labels.count;
    struct class *classes = calloc(count + 1, sizeof *classes);
    int32_t *places = calloc(count + 1, sizeof *places);
    lmvr_status status = classes && places ? LMVR_OK : error_no_memory(error, "the classes");
    if (status == LMVR_OK) {
        sort_classes(&t->labels, classes);
        status = take_classes(classes, (int64_t)count, places, labels, rows, error);
    }
    free(classes);
    free(places);
    return status;
}

/* ---- the file ---- */

static lmvr_status read_table(struct table *t, struct draft *draft, uint64_t seed, lmvr_error *error)
{
    bool more;
    TRY(read_header(t, draft, error));
    for (;;) {
        TRY(csv_next(&t->csv, &more, error));
        if (!more)
            break;
        TRY(read_record(t, draft, error));
    }
    if (t->label >= 0)
        TRY(name_classes(t, &draft->tasks[0].labels, draft->count, error));
    return t->part < 0 ? draft_split(draft, seed, error) : LMVR_OK;
}

/* Paths in the table are relative to its own folder. */
static lmvr_status set_folder(const char *path, struct draft *draft, lmvr_error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
    if (!folder)
        return error_no_memory(error, path);
    lmvr_status status = draft_set_folder(draft, folder, NULL, error);
    free(folder);
    return status;
}

lmvr_status csv_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    struct table table = {0};
    TRY(set_folder(path, draft, error));
    TRY(csv_open(path, &table.csv, error));
    lmvr_status status = read_table(&table, draft, options->seed, error);
    csv_close(&table.csv);
    names_finish(&table.paths);
    names_finish(&table.labels);
    return status;
}
