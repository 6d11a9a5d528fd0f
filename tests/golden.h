/* The references in tests/golden/: what transformers computed for a checkpoint, opened for a test. */
#ifndef LMVR_TESTS_GOLDEN_H
#define LMVR_TESTS_GOLDEN_H

#include "cmocka_all.h"
#include "format/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails the test if a call fails, with the message in the file's own `error`. */
#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != LMVR_OK)                                                                                                 \
            fail_msg("%s", error.message);                                                                                     \
    } while (0)

struct golden {
    char folder[512]; /* the checkpoint's */
    json_t *json;
    struct safetensors *tensors;
};

static inline void golden_open(const char *name, struct golden *g)
{
    char path[600];
    json_error_t bad;
    lmvr_error error = {{0}};
    snprintf(g->folder, sizeof g->folder, LMVR_TEST_DATA "/golden/%s", name);
    snprintf(path, sizeof path, "%s.ref/reference.json", g->folder);
    g->json = json_load_file(path, 0, &bad);
    assert_non_null(g->json);
    snprintf(path, sizeof path, "%s.ref/reference.safetensors", g->folder);
    if (safetensors_open(path, &g->tensors, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static inline void golden_close(struct golden *g)
{
    json_decref(g->json);
    safetensors_close(g->tensors);
}

/* Tensor "PREFIX/NAME" as floats, malloc'ed; *count is its number of elements. NULL if there is none. */
static inline float *golden_floats(const struct golden *g, const char *prefix, const char *name, size_t *count)
{
    char full[256];
    lmvr_error error = {{0}};
    *count = 0;
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    const struct safetensors_entry *entry = safetensors_find(g->tensors, full);
    if (!entry)
        return NULL;
    *count = entry->size / safetensors_dtype_size(entry->dtype);
    float *values = malloc((*count + 1) * sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensors_read_f32(g->tensors, entry, 0, *count, values, &error), LMVR_OK);
    return values;
}

/* Tensor "PREFIX/NAME" of 32-bit integers, as golden_floats(). */
static inline int32_t *golden_ints(const struct golden *g, const char *prefix, const char *name, size_t *count)
{
    char full[256];
    lmvr_error error = {{0}};
    *count = 0;
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    const struct safetensors_entry *entry = safetensors_find(g->tensors, full);
    if (!entry)
        return NULL;
    *count = entry->size / sizeof(int32_t);
    int32_t *values = malloc((*count + 1) * sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensors_read_raw(g->tensors, entry, 0, *count, values, &error), LMVR_OK);
    return values;
}

/* The number of dimensions of tensor "PREFIX/NAME"; -1: there is none. */
static inline int golden_dims(const struct golden *g, const char *prefix, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    const struct safetensors_entry *entry = safetensors_find(g->tensors, full);
    return entry ? entry->dims : -1;
}

static inline bool golden_has(const struct golden *g, const char *prefix, const char *name)
{
    return golden_dims(g, prefix, name) >= 0;
}

static inline const char *golden_string(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static inline void golden_image_path(json_t *object, char *path, size_t size)
{
    snprintf(path, size, LMVR_TEST_DATA "/golden/images/%s", golden_string(object, "image"));
}

/* |a - b| / |b| */
static inline double relative_l2(const float *a, const float *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / (size > 0 ? size : 1));
}

static inline double cosine(const float *a, const float *b, size_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static inline void assert_close(const float *a, const float *b, size_t count, double most, const char *what, const char *where)
{
    double error = relative_l2(a, b, count);
    if (!(error <= most))
        fail_msg("%s of %s differs by %.2e of its size, %.0e is allowed", what, where, error, most);
}

#endif
