/* What a run has finished: its run.json, and of results in parts (parts.h) the files of the parts that are finished. */
#ifndef LMVR_SRC_STORE_FINISHED_H
#define LMVR_SRC_STORE_FINISHED_H

#include "format/place.h"

#include <jansson.h>

/* Reads the run.json of a place, and completes the place with its layout. *parts: how many there should be; 0: the results are
 * in none. The caller owns *run. LMVR_ERROR_INVALID: there is none, or the run was stopped at its start. */
lmvr_status finished_run(struct place *place, json_t **run, size_t *parts, lmvr_error *error);

/* Files of one kind, whose rows are numbered through. */
struct finished_files {
    struct finished_file {
        char *path;           /* owned */
        uint64_t first, rows; /* the number of its first row, and how many there should be */
    } * items;
    size_t count, parts; /* of the parts that are finished, and of all */
};

/* Whether a path is a folder with a run.json beside it, as one of parts has. */
bool finished_is_folder(const char *path);

/* Lists the files of a folder of parts: DIR/index, or DIR/NAME of a feature. LMVR_ERROR_INVALID: it is none, or none of the
 * parts is finished. */
lmvr_status finished_files_list(const char *folder, struct finished_files *files, lmvr_error *error);

/* All zeros is allowed. */
void finished_files_finish(struct finished_files *files);

#endif
