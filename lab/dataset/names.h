/* Names and their numbers: the first name that is added is 0, and so on; a name that is there already keeps its number. */
#ifndef LMVR_LAB_DATASET_NAMES_H
#define LMVR_LAB_DATASET_NAMES_H

#include "error.h"

/* All zero is an empty list. */
struct names {
    int64_t count;
    char *bytes; /* the names, each with its NUL */
    size_t used, space;
    size_t *starts; /* (start_space) of which `count` say where a name begins in `bytes` */
    size_t start_space;
    int64_t *slots; /* (slot_count, a power of two) a number each, or -1: a hash table with linear probing */
    size_t slot_count;
};

/* *number is the name's, whether it is new or not. */
lmvr_status names_add(struct names *names, const char *name, int64_t *number, lmvr_error *error);

/* -1: there is no such name. */
int64_t names_find(const struct names *names, const char *name);

/* Lives until the next names_add(). */
const char *names_get(const struct names *names, int64_t number);

/* Renumbers them in the order of their bytes. */
lmvr_status names_sort(struct names *names, lmvr_error *error);

void names_finish(struct names *names);

#endif
