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

lmvr_status copies_make(const struct copies *copies, const struct place *place, size_t number, uint64_t lines, bool changed,
                        lmvr_error *error)
{
    if (!copies->make)
        return LMVR_OK;
    char *index = place_index_path(place, number), *path = copies_path(place, number);
    lmvr_status status = index && path ? LMVR_OK : error_no_memory(error, "a file name");
    if (status == LMVR_OK && (changed || access(path, F_OK) != 0))
        status = copies->make(index, path, lines, copies->user, error);
    free(index);
    free(path);
    return status;
}
