/*
 * Copies of an index in other forms, for other programs:
 *
 *     DIR/index.parquet, FILE.parquet or DIR/index/part-00000.parquet    all its lines
 *     DIR/metadata/metadata_0.parquet                                    those with rows, in clip-retrieval's layout
 *
 * They are made of the index.jsonl of what is complete, just before a part is said to be finished, by a function of whoever
 * opens the store. Nothing is ever read from them.
 */
#ifndef LMVR_SRC_STORE_COPIES_H
#define LMVR_SRC_STORE_COPIES_H

#include "format/place.h"

/* Makes `path` of `index`, of which so many lines go into it. It has to be there whole or not at all. */
typedef lmvr_status store_copy_fn(const char *index, const char *path, uint64_t lines, void *user, lmvr_error *error);

struct copies {
    store_copy_fn *index, *metadata; /* NULL: none are wanted */
    void *user;
};

#define COPIES_METADATA "metadata" /* a folder */

/* The path of an index.parquet, of a part or, with PLACE_WHOLE, of the whole. To be freed; NULL: out of memory. */
char *copies_path(const struct place *place, size_t number);

/* Makes the copies that are missing, or all where the index has `changed`, which has so many lines, `rows` of them with rows.
 * Without rows there is no metadata: clip-retrieval's reader passes over an array without rows, but not over its metadata. */
lmvr_status copies_make(const struct copies *copies, const struct place *place, size_t number, uint64_t lines, uint64_t rows,
                        bool changed, lmvr_error *error);

#endif
