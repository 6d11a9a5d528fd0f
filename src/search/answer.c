#include "search/answer.h"

/* Copies line[key], if there is one. */
static int take(json_t *to, const json_t *line, const char *key)
{
    json_t *value = json_object_get(line, key);
    return value ? json_object_set(to, key, value) : 0;
}

static json_t *describe(const struct neighbor *neighbor, const json_t *line)
{
    json_t *object = json_pack("{s:I}", "row", (json_int_t)neighbor->row);
    int failed = !object || take(object, line, "path") || take(object, line, "text") ||
                 json_object_set_new(object, "score", json_real(neighbor->score)) || take(object, line, "response");
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

lmvr_status answer_make(const struct stored *stored, const struct neighbor *found, size_t count, json_t **answer,
                        lmvr_error *error)
{
    json_t *array = json_array();
    lmvr_status status = array ? LMVR_OK : error_no_memory(error, "an answer");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        json_t *line;
        status = stored_line(stored, found[i].row, &line, error);
        if (status == LMVR_OK && json_array_append_new(array, describe(&found[i], line)) != 0)
            status = error_no_memory(error, "an answer");
        json_decref(line);
    }
    if (status != LMVR_OK) {
        json_decref(array);
        array = NULL;
    }
    *answer = array;
    return status;
}
