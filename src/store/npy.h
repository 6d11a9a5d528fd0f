/*
 * NumPy's .npy files, of float32 rows (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 *
 * The writer's header is always 128 bytes, with room for any row count, and is updated in place after each append. So a killed
 * run leaves a file whose header counts whole rows only, perhaps followed by part of another row, which NumPy ignores and
 * npy_writer_cut() removes.
 */
#ifndef LMVR_SRC_STORE_NPY_H
#define LMVR_SRC_STORE_NPY_H

#include "error.h"

#include <sys/types.h>

#define NPY_HEADER_SIZE 128 /* bytes, of the files written here */
#define NPY_MAX_DIM     (1u << 30)

/* ---- writing ---- */

struct npy_writer {
    int fd;     /* -1: not open */
    char *path; /* owned */
    size_t dim; /* floats in a row */
    uint64_t rows;
};

/* Creates or truncates `path`, as an array of 0 rows. */
lmvr_status npy_writer_create(const char *path, size_t dim, struct npy_writer *writer, lmvr_error *error);

/* Opens an existing file, changing nothing yet: writer->rows is the number of whole rows that its size allows, whatever its
 * header says. A file that is not (rows, dim) float32 is refused. */
lmvr_status npy_writer_open(const char *path, size_t dim, struct npy_writer *writer, lmvr_error *error);

/* Truncates the file to its first `rows` rows, and updates the header. */
lmvr_status npy_writer_cut(struct npy_writer *writer, uint64_t rows, lmvr_error *error);

/* Appends rows (count, dim), then updates the header. After a failure the caller must call npy_writer_cut(). */
lmvr_status npy_writer_append(struct npy_writer *writer, const float *rows, uint64_t count, lmvr_error *error);

/* Syncs everything to disk and closes; a writer that is not open is allowed. */
lmvr_status npy_writer_close(struct npy_writer *writer, lmvr_error *error);

/* ---- reading ---- */

struct npy_reader {
    int fd;
    char *path; /* owned */
    uint64_t rows, dim;
    off_t data; /* offset of the first row */
};

/* Opens a two-dimensional float32 array in C order, whose size must match its header. */
lmvr_status npy_reader_open(const char *path, struct npy_reader *reader, lmvr_error *error);

/* Reads rows first..first+count-1 into `out` (count, dim). Thread-safe. */
lmvr_status npy_reader_read(const struct npy_reader *reader, uint64_t first, uint64_t count, float *out, lmvr_error *error);
void npy_reader_close(struct npy_reader *reader);

/* ---- headers ---- */

struct npy_header {
    uint64_t rows, dim;
    uint64_t data;       /* offset of the first row */
    uint64_t data_bytes; /* rows * dim * 4 */
};

/* Fills in a header of NPY_HEADER_SIZE bytes, of values of `type`, such as "<f4", in C order; `shape` is such as "(3, 4)". */
void npy_header_write(unsigned char *header, const char *type, const char *shape);

/* The most bytes that npy_header_parse() ever reads. */
#define NPY_MAX_HEADER (12 + 65536)

/* Parses the header in the file's first `size` bytes (the whole file, or NPY_MAX_HEADER bytes of it). */
lmvr_status npy_header_parse(const void *bytes, size_t size, const char *path, struct npy_header *header, lmvr_error *error);

#endif
