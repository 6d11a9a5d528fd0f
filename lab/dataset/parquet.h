/* Parquet, for which the distributions have no C library: the Python module lmvr.parquet reads and writes it, as a program. */
#ifndef LMVR_LAB_DATASET_PARQUET_H
#define LMVR_LAB_DATASET_PARQUET_H

#include "error.h"

#include <stdio.h>

/* The module at work. All zeros: it is not. */
struct parquet {
    int pid, messages; /* a process, and a file of what it says on standard error */
    FILE *input, *output;
};

/* Waits for its end, whatever it has at hand. */
void parquet_close(struct parquet *parquet);

/* ---- writing --------------------------------------------------------------------------------------------------------- */

/* Starts it, for any number of files. LMVR_ERROR_INVALID: it cannot be run; the sentence says what to install for `what`, an
 * option. */
lmvr_status parquet_open(const char *what, struct parquet *parquet, lmvr_error *error);

/* Makes `path` of an index.jsonl, of which so many lines go into it: whole, or not at all. The index as it is, and what
 * clip-retrieval has of it. Both are a store_copy_fn (store/copies.h) of a struct parquet. */
lmvr_status parquet_copy_index(const char *index, const char *path, uint64_t lines, void *parquet, lmvr_error *error);
lmvr_status parquet_copy_metadata(const char *index, const char *path, uint64_t lines, void *parquet, lmvr_error *error);

/* ---- reading --------------------------------------------------------------------------------------------------------- */

/* Starts it for a table with a column `path` or `image_path`: its output are lines of JSON, objects with "path" and the other
 * columns. Their number does not matter to memory. LMVR_ERROR_INVALID: there is no such file, or the module cannot be run. */
lmvr_status parquet_lines_open(const char *table, struct parquet *parquet, lmvr_error *error);

/* Ends it after the last line, or when no more are wanted. LMVR_ERROR_INVALID: the table cannot be read, or not to its end. */
lmvr_status parquet_lines_close(const char *table, struct parquet *parquet, lmvr_error *error);

#endif
