/*
 * NumPy's .npy files of rows (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), of floats in 32 or 16
 * bits, or of whole numbers in 8, with a file of scales beside them: the values of a row are its numbers times its scale.
 * Whatever the type, what is read are floats.
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

enum npy_type { NPY_F32, NPY_F16, NPY_INT8 };

size_t npy_type_size(enum npy_type type);      /* bytes of a value */
const char *npy_type_name(enum npy_type type); /* "f32", "f16", "int8" */
const char *npy_type_code(enum npy_type type); /* "<f4", "<f2", "|i1" */

/* The path beside a .npy file: of "a.npy" and ".scale.npy" it is "a.scale.npy". To be freed; NULL: out of memory. */
char *npy_path_beside(const char *npy_path, const char *ending);

#define NPY_SCALES ".scale.npy" /* beside a file of NPY_INT8: float32 (rows, 1) */

/* ---- writing ---- */

struct npy_writer {
    int fd;     /* -1: not open */
    char *path; /* owned */
    enum npy_type type;
    size_t dim; /* values in a row */
    uint64_t rows;
};

/* Creates or truncates `path`, as an array of 0 rows. Scales are a file that the caller writes. */
lmvr_status npy_writer_create(const char *path, enum npy_type type, size_t dim, struct npy_writer *writer, lmvr_error *error);

/* Opens an existing file, changing nothing yet: writer->rows is the number of whole rows that its size allows, whatever its
 * header says. A file that is not (rows, dim) of this type is refused. */
lmvr_status npy_writer_open(const char *path, enum npy_type type, size_t dim, struct npy_writer *writer, lmvr_error *error);

/* Truncates the file to its first `rows` rows, and updates the header. */
lmvr_status npy_writer_cut(struct npy_writer *writer, uint64_t rows, lmvr_error *error);

/* Appends rows (count, dim) of the writer's type, then updates the header. After a failure the caller must call
 * npy_writer_cut(). */
lmvr_status npy_writer_append(struct npy_writer *writer, const void *rows, uint64_t count, lmvr_error *error);

/* Syncs everything to disk and closes; a writer that is not open is allowed. */
lmvr_status npy_writer_close(struct npy_writer *writer, lmvr_error *error);

/* ---- reading ---- */

struct npy_reader {
    int fd;
    char *path; /* owned */
    uint64_t rows, dim;
    off_t data; /* offset of the first row */
    enum npy_type type;
    struct npy_reader *scales; /* of NPY_INT8; else NULL */
};

/* Opens a two-dimensional array in C order, whose size must match its header, and its scales, where it has some. */
lmvr_status npy_reader_open(const char *path, struct npy_reader *reader, lmvr_error *error);

/* Reads rows first..first+count-1 into `out` (count, dim), as floats. Thread-safe. */
lmvr_status npy_reader_read(const struct npy_reader *reader, uint64_t first, uint64_t count, float *out, lmvr_error *error);
void npy_reader_close(struct npy_reader *reader);

/* ---- headers ---- */

struct npy_header {
    uint64_t rows, dim;
    enum npy_type type;
    uint64_t data;       /* offset of the first row */
    uint64_t data_bytes; /* of all rows */
};

/* Fills in a header of NPY_HEADER_SIZE bytes, of values of `type`, such as "<f4", in C order; `shape` is such as "(3, 4)". */
void npy_header_write(unsigned char *header, const char *type, const char *shape);

/* The most bytes that npy_header_parse() ever reads. */
#define NPY_MAX_HEADER (12 + 65536)

/* Parses the header in the file's first `size` bytes (the whole file, or NPY_MAX_HEADER bytes of it). */
lmvr_status npy_header_parse(const void *bytes, size_t size, const char *path, struct npy_header *header, lmvr_error *error);

#endif
