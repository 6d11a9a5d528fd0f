/*
 * NAME.offsets.npy, beside the NAME.npy of a multi-vector feature: which rows are an input's. NumPy's format, int64, shape
 * (inputs + 1): input i has rows offsets[i] to offsets[i + 1] - 1, none if it failed. Like a row of NAME.npy, an entry is
 * written before the header that counts it.
 */
#ifndef LMVR_SRC_STORE_OFFSETS_H
#define LMVR_SRC_STORE_OFFSETS_H

#include "error.h"

#define OFFSETS_EMPTY_SIZE 136 /* bytes of a file without inputs */

struct offsets_writer {
    int fd;     /* -1: not open */
    char *path; /* owned */
    uint64_t inputs;
};

/* The path beside a .npy file: "a.npy" becomes "a.offsets.npy". To be freed; NULL: out of memory. */
char *offsets_path(const char *npy_path);

/* Creates or truncates `path`, with no inputs. */
lmvr_status offsets_create(const char *path, struct offsets_writer *writer, lmvr_error *error);

/* Opens an existing file, changing nothing yet: writer->inputs is the number of inputs that its size allows and whose rows are
 * among the first `rows`, whatever its header says. */
lmvr_status offsets_open(const char *path, uint64_t rows, struct offsets_writer *writer, lmvr_error *error);

/* What an existing file says: of how many inputs, and how many rows these have. */
lmvr_status offsets_measure(const char *path, uint64_t *inputs, uint64_t *rows, lmvr_error *error);

/* Truncates the file to its first `inputs` inputs; *rows receives how many rows these have. */
lmvr_status offsets_cut(struct offsets_writer *writer, uint64_t inputs, uint64_t *rows, lmvr_error *error);

/* Appends an input whose rows end before row `end`. After a failure the caller must call offsets_cut(). */
lmvr_status offsets_append(struct offsets_writer *writer, uint64_t end, lmvr_error *error);

/* Syncs everything to disk and closes; a writer that is not open is allowed. */
lmvr_status offsets_close(struct offsets_writer *writer, lmvr_error *error);

#endif
