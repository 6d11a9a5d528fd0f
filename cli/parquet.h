/* Parquet, which no C library of the distributions writes: the Python module lmvr.parquet does, as a program of its own. */
#ifndef LMVR_CLI_PARQUET_H
#define LMVR_CLI_PARQUET_H

#include "error.h"

/* Whether the module can be run. LMVR_ERROR_INVALID says what to install for `option`. */
lmvr_status parquet_check(const char *option, lmvr_error *error);

/* Makes `path` of an index.jsonl, of which so many lines go into it: whole, or not at all. The index as it is, and what
 * clip-retrieval has of it. Both are a store_copy_fn (store/copies.h). */
lmvr_status parquet_copy_index(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error);
lmvr_status parquet_copy_metadata(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error);

#endif
