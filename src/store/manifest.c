#include "store/manifest.h"

#include "format/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_MANIFEST (16 << 20) /* bytes; far more than a prompt and some features take */

/* Every run.json begins like this, even a truncated one. Another program's file of that name does not. */
static const char beginning[] = "{\n  \"lmvr\": \"";

static json_t *features_to_json(const struct store_feature *features, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        json_t *one = json_pack("{s:s, s:s, s:I}", "name", features[i].name, "spec", features[i].spec, "dim",
                                (json_int_t)features[i].dim);
        bool failed = features[i].multi_vector && json_object_set_new(one, "multi_vector", json_true()) != 0;
        if (json_array_append_new(array, one) != 0 || failed) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *manifest_make(const json_t *options, const struct store_feature *features, size_t feature_count, size_t input_count,
                      uint64_t inputs_hash)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, inputs_hash);
    json_t *manifest = json_pack("{s:s}", "lmvr", LMVR_VERSION);
    int failed = json_object_update(manifest, (json_t *)options); /* shares the values of `options`, which it does not change */
    if (feature_count && features[0].type != NPY_F32)
        failed |= json_object_set_new(manifest, "dtype_out", json_string(npy_type_name(features[0].type)));
    failed |= json_object_set_new(manifest, "features", features_to_json(features, feature_count));
    failed |= json_object_set_new(manifest, "inputs", json_integer((json_int_t)input_count));
    failed |= json_object_set_new(manifest, "inputs_hash", json_string(hash));
    if (!failed)
        return manifest;
    json_decref(manifest);
    return NULL;
}

bool manifest_add_parts(json_t *manifest, size_t parts, size_t rows_per_part)
{
    int failed = json_object_set_new(manifest, "parts", json_integer((json_int_t)parts));
    if (rows_per_part)
        failed |= json_object_set_new(manifest, "rows_per_part", json_integer((json_int_t)rows_per_part));
    return !failed;
}

bool manifest_is_clip(const json_t *manifest)
{
    const char *layout = json_string_value(json_object_get(manifest, "layout"));
    return layout && strcmp(layout, "clip-retrieval") == 0;
}

bool manifest_add_clip(json_t *manifest)
{
    return json_object_set_new(manifest, "layout", json_string("clip-retrieval")) == 0;
}

lmvr_status manifest_type(const json_t *manifest, const char *path, enum npy_type *type, lmvr_error *error)
{
    const json_t *name = json_object_get(manifest, "dtype_out");
    for (*type = NPY_F32; name && *type <= NPY_INT8; ++*type)
        if (json_is_string(name) && strcmp(json_string_value(name), npy_type_name(*type)) == 0)
            return LMVR_OK;
    return name ? error_set(error, LMVR_ERROR_INVALID, "%s: dtype_out is none of f32, f16 and int8", path) : LMVR_OK;
}

/* Seven digits, so that a float is written as 0.7 and not 0.699999988. */
static char *to_text(const json_t *value, size_t flags)
{
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7) | flags);
}

char *manifest_text(const json_t *manifest, size_t *length)
{
    char *text = to_text(manifest, JSON_INDENT(2));
    if (!text)
        return NULL;
    *length = strlen(text) + 1;
    text[*length - 1] = '\n'; /* marks the file as complete */
    return text;
}

lmvr_status manifest_write(const json_t *manifest, int fd, const char *path, lmvr_error *error)
{
    size_t length;
    char *text = manifest_text(manifest, &length);
    if (!text)
        return error_no_memory(error, path);
    lmvr_status status = file_truncate(fd, path, 0, error);
    if (status == LMVR_OK)
        status = file_write_at(fd, path, text, length, 0, error);
    free(text);
    return status;
}

static lmvr_status refuse_foreign(const char *path, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: was not written by lmvr embed; the output must be new, empty, or hold its results", path);
}

lmvr_status manifest_read(int fd, const char *path, json_t **manifest, lmvr_error *error)
{
    *manifest = NULL;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return file_error(error, path, "read");
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_MANIFEST)
        return refuse_foreign(path, error);
    if (st.st_size == 0)
        return LMVR_OK;
    size_t size = (size_t)st.st_size;
    char *text = malloc(size);
    if (!text)
        return error_no_memory(error, path);
    lmvr_status status = file_read_at(fd, path, text, size, 0, error);
    size_t begins = size < sizeof beginning - 1 ? size : sizeof beginning - 1;
    if (status == LMVR_OK && memcmp(text, beginning, begins) != 0)
        status = refuse_foreign(path, error);
    if (status == LMVR_OK && text[size - 1] == '\n')
        *manifest = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return status;
}

/* The number of parts is that of the inputs, which are compared on their own; whether there are parts is not. */
static bool is_compared(const char *key, const json_t *begun, const json_t *now, bool any_device)
{
    if (strcmp(key, "parts") == 0)
        return !json_object_get(begun, key) || !json_object_get(now, key);
    return strcmp(key, "inputs") != 0 && strcmp(key, "inputs_hash") != 0 && !(any_device && strcmp(key, "device") == 0);
}

/* A value that is missing is NULL. */
static lmvr_status compare_value(const char *key, const json_t *begun, const json_t *now, const char *output, lmvr_error *error)
{
    char *was = begun ? to_text(begun, 0) : strdup(""), *is = now ? to_text(now, 0) : strdup("");
    const char *hint = strcmp(key, "device") == 0 ? "; --force-device resumes it all the same" : "";
    lmvr_status status = LMVR_OK;
    if (!was || !is)
        status = error_no_memory(error, "run.json");
    else if (strcmp(was, is) != 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: cannot be resumed: it was started %s %s%s%.300s, and now %s%.300s%s",
                           output, begun ? "with" : "without", key, begun ? " " : "", was, now ? "it is " : "there is none", is,
                           hint);
    free(was);
    free(is);
    return status;
}

lmvr_status manifest_compare_options(const json_t *begun, const json_t *now, bool any_device, const char *output,
                                     lmvr_error *error)
{
    const char *key;
    json_t *value;
    lmvr_status status = LMVR_OK;
    json_object_foreach((json_t *)now, key, value)
    {
        if (status == LMVR_OK && is_compared(key, begun, now, any_device))
            status = compare_value(key, json_object_get(begun, key), value, output, error);
    }
    json_object_foreach((json_t *)begun, key, value)
    {
        if (status == LMVR_OK && is_compared(key, begun, now, any_device))
            status = compare_value(key, value, json_object_get(now, key), output, error);
    }
    return status;
}

lmvr_status manifest_compare_inputs(const json_t *begun, const json_t *now, size_t same, const char *output, lmvr_error *error)
{
    json_int_t was = json_integer_value(json_object_get(begun, "inputs"));
    json_int_t is = json_integer_value(json_object_get(now, "inputs"));
    if (was != is)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: cannot be resumed: it was started with %lld inputs, and now there are %lld", output,
                         (long long)was, (long long)is);
    if (json_equal(json_object_get(begun, "inputs_hash"), json_object_get(now, "inputs_hash")))
        return LMVR_OK;
    if (same == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be resumed: it was started with other inputs (the same number)",
                         output);
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: cannot be resumed: it was started with other inputs (the same number, of which the first %zu agree)",
                     output, same);
}
