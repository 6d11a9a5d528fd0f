/* What a finished run has left, for reading: run.json, the index, and where a feature's rows are. */
#ifndef LMVR_SRC_STORE_STORED_H
#define LMVR_SRC_STORE_STORED_H

#include "error.h"
#include "format/place.h"
#include "store/row_files.h"

#include <jansson.h>
#include <sys/types.h>

struct stored {
    struct place place;
    json_t *run;             /* run.json */
    const char *name, *spec; /* of the feature; `run` owns them */
    size_t part_count;       /* of parts that there should be; 1 where the results are in one */
    struct row_files files;  /* its rows, a file of each part that is finished */
    size_t *numbers;         /* (files.count): which parts these are; PLACE_WHOLE: the one that is all */
    uint64_t rows;           /* of all files, at least 1 */
    size_t dim;
    struct stored_lines {
        off_t *items; /* (rows + files.count): of each file, where its rows' lines begin in the index, and an end */
        size_t count, space;
    } lines;
};

/*
 * Opens a run's output (DIR or FILE.npy) and one of its features, by its name or its SPEC, as given or with all parts; NULL:
 * the first. Of results in parts, the rows of those parts that are finished count. LMVR_ERROR_INVALID: there is none, the run,
 * or each of its parts, has not been finished, no input could be used, the files disagree, or the feature has several rows an
 * input.
 */
lmvr_status stored_open(const char *output, const char *feature, struct stored *stored, lmvr_error *error);
void stored_close(struct stored *stored); /* a zeroed one is allowed */

/* The index's line of a row: an object with "path" or "text", "row", which counts in its part, and perhaps "response"
 * (store/index.h). A new reference. Thread-safe. */
lmvr_status stored_line(const struct stored *stored, uint64_t row, json_t **line, lmvr_error *error);

/* The row of an input, by its path or text as it stands in the index; of several, the first. */
lmvr_status stored_find(const struct stored *stored, const char *input, uint64_t *row, lmvr_error *error);

#endif
