#include "language/tokenizer/component.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 20 /* sequences within sequences */

struct reading {
    const char *list;
    const struct component_type *types;
    size_t type_count;
    void *into;
};

static lmvr_status refuse_type(const struct json_node *component, const struct reading *reading, lmvr_error *error)
{
    char expected[300] = "Sequence";
    for (size_t i = 0; i < reading->type_count; i++) {
        size_t length = strlen(expected);
        snprintf(expected + length, sizeof expected - length, "%s%s", i + 1 < reading->type_count ? ", " : " or ",
                 reading->types[i].name);
    }
    return json_refuse(component, "type", expected, error);
}

static lmvr_status read_one(const struct json_node *component, const struct reading *reading, int depth, lmvr_error *error);

static lmvr_status read_sequence(const struct json_node *sequence, const struct reading *reading, int depth, lmvr_error *error)
{
    const json_t *list = json_node_get(sequence, reading->list);
    if (!json_is_array(list))
        return json_refuse(sequence, reading->list, "a list", error);
    if (depth == MAX_DEPTH)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %s has too many sequences within sequences", sequence->file,
                         sequence->path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct json_node item;
        TRY(component_item(sequence, reading->list, i, &item, error));
        TRY(read_one(&item, reading, depth + 1, error));
    }
    return LMVR_OK;
}

static lmvr_status read_one(const struct json_node *component, const struct reading *reading, int depth, lmvr_error *error)
{
    const char *type;
    TRY(component_string(component, "type", &type, error));
    if (strcmp(type, "Sequence") == 0)
        return read_sequence(component, reading, depth, error);
    for (size_t i = 0; i < reading->type_count; i++)
        if (strcmp(type, reading->types[i].name) == 0)
            return reading->types[i].read(component, reading->into, error);
    return refuse_type(component, reading, error);
}

lmvr_status component_read(const struct json_node *node, const char *key, const char *list, const struct component_type *types,
                           size_t type_count, void *into, lmvr_error *error)
{
    struct json_node component;
    const struct reading reading = {list, types, type_count, into};
    TRY(json_node_object(node, key, &component, error));
    return component.object ? read_one(&component, &reading, 0, error) : LMVR_OK;
}

lmvr_status component_item(const struct json_node *node, const char *key, size_t i, struct json_node *item, lmvr_error *error)
{
    const json_t *found = json_array_get(json_object_get(node->object, key), i);
    if (!json_is_object(found))
        return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s[%zu] is not an object", node->file, node->path, key, i);
    *item = json_node_root(node->file, found);
    snprintf(item->path, sizeof item->path, "%.90s%.40s[%zu].", node->path, key, i);
    return LMVR_OK;
}

lmvr_status component_string(const struct json_node *node, const char *key, const char **string, lmvr_error *error)
{
    *string = NULL;
    TRY(json_node_string(node, key, string, error));
    return *string ? LMVR_OK : json_refuse(node, key, "a string", error);
}

lmvr_status component_character(const struct json_node *node, const char *key, const char **string, lmvr_error *error)
{
    TRY(component_string(node, key, string, error));
    bool one = *string && **string != '\0' && (*string)[character_size(**string)] == '\0';
    return one ? LMVR_OK : json_refuse(node, key, "one character", error);
}

lmvr_status component_copy(const char *string, char **copy, lmvr_error *error)
{
    *copy = strdup(string);
    return *copy ? LMVR_OK : error_no_memory(error, "the tokenizer");
}
