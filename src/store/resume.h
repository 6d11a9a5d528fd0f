/* Where an interrupted run stopped: the last point at which index and rows agree. */
#ifndef LMVR_SRC_STORE_RESUME_H
#define LMVR_SRC_STORE_RESUME_H

#include "error.h"

#include <sys/types.h>

struct resume_point {
    uint64_t lines;   /* inputs that are done */
    uint64_t rows;    /* how many of them have a row */
    off_t index_size; /* bytes of the index up to there */
};

/* What is complete besides the index: inputs in the multi-vector features' files, rows in the others'. */
struct resume_limits {
    uint64_t lines, rows;
};

/* Reads the index, of which only complete lines within the limits count. A line that is not an index line, or
 * names another path or text than the input of the same number, is refused. Changes nothing on disk. */
lmvr_status resume_find(const char *index_path, const struct resume_limits *limits, const char *const *inputs,
                        size_t input_count, const char *output, struct resume_point *point, lmvr_error *error);

#endif
