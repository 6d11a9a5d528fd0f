#include "store/npy.h"

#include "format/file.h"
#include "store/narrow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are written without swapping bytes, as '<f4'");

char *npy_path_beside(const char *npy_path, const char *ending)
{
    char *path = NULL;
    size_t length = strlen(npy_path);
    bool ends = length > 4 && strcmp(npy_path + length - 4, ".npy") == 0;
    return asprintf(&path, "%.*s%s", (int)(ends ? length - 4 : length), npy_path, ending) < 0 ? NULL : path;
}

/* ---- writing ---- */

static size_t row_size(const struct npy_writer *w)
{
    return w->dim * npy_type_size(w->type);
}

static off_t row_offset(const struct npy_writer *w, uint64_t row)
{
    return (off_t)(NPY_HEADER_SIZE + row * row_size(w));
}

static lmvr_status write_header(const struct npy_writer *w, uint64_t rows, lmvr_error *error)
{
    unsigned char header[NPY_HEADER_SIZE];
    char shape[48];
    snprintf(shape, sizeof shape, "(%llu, %zu)", (unsigned long long)rows, w->dim);
    npy_header_write(header, npy_type_code(w->type), shape);
    return file_write_at(w->fd, w->path, header, NPY_HEADER_SIZE, 0, error);
}

static lmvr_status writer_open(const char *path, int flags, enum npy_type type, size_t dim, struct npy_writer *w,
                               lmvr_error *error)
{
    *w = (struct npy_writer){.fd = -1, .type = type, .dim = dim};
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

lmvr_status npy_writer_create(const char *path, enum npy_type type, size_t dim, struct npy_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, O_CREAT | O_TRUNC, type, dim, writer, error);
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
    if (header.type != w->type)
        return error_set(error, LMVR_ERROR_INVALID, "%s: holds values of type %s, expected %s", w->path,
                         npy_type_name(header.type), npy_type_name(w->type));
    w->rows = (uint64_t)(st.st_size - NPY_HEADER_SIZE) / row_size(w);
    return LMVR_OK;
}

lmvr_status npy_writer_open(const char *path, enum npy_type type, size_t dim, struct npy_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, 0, type, dim, writer, error);
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

lmvr_status npy_writer_append(struct npy_writer *writer, const void *rows, uint64_t count, lmvr_error *error)
{
    if (count == 0)
        return LMVR_OK;
    lmvr_status status =
        file_write_at(writer->fd, writer->path, rows, count * row_size(writer), row_offset(writer, writer->rows), error);
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
    r->type = header.type;
    return LMVR_OK;
}

static lmvr_status open_file(const char *path, struct npy_reader *r, lmvr_error *error)
{
    *r = (struct npy_reader){.fd = -1, .path = strdup(path)};
    if (!r->path)
        return error_no_memory(error, "a file name");
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not block on a pipe */
    return r->fd >= 0 ? read_header(r, error) : file_error(error, path, "open");
}

static lmvr_status check_scales(const struct npy_reader *r, lmvr_error *error)
{
    const struct npy_reader *s = r->scales;
    if (s->type == NPY_F32 && s->dim == 1 && s->rows == r->rows)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: holds %s of shape (%llu, %llu), expected float32 (%llu, 1): the scales of the rows of %s", s->path,
                     npy_type_name(s->type), (unsigned long long)s->rows, (unsigned long long)s->dim,
                     (unsigned long long)r->rows, r->path);
}

static lmvr_status open_scales(struct npy_reader *r, lmvr_error *error)
{
    char *path = npy_path_beside(r->path, NPY_SCALES);
    r->scales = calloc(1, sizeof *r->scales);
    if (!path || !r->scales) {
        free(path);
        free(r->scales);
        r->scales = NULL;
        return error_no_memory(error, r->path);
    }
    lmvr_status status;
    r->scales->fd = -1;
    if (access(path, F_OK) == 0)
        status = open_file(path, r->scales, error);
    else
        status = error_set(error, LMVR_ERROR_INVALID, "%s: holds whole numbers (int8), and their scales are missing: %s",
                           r->path, path);
    free(path);
    return status == LMVR_OK ? check_scales(r, error) : status;
}

lmvr_status npy_reader_open(const char *path, struct npy_reader *reader, lmvr_error *error)
{
    lmvr_status status = open_file(path, reader, error);
    if (status == LMVR_OK && reader->type == NPY_INT8)
        status = open_scales(reader, error);
    if (status != LMVR_OK)
        npy_reader_close(reader);
    return status;
}

/* Reads rows as they are in the file. */
static lmvr_status read_rows(const struct npy_reader *r, uint64_t first, uint64_t count, void *out, lmvr_error *error)
{
    uint64_t size = r->dim * npy_type_size(r->type);
    return file_read_at(r->fd, r->path, out, count * size, r->data + (off_t)(first * size), error);
}

/* Widens the rows (count, dim) that stand at the end of `out`. */
static lmvr_status widen(const struct npy_reader *r, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    if (r->type != NPY_INT8) {
        narrow_widen(r->type, count * r->dim, out);
        return LMVR_OK;
    }
    float *scales = malloc(count * sizeof *scales + 1);
    if (!scales)
        return error_no_memory(error, r->path);
    lmvr_status status = read_rows(r->scales, first, count, scales, error);
    narrow_widen(r->type, count * r->dim, out);
    for (uint64_t i = 0; i < count && status == LMVR_OK; i++)
        for (uint64_t j = 0; j < r->dim; j++)
            out[i * r->dim + j] *= scales[i];
    free(scales);
    return status;
}

lmvr_status npy_reader_read(const struct npy_reader *reader, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    if (first > reader->rows || count > reader->rows - first)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no row %llu", reader->path,
                         (unsigned long long)(first + count - 1));
    uint64_t values = count * reader->dim;
    char *end = (char *)(out + values);
    TRY(read_rows(reader, first, count, end - values * npy_type_size(reader->type), error));
    return reader->type == NPY_F32 ? LMVR_OK : widen(reader, first, count, out, error);
}

void npy_reader_close(struct npy_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->path);
    if (reader->scales)
        npy_reader_close(reader->scales);
    free(reader->scales);
    *reader = (struct npy_reader){.fd = -1};
}
