/* Maps names to numbers: the first name added is 0, and so on; a name added again keeps its number. */
#ifndef LMVR_LAB_DATASET_NAMES_H
#define LMVR_LAB_DATASET_NAMES_H

#include "error.h"

/* All zeros is an empty list. */
struct names {
    int64_t count;
    char *bytes; /* the names, NUL-terminated */
    size_t used, space;
    size_t *starts; /* (start_space) the first `count` are the names' offsets in `bytes` */
    size_t start_space;
    int64_t *slots; /* (slot_count, a power of two) a number or -1: a hash table with linear probing */
    size_t slot_count;
};

/* *number is the name's, new or not. */
lmvr_status names_add(struct names *names, const char *name, int64_t *number, lmvr_error *error);

/* -1: there is no such name. */
int64_t names_find(const struct names *names, const char *name);

/* Valid until the next names_add(). */
const char *names_get(const struct names *names, int64_t number);

/* Renumbers the names in byte order. */
lmvr_status names_sort(struct names *names, lmvr_error *error);

void names_finish(struct names *names);

#endif
