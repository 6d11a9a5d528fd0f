/*
 * JSON files that people may have edited: parsed by jansson, then read key by key, checking type and range. Error sentences
 * name the file, and the line and column or the key: "config.json: text_config.hidden_size is "x", expected a whole number
 * from 1 to 9". A key whose value is null counts as missing, as in transformers.
 */
#ifndef LMVR_SRC_FORMAT_JSON_H
#define LMVR_SRC_FORMAT_JSON_H

#include "error.h"

#include <jansson.h>

/* Parses `size` bytes; `file` is the name in error sentences. The root must be an object; release *root with json_decref().
 * Duplicate keys, bytes that are not UTF-8 and nesting deeper than 2048 are refused. */
lmvr_status json_parse(const char *file, const void *bytes, size_t size, json_t **root, lmvr_error *error);

/* The same from a regular file. Its bytes are added to `hash` (NULL is allowed). */
lmvr_status json_read(const char *path, uint64_t *hash, json_t **root, lmvr_error *error);

/* The same of a file whose root must be a list. */
lmvr_status json_read_list(const char *path, json_t **root, lmvr_error *error);

#define JSON_PATH_SIZE 160

/* An object in a file, and the keys that lead to it. Borrows both. */
struct json_node {
    const char *file;
    const json_t *object;      /* NULL: missing, and so is every key in it */
    char path[JSON_PATH_SIZE]; /* "text_config.", empty at the root */
};

struct json_node json_node_root(const char *file, const json_t *root);

/* Refuses the value of `key`: "FILE: PATH is VALUE, expected EXPECTED". */
lmvr_status json_refuse(const struct json_node *node, const char *key, const char *expected, lmvr_error *error);

/* The value of `key`, NULL where it is missing or null. */
const json_t *json_node_get(const struct json_node *node, const char *key);

/* Each leaves *value unchanged where the key is missing. */
lmvr_status json_node_int(const struct json_node *node, const char *key, int min, int max, int *value, lmvr_error *error);
lmvr_status json_node_double(const struct json_node *node, const char *key, double min, double max, double *value,
                             lmvr_error *error);
lmvr_status json_node_float(const struct json_node *node, const char *key, float min, float max, float *value,
                            lmvr_error *error);
lmvr_status json_node_bool(const struct json_node *node, const char *key, bool *value, lmvr_error *error);
lmvr_status json_node_string(const struct json_node *node, const char *key, const char **value, lmvr_error *error);

/* child->object is NULL where the key is missing. */
lmvr_status json_node_object(const struct json_node *node, const char *key, struct json_node *child, lmvr_error *error);

/* A whole number or a list of up to `space` of them. *count is unchanged where the key is missing. */
lmvr_status json_node_ints(const struct json_node *node, const char *key, int min, int max, int space, int *values, int *count,
                           lmvr_error *error);

/* Several whole numbers of one object at once. */
struct json_int {
    const char *key;
    int min, max;
    int *value;
};
lmvr_status json_node_int_table(const struct json_node *node, const struct json_int *table, size_t count, lmvr_error *error);

/* One of `count` names; *value is the value that goes with it. */
struct json_name {
    const char *name;
    int value;
};
lmvr_status json_node_name(const struct json_node *node, const char *key, const struct json_name *names, size_t count,
                           int *value, lmvr_error *error);

#endif
