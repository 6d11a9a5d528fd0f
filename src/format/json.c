#include "format/json.h"

#include "format/file.h"
#include "format/hash.h"
#include "format/input.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE_SIZE (64 << 20) /* bytes; the largest known shard index has 0.1 MB */

static lmvr_status parse(const char *file, const void *bytes, size_t size, json_type type, json_t **root, lmvr_error *error)
{
    json_error_t bad;
    *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &bad);
    if (!*root && json_error_code(&bad) == json_error_out_of_memory)
        return error_no_memory(error, file);
    if (!*root)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not valid JSON at line %d, column %d: %s", file, bad.line,
                         bad.column, bad.text);
    if (json_typeof(*root) != type) {
        json_decref(*root);
        *root = NULL;
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a JSON %s", file, type == JSON_ARRAY ? "list" : "object");
    }
    return LMVR_OK;
}

lmvr_status json_parse(const char *file, const void *bytes, size_t size, json_t **root, lmvr_error *error)
{
    return parse(file, bytes, size, JSON_OBJECT, root, error);
}

static lmvr_status read_all(int fd, const char *path, uint64_t size, json_type type, uint64_t *hash, json_t **root,
                            lmvr_error *error)
{
    if (size > MAX_FILE_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu bytes, more than the limit of %d", path,
                         (unsigned long long)size, MAX_FILE_SIZE);
    char *bytes = malloc(size + 1);
    if (!bytes)
        return error_no_memory(error, path);
    lmvr_status status = file_read_at(fd, path, bytes, size, 0, error);
    if (status == LMVR_OK && hash)
        *hash = hash_bytes(*hash, bytes, size);
    if (status == LMVR_OK)
        status = parse(path, bytes, size, type, root, error);
    free(bytes);
    return status;
}

static lmvr_status read_file(const char *path, json_type type, uint64_t *hash, json_t **root, lmvr_error *error)
{
    int fd;
    uint64_t size;
    *root = NULL;
    TRY(input_open(path, &fd, &size, error));
    lmvr_status status = read_all(fd, path, size, type, hash, root, error);
    close(fd);
    return status;
}

lmvr_status json_read(const char *path, uint64_t *hash, json_t **root, lmvr_error *error)
{
    return read_file(path, JSON_OBJECT, hash, root, error);
}

lmvr_status json_read_list(const char *path, json_t **root, lmvr_error *error)
{
    return read_file(path, JSON_ARRAY, NULL, root, error);
}

struct json_node json_node_root(const char *file, const json_t *root)
{
    return (struct json_node){.file = file, .object = root};
}

/* A value as an error sentence quotes it: only its beginning, if it is long. */
static void show(const json_t *value, char *text, size_t size)
{
    char *whole = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    int length = snprintf(text, size, "%s", whole ? whole : "?");
    if (length >= (int)size)
        memcpy(text + size - 4, "...", 4);
    free(whole);
}

lmvr_status json_refuse(const struct json_node *node, const char *key, const char *expected, lmvr_error *error)
{
    char text[64];
    const json_t *value = json_object_get(node->object, key);
    if (!value)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s is missing, expected %s", node->file, node->path, key, expected);
    show(value, text, sizeof text);
    return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s is %s, expected %s", node->file, node->path, key, text, expected);
}

const json_t *json_node_get(const struct json_node *node, const char *key)
{
    const json_t *value = json_object_get(node->object, key);
    return json_is_null(value) ? NULL : value;
}

/* Some tools write whole numbers as 2.0. */
static bool is_whole(const json_t *value, int min, int max, int *out)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= min && number <= max) || number != floor(number))
        return false;
    *out = (int)number;
    return true;
}

lmvr_status json_node_int(const struct json_node *node, const char *key, int min, int max, int *value, lmvr_error *error)
{
    char expected[80];
    const json_t *found = json_node_get(node, key);
    if (!found || is_whole(found, min, max, value))
        return LMVR_OK;
    if (min == max)
        snprintf(expected, sizeof expected, "%d", min);
    else
        snprintf(expected, sizeof expected, "a whole number from %d to %d", min, max);
    return json_refuse(node, key, expected, error);
}

lmvr_status json_node_int_table(const struct json_node *node, const struct json_int *table, size_t count, lmvr_error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(json_node_int(node, table[i].key, table[i].min, table[i].max, table[i].value, error));
    return LMVR_OK;
}

lmvr_status json_node_ints(const struct json_node *node, const char *key, int min, int max, int space, int *values, int *count,
                           lmvr_error *error)
{
    char expected[120];
    const json_t *found = json_node_get(node, key);
    if (!found)
        return LMVR_OK;
    size_t size = json_is_array(found) ? json_array_size(found) : 1;
    bool good = size <= (size_t)space;
    for (size_t i = 0; i < size && good; i++)
        good = is_whole(json_is_array(found) ? json_array_get(found, i) : found, min, max, &values[i]);
    if (good) {
        *count = (int)size;
        return LMVR_OK;
    }
    snprintf(expected, sizeof expected, "a whole number from %d to %d, or a list of up to %d of them", min, max, space);
    return json_refuse(node, key, expected, error);
}

lmvr_status json_node_double(const struct json_node *node, const char *key, double min, double max, double *value,
                             lmvr_error *error)
{
    char expected[80];
    const json_t *found = json_node_get(node, key);
    if (!found)
        return LMVR_OK;
    double number = json_number_value(found);
    if (json_is_number(found) && number >= min && number <= max) {
        *value = number;
        return LMVR_OK;
    }
    snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
    return json_refuse(node, key, expected, error);
}

lmvr_status json_node_float(const struct json_node *node, const char *key, float min, float max, float *value,
                            lmvr_error *error)
{
    double number = (double)*value;
    TRY(json_node_double(node, key, (double)min, (double)max, &number, error));
    *value = (float)number;
    return LMVR_OK;
}

lmvr_status json_node_bool(const struct json_node *node, const char *key, bool *value, lmvr_error *error)
{
    const json_t *found = json_node_get(node, key);
    if (!found)
        return LMVR_OK;
    if (!json_is_boolean(found))
        return json_refuse(node, key, "true or false", error);
    *value = json_is_true(found);
    return LMVR_OK;
}

lmvr_status json_node_string(const struct json_node *node, const char *key, const char **value, lmvr_error *error)
{
    const json_t *found = json_node_get(node, key);
    if (!found)
        return LMVR_OK;
    if (!json_is_string(found))
        return json_refuse(node, key, "a string", error);
    *value = json_string_value(found);
    return LMVR_OK;
}

lmvr_status json_node_object(const struct json_node *node, const char *key, struct json_node *child, lmvr_error *error)
{
    const json_t *found = json_node_get(node, key);
    if (found && !json_is_object(found))
        return json_refuse(node, key, "an object", error);
    *child = json_node_root(node->file, found);
    snprintf(child->path, sizeof child->path, "%.100s%.50s.", node->path, key);
    return LMVR_OK;
}

lmvr_status json_node_name(const struct json_node *node, const char *key, const struct json_name *names, size_t count,
                           int *value, lmvr_error *error)
{
    char expected[256] = "";
    const json_t *found = json_node_get(node, key);
    if (!found)
        return LMVR_OK;
    for (size_t i = 0; i < count; i++) {
        if (json_is_string(found) && strcmp(json_string_value(found), names[i].name) == 0) {
            *value = names[i].value;
            return LMVR_OK;
        }
        size_t length = strlen(expected);
        const char *before = i + 1 < count ? ", " : " or ";
        snprintf(expected + length, sizeof expected - length, "%s%s", i == 0 ? "" : before, names[i].name);
    }
    return json_refuse(node, key, expected, error);
}
