/* Maps labels to a probe's classes. */
#include "lab/probe/training.h"

#include <stdlib.h>
#include <string.h>

struct named {
    const char *name;
    int32_t place;
};

static int compare_names(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* places[k] is the probe's index of label class k, -1 if it has none. */
static lmvr_status match(const struct probe *probe, const struct labels *labels, int32_t *places, lmvr_error *error)
{
    struct named *sorted = malloc((size_t)probe->class_count * sizeof *sorted);
    if (!sorted)
        return error_no_memory(error, "the class names");
    for (int k = 0; k < probe->class_count; k++)
        sorted[k] = (struct named){probe->classes[k], k};
    qsort(sorted, (size_t)probe->class_count, sizeof *sorted, compare_names);
    for (int k = 0; k < labels->class_count; k++) {
        struct named key = {labels->classes[k], 0};
        const struct named *found = bsearch(&key, sorted, (size_t)probe->class_count, sizeof *sorted, compare_names);
        places[k] = found ? found->place : -1;
    }
    free(sorted);
    return LMVR_OK;
}

/* Warns of the classes that only one of the two has. */
static lmvr_status compare(const struct probe *probe, const struct labels *labels, const struct probe_options *options,
                           const int32_t *places, bool *seen, lmvr_error *error)
{
    int common = 0;
    for (int k = 0; k < labels->class_count; k++) {
        if (places[k] < 0) {
            training_warn(options, "class %s of the labels is not one of the probe's classes and is ignored",
                          labels->classes[k]);
            continue;
        }
        seen[places[k]] = true;
        common++;
    }
    if (common == 0)
        return error_set(error, LMVR_ERROR_INVALID, "the labels and the probe have no classes in common");
    for (int k = 0; k < probe->class_count && probe->kind == LABELS_MULTI; k++)
        if (!seen[k])
            training_warn(options, "class %s of the probe is not among the labels and is ignored", probe->classes[k]);
    return LMVR_OK;
}

static lmvr_status fill(const struct probe *probe, const struct labels *labels, const int32_t *places, struct labels *aligned,
                        lmvr_error *error)
{
    int count = probe->class_count;
    bool multi = labels->kind == LABELS_MULTI;
    aligned->kind = labels->kind;
    aligned->rows = labels->rows;
    aligned->classes = calloc((size_t)count, sizeof *aligned->classes);
    aligned->multi = multi ? calloc((size_t)(labels->rows * count) + 1, 1) : NULL;
    aligned->single = multi ? NULL : calloc((size_t)labels->rows + 1, sizeof *aligned->single);
    if (!aligned->classes || !(multi ? aligned->multi != NULL : aligned->single != NULL))
        return error_no_memory(error, "the labels");
    for (; aligned->class_count < count; aligned->class_count++) {
        aligned->classes[aligned->class_count] = strdup(probe->classes[aligned->class_count]);
        if (!aligned->classes[aligned->class_count])
            return error_no_memory(error, "the class names");
    }
    for (int64_t i = 0; i < labels->rows; i++) {
        for (int k = 0; k < labels->class_count && multi; k++)
            if (places[k] >= 0)
                aligned->multi[i * count + places[k]] = labels->multi[i * labels->class_count + k];
        if (!multi)
            aligned->single[i] = labels->single[i] < 0 ? -1 : places[labels->single[i]];
    }
    return LMVR_OK;
}

lmvr_status probe_align_labels(const struct probe *probe, const struct labels *labels, const struct probe_options *options,
                               struct labels *aligned, lmvr_error *error)
{
    *aligned = (struct labels){0};
    if (probe->kind != labels->kind)
        return error_set(error, LMVR_ERROR_INVALID, "the labels are %s, but the probe was fitted to %s ones",
                         labels->kind == LABELS_MULTI ? "multi-label" : "single-label",
                         probe->kind == LABELS_MULTI ? "multi-label" : "single-label");
    int32_t *places = calloc((size_t)labels->class_count + 1, sizeof *places);
    bool *seen = calloc((size_t)probe->class_count + 1, sizeof *seen);
    lmvr_status status = places && seen ? match(probe, labels, places, error) : error_no_memory(error, "the class names");
    if (status == LMVR_OK)
        status = compare(probe, labels, options, places, seen, error);
    if (status == LMVR_OK)
        status = fill(probe, labels, places, aligned, error);
    if (status != LMVR_OK)
        labels_finish(aligned);
    free(places);
    free(seen);
    return status;
}
