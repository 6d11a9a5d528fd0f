/* The rows of one feature in one or several .npy files (npy.h), numbered through them in the files' order. */
#ifndef LMVR_SRC_STORE_ROW_FILES_H
#define LMVR_SRC_STORE_ROW_FILES_H

#include "store/npy.h"

struct numbered_file {
    char *path;               /* owned */
    struct npy_reader reader; /* of many files only the first are kept open */
    uint64_t first, rows;     /* the number of its first row, and how many there are */
};

/* All zeros: there are none. */
struct row_files {
    struct numbered_file *files;
    size_t count, space;
    uint64_t rows; /* of all files */
    size_t dim;    /* values in a row */
};

/* Adds a file behind those there are. LMVR_ERROR_INVALID: it is none, or its rows have another width than theirs. */
lmvr_status row_files_add(struct row_files *files, const char *path, lmvr_error *error);
void row_files_close(struct row_files *files);

/* The number of the file that has the row, of those there are. */
size_t row_files_find(const struct row_files *files, uint64_t row);

/* Reads rows first..first+count-1 into `out` (count, dim), as floats. Thread-safe. LMVR_ERROR_INVALID: there are no such rows,
 * or a file has changed. */
lmvr_status row_files_read(const struct row_files *files, uint64_t first, uint64_t count, float *out, lmvr_error *error);

#endif
