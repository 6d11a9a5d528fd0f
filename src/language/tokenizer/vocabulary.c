#include "language/tokenizer/vocabulary.h"

#include "format/hash.h"

#include <stdlib.h>

static uint32_t slot_of(const char *piece, size_t size)
{
    return (uint32_t)hash_mix(hash_bytes(HASH_START, piece, size));
}

const char *vocabulary_piece(const struct vocabulary *v, int32_t id, size_t *size)
{
    if (id < 0 || id >= v->size || v->pieces[id].end == 0)
        return NULL;
    *size = v->pieces[id].end - v->pieces[id].start;
    return v->bytes.bytes + v->pieces[id].start;
}

int32_t vocabulary_find(const struct vocabulary *v, const char *piece, size_t size)
{
    for (uint32_t slot = slot_of(piece, size);; slot++) {
        int32_t id = v->table[slot & v->mask];
        if (id < 0)
            return -1;
        struct vocabulary_piece found = v->pieces[id];
        if (found.end - found.start == size && memcmp(v->bytes.bytes + found.start, piece, size) == 0)
            return id;
    }
}

static void insert(struct vocabulary *v, const char *piece, size_t size, int32_t id)
{
    uint32_t slot = slot_of(piece, size);
    while (v->table[slot & v->mask] >= 0)
        slot++;
    v->table[slot & v->mask] = id;
}

/* Finds the size of the table, and the largest id. */
static lmvr_status survey(const struct json_node *node, const char *key, const json_t *pieces, struct vocabulary *v,
                          lmvr_error *error)
{
    const char *piece;
    json_t *id;
    json_object_foreach((json_t *)pieces, piece, id)
    {
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value >= VOCABULARY_MAX)
            return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s: the id of \"%.40s\" is not a whole number from 0 to %d",
                             node->file, node->path, key, piece, VOCABULARY_MAX - 1);
        if (*piece == '\0')
            return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s has an empty piece", node->file, node->path, key);
        if (value >= v->size)
            v->size = (int32_t)value + 1;
    }
    v->count = (int32_t)json_object_size(pieces);
    v->mask = 1;
    while (v->mask < 2 * (uint32_t)v->count)
        v->mask = 2 * v->mask + 1;
    return LMVR_OK;
}

lmvr_status vocabulary_parse(const struct json_node *node, const char *key, struct vocabulary *v, lmvr_error *error)
{
    const json_t *pieces = json_node_get(node, key);
    const char *piece;
    json_t *id;
    if (!json_is_object(pieces) || json_object_size(pieces) == 0 || json_object_size(pieces) > VOCABULARY_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s is not an object of pieces and ids", node->file, node->path, key);
    TRY(survey(node, key, pieces, v, error));
    v->pieces = calloc((size_t)v->size, sizeof *v->pieces);
    v->table = malloc(((size_t)v->mask + 1) * sizeof *v->table);
    if (!v->pieces || !v->table)
        return error_no_memory(error, "the vocabulary");
    memset(v->table, 0xFF, ((size_t)v->mask + 1) * sizeof *v->table);
    json_object_foreach((json_t *)pieces, piece, id)
    {
        size_t size = strlen(piece);
        int32_t value = (int32_t)json_integer_value(id);
        struct vocabulary_piece *place = &v->pieces[value];
        if (place->end > 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: %s%s gives the id %d twice, at last to \"%.40s\"", node->file,
                             node->path, key, value, piece);
        place->start = (uint32_t)v->bytes.size;
        TRY(buffer_add(&v->bytes, piece, size, error));
        place->end = (uint32_t)v->bytes.size;
        insert(v, piece, size, value);
    }
    return LMVR_OK;
}

void vocabulary_finish(struct vocabulary *vocabulary)
{
    buffer_free(&vocabulary->bytes);
    free(vocabulary->pieces);
    free(vocabulary->table);
    *vocabulary = (struct vocabulary){0};
}
