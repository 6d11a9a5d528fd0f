#include "lab/probe/probe_file.h"

#include "format/half.h"
#include "format/json.h"
#include "format/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT      "lmvr-probe"
#define VERSION     "1"
#define MAX_CLASSES 1000000
#define MAX_DIM     ((int64_t)1 << 30)

/* ---- writing ---- */

/* A JSON list, to be freed; NULL: out of memory. */
static char *list_classes(const struct probe *probe)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int k = 0; k < probe->class_count && good; k++)
        good = json_array_append_new(list, json_string(probe->classes[k])) == 0;
    char *text = good ? json_dumps(list, 0) : NULL;
    json_decref(list);
    return text;
}

lmvr_status probe_write(const struct probe *probe, const char *path, lmvr_error *error)
{
    char c[32], seed[32], *classes = list_classes(probe);
    if (!classes)
        return error_no_memory(error, path);
    snprintf(c, sizeof c, "%.17g", probe->c);
    snprintf(seed, sizeof seed, "%" PRIu64, probe->seed);
    const char *const metadata[] = {
        "format",  FORMAT,  "version", VERSION,        "kind", probe->kind == LABELS_MULTI ? "multi" : "single",
        "classes", classes, "feature", probe->feature, "c",    c,
        "seed",    seed,    NULL};
    const struct safetensors_write tensors[] = {
        {.name = "weights", .dtype = ST_F32, .dims = 2, .shape = {probe->columns, probe->dim}, .data = probe->weights},
        {.name = "intercepts", .dtype = ST_F32, .dims = 1, .shape = {probe->columns}, .data = probe->intercepts},
        {.name = "mean", .dtype = ST_F32, .dims = 1, .shape = {probe->dim}, .data = probe->mean},
        {.name = "deviation", .dtype = ST_F32, .dims = 1, .shape = {probe->dim}, .data = probe->deviation},
    };
    lmvr_status status = safetensors_write(path, tensors, 4, metadata, error);
    free(classes);
    return status;
}

/* ---- reading ---- */

static lmvr_status refuse(const struct safetensors *file, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: is not a readable probe: %s", safetensors_path(file), what);
}

static lmvr_status take_class(const struct safetensors *file, const json_t *name, struct probe *probe, lmvr_error *error)
{
    if (!json_is_string(name))
        return refuse(file, "the classes are not a list of names", error);
    probe->classes[probe->class_count] = strdup(json_string_value(name));
    if (!probe->classes[probe->class_count])
        return error_no_memory(error, safetensors_path(file));
    probe->class_count++;
    return LMVR_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static lmvr_status check_classes(const struct safetensors *file, const struct probe *probe, lmvr_error *error)
{
    size_t count = (size_t)probe->class_count;
    lmvr_status status = LMVR_OK;
    char **sorted = malloc(count * sizeof *sorted);
    if (!sorted)
        return error_no_memory(error, safetensors_path(file));
    memcpy(sorted, probe->classes, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t k = 1; k < count && status == LMVR_OK; k++)
        if (strcmp(sorted[k], sorted[k - 1]) == 0)
            status = refuse(file, "it has a duplicate class", error);
    free(sorted);
    return status;
}

static lmvr_status take_classes(const struct safetensors *file, struct probe *probe, lmvr_error *error)
{
    const char *text = safetensors_metadata(file, "classes");
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    size_t count = json_array_size(list);
    bool fits = json_is_array(list) && count >= (probe->kind == LABELS_MULTI ? 1 : 2) && count <= MAX_CLASSES;
    probe->classes = fits ? calloc(count, sizeof *probe->classes) : NULL;
    lmvr_status status = !fits             ? refuse(file, "it has no list of classes", error)
                         : !probe->classes ? error_no_memory(error, safetensors_path(file))
                                           : LMVR_OK;
    for (size_t k = 0; k < count && status == LMVR_OK; k++)
        status = take_class(file, json_array_get(list, k), probe, error);
    json_decref(list);
    probe->columns = probe->kind == LABELS_SINGLE && probe->class_count == 2 ? 1 : probe->class_count;
    return status == LMVR_OK ? check_classes(file, probe, error) : status;
}

static lmvr_status take_numbers(const struct safetensors *file, struct probe *probe, lmvr_error *error)
{
    const char *c = safetensors_metadata(file, "c"), *seed = safetensors_metadata(file, "seed");
    char *end_of_c = NULL, *end_of_seed = NULL;
    errno = 0;
    probe->c = c ? strtod(c, &end_of_c) : 0;
    if (!c || end_of_c == c || *end_of_c || !isfinite(probe->c) || probe->c <= 0)
        return refuse(file, "its C is not a number above 0", error);
    errno = 0;
    probe->seed = seed ? strtoull(seed, &end_of_seed, 10) : 0;
    if (!seed || *seed < '0' || *seed > '9' || *end_of_seed || errno)
        return refuse(file, "its seed is not an integer", error);
    return LMVR_OK;
}

static lmvr_status take_metadata(const struct safetensors *file, struct probe *probe, lmvr_error *error)
{
    const char *format = safetensors_metadata(file, "format"), *version = safetensors_metadata(file, "version"),
               *kind = safetensors_metadata(file, "kind"), *feature = safetensors_metadata(file, "feature");
    if (!format || strcmp(format, FORMAT) != 0)
        return refuse(file, "its metadata does not say that it is one", error);
    if (!version || strcmp(version, VERSION) != 0)
        return refuse(file, "its version is not " VERSION, error);
    if (!kind || (strcmp(kind, "multi") != 0 && strcmp(kind, "single") != 0))
        return refuse(file, "its kind is neither multi nor single", error);
    probe->kind = strcmp(kind, "multi") == 0 ? LABELS_MULTI : LABELS_SINGLE;
    probe->feature = strdup(feature ? feature : "");
    if (!probe->feature)
        return error_no_memory(error, safetensors_path(file));
    TRY(take_numbers(file, probe, error));
    return take_classes(file, probe, error);
}

/* Loads a tensor of this shape, whose values must be finite; `rows` 0: a vector. */
static lmvr_status take_tensor(const struct safetensors *file, const char *name, int64_t rows, int64_t width, float **values,
                               lmvr_error *error)
{
    const struct safetensors_entry *e = safetensors_find(file, name);
    bool fits = e && e->dtype == ST_F32 &&
                (rows ? e->dims == 2 && e->shape[0] == rows && e->shape[1] == width : e->dims == 1 && e->shape[0] == width);
    if (!fits)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is not a readable probe: it has no tensor %s of the type and shape that its classes require",
                         safetensors_path(file), name);
    uint64_t count = e->size / sizeof **values; /* the file is known to hold all of it */
    *values = malloc(e->size + 1);
    if (!*values)
        return error_no_memory(error, safetensors_path(file));
    TRY(safetensors_read_f32(file, e, 0, count, *values, error));
    return half_all_finite(*values, count) ? LMVR_OK : refuse(file, "it has numbers that are not finite", error);
}

static lmvr_status take_tensors(const struct safetensors *file, struct probe *probe, lmvr_error *error)
{
    const struct safetensors_entry *weights = safetensors_find(file, "weights");
    probe->dim = weights && weights->dims == 2 ? weights->shape[1] : 0;
    if (probe->dim < 1 || probe->dim > MAX_DIM)
        return refuse(file, "it has no weights", error);
    TRY(take_tensor(file, "weights", probe->columns, probe->dim, &probe->weights, error));
    TRY(take_tensor(file, "intercepts", 0, probe->columns, &probe->intercepts, error));
    TRY(take_tensor(file, "mean", 0, probe->dim, &probe->mean, error));
    TRY(take_tensor(file, "deviation", 0, probe->dim, &probe->deviation, error));
    for (int64_t d = 0; d < probe->dim; d++)
        if (probe->deviation[d] <= 0)
            return refuse(file, "it has a deviation that is not above 0", error);
    return LMVR_OK;
}

lmvr_status probe_read(const char *path, struct probe *probe, lmvr_error *error)
{
    struct safetensors *file;
    *probe = (struct probe){0};
    TRY(safetensors_open(path, &file, error));
    lmvr_status status = take_metadata(file, probe, error);
    if (status == LMVR_OK)
        status = take_tensors(file, probe, error);
    safetensors_close(file);
    if (status != LMVR_OK)
        probe_finish(probe);
    return status;
}
