#include "lab/dataset/names.h"

#include "format/hash.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status no_memory(lmvr_error *error)
{
    return error_no_memory(error, "a list of names");
}

/* The slot that has the name's number, or the empty one to put it in. */
static size_t find_slot(const struct names *names, const char *name)
{
    size_t mask = names->slot_count - 1;
    uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
    size_t slot = (size_t)(hash ^ hash >> 32) & mask;
    while (names->slots[slot] >= 0 && strcmp(names_get(names, names->slots[slot]), name) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

/* Rehashes all names into a table that they fill at most half. */
static lmvr_status file_all(struct names *names, size_t slot_count, lmvr_error *error)
{
    int64_t *slots = malloc(slot_count * sizeof *slots);
    if (!slots)
        return no_memory(error);
    memset(slots, -1, slot_count * sizeof *slots);
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    for (int64_t i = 0; i < names->count; i++)
        slots[find_slot(names, names_get(names, i))] = i;
    return LMVR_OK;
}

static lmvr_status make_room(struct names *names, size_t size, lmvr_error *error)
{
    if ((size_t)names->count == names->start_space) {
        size_t space = names->start_space ? names->start_space * 2 : 64;
        size_t *starts = realloc(names->starts, space * sizeof *starts);
        if (!starts)
            return no_memory(error);
        names->starts = starts;
        names->start_space = space;
    }
    if (size > names->space - names->used) {
        size_t space = (names->used + size) * 2;
        char *bytes = realloc(names->bytes, space);
        if (!bytes)
            return no_memory(error);
        names->bytes = bytes;
        names->space = space;
    }
    bool full = (size_t)names->count * 2 >= names->slot_count;
    return full ? file_all(names, names->slot_count ? names->slot_count * 2 : 128, error) : LMVR_OK;
}

lmvr_status names_add(struct names *names, const char *name, int64_t *number, lmvr_error *error)
{
    size_t size = strlen(name) + 1;
    TRY(make_room(names, size, error));
    size_t slot = find_slot(names, name);
    if (names->slots[slot] < 0) {
        memcpy(names->bytes + names->used, name, size);
        names->starts[names->count] = names->used;
        names->used += size;
        names->slots[slot] = names->count++;
    }
    *number = names->slots[slot];
    return LMVR_OK;
}

int64_t names_find(const struct names *names, const char *name)
{
    return names->slot_count ? names->slots[find_slot(names, name)] : -1;
}

const char *names_get(const struct names *names, int64_t number)
{
    return names->bytes + names->starts[number];
}

static int by_bytes(const void *a, const void *b, void *bytes)
{
    return strcmp((const char *)bytes + *(const size_t *)a, (const char *)bytes + *(const size_t *)b);
}

lmvr_status names_sort(struct names *names, lmvr_error *error)
{
    if (names->count == 0)
        return LMVR_OK;
    qsort_r(names->starts, (size_t)names->count, sizeof *names->starts, by_bytes, names->bytes);
    return file_all(names, names->slot_count, error);
}

void names_finish(struct names *names)
{
    free(names->bytes);
    free(names->starts);
    free(names->slots);
    *names = (struct names){0};
}
