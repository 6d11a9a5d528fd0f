/* A probe's inputs and outputs on disk: the rows of a .npy file, such as `lmvr embed` writes, or of a folder of parts. */
#ifndef LMVR_LAB_PROBE_ROW_FILE_H
#define LMVR_LAB_PROBE_ROW_FILE_H

#include "store/row_files.h"

struct row_file {
    const char *path;
    int64_t rows, dim;
    struct row_files files;
    size_t parts; /* that there should be, of which these are the finished ones; 0: it is a file */
};

/* `path` is a file, or DIR/NAME, a folder of parts (store/parts.h), and has to outlive the row_file. */
lmvr_status row_file_open(const char *path, struct row_file *file, lmvr_error *error);
void row_file_close(struct row_file *file);

/* Reads the given rows, (count) in ascending order; with rows = NULL, all of them. *values (count, dim), to be freed, are
 * finite numbers: LMVR_ERROR_INVALID names the first row that has others. */
lmvr_status row_file_read(const struct row_file *file, const int64_t *rows, int64_t count, float **values, lmvr_error *error);

/* What the rows are, to be freed: the feature's SPEC in the run.json that belongs to the path, else the path's name. */
lmvr_status row_file_feature(const char *path, char **feature, lmvr_error *error);

/* Writes `values` (rows, dim) to a temporary file first, so that an existing file stays intact. */
lmvr_status row_file_write(const char *path, const float *values, int64_t rows, int64_t dim, lmvr_error *error);

#endif
