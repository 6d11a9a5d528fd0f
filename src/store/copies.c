#include "store/copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *copies_path(const struct place *place, size_t number)
{
    char *path = NULL;
    if (number != PLACE_WHOLE)
        return place_part_path(place, "index", number, ".parquet");
    int stem = (int)(strlen(place->index_path) - strlen(".jsonl"));
    return asprintf(&path, "%.*s.parquet", stem, place->index_path) < 0 ? NULL : path;
}

/* Takes ownership of `path`; NULL counts as out of memory. */
static lmvr_status make(store_copy_fn *make_copy, const struct copies *copies, const char *index, char *path, uint64_t lines,
                        bool changed, lmvr_error *error)
{
    lmvr_status status = index && path ? LMVR_OK : error_no_memory(error, "a file name");
    if (status == LMVR_OK && (changed || access(path, F_OK) != 0))
        status = make_copy(index, path, lines, copies->user, error);
    free(path);
    return status;
}

lmvr_status copies_make(const struct copies *copies, const struct place *place, size_t number, uint64_t lines, uint64_t rows,
                        bool changed, lmvr_error *error)
{
    char *index = place_index_path(place, number);
    lmvr_status status = LMVR_OK;
    if (copies->index)
        status = make(copies->index, copies, index, copies_path(place, number), lines, changed, error);
    if (status == LMVR_OK && copies->metadata && rows > 0)
        status = make(copies->metadata, copies, index, place_part_path(place, COPIES_METADATA, number, ".parquet"), rows,
                      changed, error);
    free(index);
    return status;
}
