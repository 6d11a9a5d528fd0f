/* Parquet, for which the distributions have no C library: the Python module lmvr.parquet reads and writes it, as a program. */
#ifndef LMVR_LAB_DATASET_PARQUET_H
#define LMVR_LAB_DATASET_PARQUET_H

#include "error.h"

#include <stdio.h>

/* Whether the module can be run. LMVR_ERROR_INVALID says what to install for `what`, an option or a file. */
lmvr_status parquet_check(const char *what, lmvr_error *error);

/* ---- writing --------------------------------------------------------------------------------------------------------- */

/* Makes `path` of an index.jsonl, of which so many lines go into it: whole, or not at all. The index as it is, and what
 * clip-retrieval has of it. Both are a store_copy_fn (store/copies.h). */
lmvr_status parquet_copy_index(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error);
lmvr_status parquet_copy_metadata(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error);

/* ---- reading --------------------------------------------------------------------------------------------------------- */

/* A table with a column `path` or `image_path` as lines of JSON, which are objects with "path" and the other columns. Their
 * number does not matter to memory. */
struct parquet_lines {
    FILE *lines;
    int pid, messages;
};

lmvr_status parquet_lines_open(const char *path, struct parquet_lines *table, lmvr_error *error);

/* Ends it, whether or not all lines have been read. After the last: LMVR_ERROR_INVALID if there would have been more, which
 * cannot be read. */
lmvr_status parquet_lines_close(const char *path, struct parquet_lines *table, lmvr_error *error);

#endif
