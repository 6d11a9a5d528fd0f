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

/* Gives the path of the next input, or else its text, until it is called again; NULL after the last. In the index it is `was`.
 * LMVR_ERROR_INPUT: from here on nobody knows the inputs now, and the index is believed. */
typedef lmvr_status resume_name_fn(void *user, const char *was, const char **name, lmvr_error *error);

/* Reads the index, of which only complete lines within the limits count. A line that is not an index line, or names another
 * path or text than the input of the same number, is refused. Asks for the names of the inputs that are done, and for no
 * other. Changes nothing on disk. */
lmvr_status resume_find(const char *index_path, const struct resume_limits *limits, resume_name_fn *next_name, void *user,
                        const char *output, struct resume_point *point, lmvr_error *error);

#endif
