#include "store/npy.h"

#include "format/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are written without swapping bytes, as '<f4'");

/* ---- writing ---- */

static off_t row_offset(const struct npy_writer *w, uint64_t row)
{
    return (off_t)(NPY_HEADER_SIZE + row * w->dim * sizeof(float));
}

static lmvr_status write_header(const struct npy_writer *w, uint64_t rows, lmvr_error *error)
{
    unsigned char header[NPY_HEADER_SIZE];
    char shape[48];
    snprintf(shape, sizeof shape, "(%llu, %zu)", (unsigned long long)rows, w->dim);
    npy_header_write(header, "<f4", shape);
    return file_write_at(w->fd, w->path, header, NPY_HEADER_SIZE, 0, error);
}

static lmvr_status writer_open(const char *path, int flags, size_t dim, struct npy_writer *w, lmvr_error *error)
{
    *w = (struct npy_writer){.fd = -1, .dim = dim};
    if (dim < 1 || dim > NPY_MAX_DIM)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot hold rows of %zu values", path, dim);
    w->path = strdup(path);
    if (!w->path)
        return error_no_memory(error, "a file name");
    w->fd = open(path, flags | O_RDWR | O_CLOEXEC, 0666);
    if (w->fd >= 0)
        return LMVR_OK;
    lmvr_status status = file_error(error, path, "open");
    free(w->path);
    w->path = NULL;
    return status;
}

lmvr_status npy_writer_create(const char *path, size_t dim, struct npy_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, O_CREAT | O_TRUNC, dim, writer, error);
    if (status == LMVR_OK)
        status = write_header(writer, 0, error);
    if (status != LMVR_OK)
        npy_writer_close(writer, NULL);
    return status;
}

/* The number of whole rows by the file's size, after checking the header. A truncated header counts as no rows. */
static lmvr_status count_rows(struct npy_writer *w, lmvr_error *error)
{
    char bytes[NPY_HEADER_SIZE];
    struct npy_header header;
    struct stat st;
    if (fstat(w->fd, &st) != 0)
        return file_error(error, w->path, "read");
    if (st.st_size < NPY_HEADER_SIZE)
        return LMVR_OK;
    lmvr_status status = file_read_at(w->fd, w->path, bytes, sizeof bytes, 0, error);
    if (status == LMVR_OK)
        status = npy_header_parse(bytes, sizeof bytes, w->path, &header, error);
    if (status != LMVR_OK)
        return status;
    if (header.data != NPY_HEADER_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: was not written by lmvr", w->path);
    if (header.dim != w->dim)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has rows of %llu values, expected %zu", w->path,
                         (unsigned long long)header.dim, w->dim);
    w->rows = (uint64_t)(st.st_size - NPY_HEADER_SIZE) / (w->dim * sizeof(float));
    return LMVR_OK;
}

lmvr_status npy_writer_open(const char *path, size_t dim, struct npy_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, 0, dim, writer, error);
    if (status == LMVR_OK)
        status = count_rows(writer, error);
    if (status != LMVR_OK)
        npy_writer_close(writer, NULL);
    return status;
}

lmvr_status npy_writer_cut(struct npy_writer *writer, uint64_t rows, lmvr_error *error)
{
    /* The header first: it must never count rows that do not exist. */
    lmvr_status status = write_header(writer, rows, error);
    if (status == LMVR_OK)
        status = file_truncate(writer->fd, writer->path, row_offset(writer, rows), error);
    if (status == LMVR_OK)
        writer->rows = rows;
    return status;
}

lmvr_status npy_writer_append(struct npy_writer *writer, const float *rows, uint64_t count, lmvr_error *error)
{
    if (count == 0)
        return LMVR_OK;
    lmvr_status status = file_write_at(writer->fd, writer->path, rows, count * writer->dim * sizeof(float),
                                       row_offset(writer, writer->rows), error);
    if (status == LMVR_OK)
        status = write_header(writer, writer->rows + count, error);
    if (status == LMVR_OK)
        writer->rows += count;
    return status;
}

lmvr_status npy_writer_close(struct npy_writer *writer, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    if (writer->path)
        status = file_close(writer->fd, writer->path, error);
    free(writer->path);
    *writer = (struct npy_writer){.fd = -1};
    return status;
}

/* ---- reading ---- */

static lmvr_status read_header(struct npy_reader *r, lmvr_error *error)
{
    struct npy_header header;
    struct stat st;
    if (fstat(r->fd, &st) != 0)
        return file_error(error, r->path, "read");
    if (S_ISDIR(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is a folder; expected a .npy file, which lmvr embed writes for each feature", r->path);
    if (!S_ISREG(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a regular file", r->path);
    size_t size = st.st_size < NPY_MAX_HEADER ? (size_t)st.st_size : NPY_MAX_HEADER;
    char *bytes = malloc(size + 1);
    if (!bytes)
        return error_no_memory(error, r->path);
    lmvr_status status = file_read_at(r->fd, r->path, bytes, size, 0, error);
    if (status == LMVR_OK)
        status = npy_header_parse(bytes, size, r->path, &header, error);
    free(bytes);
    if (status != LMVR_OK)
        return status;
    uint64_t expected = header.data + header.data_bytes, found = (uint64_t)st.st_size;
    if (found < expected)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu bytes, expected %llu by its header", r->path,
                         (unsigned long long)found, (unsigned long long)expected);
    if (found > expected)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: has data after its %llu rows: the run was interrupted; finish it with --resume", r->path,
                         (unsigned long long)header.rows);
    r->rows = header.rows;
    r->dim = header.dim;
    r->data = (off_t)header.data;
    return LMVR_OK;
}

lmvr_status npy_reader_open(const char *path, struct npy_reader *reader, lmvr_error *error)
{
    *reader = (struct npy_reader){.fd = -1};
    reader->path = strdup(path);
    if (!reader->path)
        return error_no_memory(error, "a file name");
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not block on a pipe */
    lmvr_status status = reader->fd >= 0 ? read_header(reader, error) : file_error(error, path, "open");
    if (status != LMVR_OK)
        npy_reader_close(reader);
    return status;
}

lmvr_status npy_reader_read(const struct npy_reader *reader, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    if (first > reader->rows || count > reader->rows - first)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no row %llu", reader->path,
                         (unsigned long long)(first + count - 1));
    uint64_t row_bytes = reader->dim * sizeof(float);
    return file_read_at(reader->fd, reader->path, out, count * row_bytes, reader->data + (off_t)(first * row_bytes), error);
}

void npy_reader_close(struct npy_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->path);
    *reader = (struct npy_reader){.fd = -1};
}
