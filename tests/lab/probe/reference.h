/* The references in tests/golden/probe/, made by scikit-learn and a devkit in NumPy. */
#ifndef LMVR_TESTS_LAB_PROBE_REFERENCE_H
#define LMVR_TESTS_LAB_PROBE_REFERENCE_H

#include "golden.h"

#include "lab/dataset/labels.h"

static struct safetensors *reference;

static inline int open_reference(void **state)
{
    lmvr_error error;
    (void)state;
    return safetensors_open(LMVR_TEST_DATA "/golden/probe/reference.safetensors", &reference, &error) == LMVR_OK ? 0 : -1;
}

static inline int close_reference(void **state)
{
    (void)state;
    safetensors_close(reference);
    return 0;
}

static inline const struct safetensors_entry *reference_entry(const char *name)
{
    const struct safetensors_entry *entry = safetensors_find(reference, name);
    if (!entry)
        fail_msg("the reference has no %s", name);
    return entry;
}

/* A tensor's elements, to be freed; the caller must know the type. */
static inline void *reference_values(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void *reference_values(const char *format, ...)
{
    char name[128];
    lmvr_error error;
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const struct safetensors_entry *entry = reference_entry(name);
    void *values = malloc(entry->size + 1);
    assert_non_null(values);
    assert_int_equal(
        safetensors_read_raw(reference, entry, 0, entry->size / safetensors_dtype_size(entry->dtype), values, &error), LMVR_OK);
    return values;
}

/* Class names "a", "b", ... */
static inline void name_classes(struct labels *labels, int count)
{
    labels->class_count = count;
    labels->classes = calloc((size_t)count, sizeof *labels->classes);
    assert_non_null(labels->classes);
    for (int k = 0; k < count; k++) {
        char name[2] = {(char)('a' + k), '\0'};
        labels->classes[k] = strdup(name);
    }
}

/* The labels with this name and number of classes; one row per row of the features. */
static inline struct labels reference_labels(const char *name, int classes)
{
    const struct safetensors_entry *entry = reference_entry(name);
    struct labels labels = {.kind = entry->dtype == ST_I8 ? LABELS_MULTI : LABELS_SINGLE, .rows = entry->shape[0]};
    if (labels.kind == LABELS_MULTI)
        labels.multi = reference_values("%s", name);
    else
        labels.single = reference_values("%s", name);
    name_classes(&labels, classes);
    return labels;
}

#endif
