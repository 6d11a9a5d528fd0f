/*
 * Copies of an index in other forms, for other programs:
 *
 *     DIR/index.parquet, FILE.parquet or DIR/index/part-00000.parquet
 *
 * They are made of the index.jsonl of what is complete, just before a part is said to be finished, by a function of whoever
 * opens the store. Nothing is ever read from them.
 */
#ifndef LMVR_SRC_STORE_COPIES_H
#define LMVR_SRC_STORE_COPIES_H

#include "format/place.h"

/* Makes `path` of `index`, which has so many lines. It has to be there whole or not at all. */
typedef lmvr_status store_copy_fn(const char *index, const char *path, uint64_t lines, void *user, lmvr_error *error);

struct copies {
    store_copy_fn *make; /* NULL: none are wanted */
    void *user;
};

/* The path of a copy, of a part's index or, with PLACE_WHOLE, of the whole's. To be freed; NULL: out of memory. */
char *copies_path(const struct place *place, size_t number);

/* Makes the copy where it is missing, or where the index has `changed`. */
lmvr_status copies_make(const struct copies *copies, const struct place *place, size_t number, uint64_t lines, bool changed,
                        lmvr_error *error);

#endif
