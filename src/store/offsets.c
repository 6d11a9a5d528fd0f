#include "store/offsets.h"

#include "format/file.h"
#include "store/npy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 1024 /* entries read at a time */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "entries are written without swapping bytes, as '<i8'");
_Static_assert(OFFSETS_EMPTY_SIZE == NPY_HEADER_SIZE + sizeof(int64_t), "the first entry is always there");

char *offsets_path(const char *npy_path)
{
    return npy_path_beside(npy_path, ".offsets.npy");
}

static off_t entry_at(uint64_t entry)
{
    return (off_t)(NPY_HEADER_SIZE + entry * sizeof(int64_t));
}

static void make_header(uint64_t inputs, unsigned char *header)
{
    char shape[32];
    snprintf(shape, sizeof shape, "(%llu,)", (unsigned long long)inputs + 1);
    npy_header_write(header, "<i8", shape);
}

static lmvr_status write_header(const struct offsets_writer *w, uint64_t inputs, lmvr_error *error)
{
    unsigned char header[NPY_HEADER_SIZE];
    make_header(inputs, header);
    return file_write_at(w->fd, w->path, header, sizeof header, 0, error);
}

/* The header and the first entry, at once. */
static lmvr_status write_empty(const struct offsets_writer *w, lmvr_error *error)
{
    unsigned char bytes[OFFSETS_EMPTY_SIZE] = {0};
    make_header(0, bytes);
    return file_write_at(w->fd, w->path, bytes, sizeof bytes, 0, error);
}

static lmvr_status writer_open(const char *path, int flags, struct offsets_writer *w, lmvr_error *error)
{
    *w = (struct offsets_writer){.fd = -1, .path = strdup(path)};
    if (!w->path)
        return error_no_memory(error, "a file name");
    w->fd = open(path, flags | O_RDWR | O_CLOEXEC, 0666);
    return w->fd >= 0 ? LMVR_OK : file_error(error, path, "open");
}

lmvr_status offsets_create(const char *path, struct offsets_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, O_CREAT | O_TRUNC, writer, error);
    if (status == LMVR_OK)
        status = write_empty(writer, error);
    if (status != LMVR_OK)
        offsets_close(writer, NULL);
    return status;
}

/* The header must be one of ours, for some number of inputs. */
static lmvr_status check_header(const struct offsets_writer *w, lmvr_error *error)
{
    unsigned char expected[NPY_HEADER_SIZE], found[NPY_HEADER_SIZE];
    make_header(0, expected);
    const unsigned char *number = memchr(expected + 10, '(', NPY_HEADER_SIZE - 10);
    TRY(file_read_at(w->fd, w->path, found, sizeof found, 0, error));
    if (memcmp(found, expected, (size_t)(number - expected) + 1) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: was not written by lmvr", w->path);
    return LMVR_OK;
}

/* Counts entries after the first, up to one that is below the one before it or counts rows that are not there. */
static lmvr_status count_inputs(struct offsets_writer *w, uint64_t rows, lmvr_error *error)
{
    struct stat st;
    if (fstat(w->fd, &st) != 0)
        return file_error(error, w->path, "read");
    if (st.st_size < OFFSETS_EMPTY_SIZE)
        return LMVR_OK;
    TRY(check_header(w, error));
    uint64_t entries = (uint64_t)(st.st_size - NPY_HEADER_SIZE) / sizeof(int64_t);
    int64_t block[BLOCK], before = 0;
    for (uint64_t first = 0; first < entries; first += BLOCK) {
        uint64_t count = entries - first < BLOCK ? entries - first : BLOCK;
        TRY(file_read_at(w->fd, w->path, block, count * sizeof *block, entry_at(first), error));
        for (uint64_t i = 0; i < count; before = block[i++]) {
            if (block[i] < before || (uint64_t)block[i] > rows || (first + i == 0 && block[i] != 0))
                return LMVR_OK;
            w->inputs = first + i;
        }
    }
    return LMVR_OK;
}

lmvr_status offsets_open(const char *path, uint64_t rows, struct offsets_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer_open(path, 0, writer, error);
    if (status == LMVR_OK)
        status = count_inputs(writer, rows, error);
    if (status != LMVR_OK)
        offsets_close(writer, NULL);
    return status;
}

lmvr_status offsets_measure(const char *path, uint64_t *inputs, uint64_t *rows, lmvr_error *error)
{
    int64_t end = 0;
    struct offsets_writer reader = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), .path = (char *)path};
    struct stat st;
    if (reader.fd < 0)
        return file_error(error, path, "open");
    bool small = fstat(reader.fd, &st) != 0 || st.st_size < OFFSETS_EMPTY_SIZE;
    lmvr_status status = small ? error_set(error, LMVR_ERROR_INVALID, "%s: was not written by lmvr", path) : LMVR_OK;
    if (status == LMVR_OK)
        status = count_inputs(&reader, INT64_MAX, error);
    if (status == LMVR_OK)
        status = file_read_at(reader.fd, path, &end, sizeof end, entry_at(reader.inputs), error);
    close(reader.fd);
    *inputs = reader.inputs;
    *rows = (uint64_t)end;
    return status;
}

lmvr_status offsets_cut(struct offsets_writer *writer, uint64_t inputs, uint64_t *rows, lmvr_error *error)
{
    int64_t end = 0;
    /* The header first: it must never count entries that do not exist. */
    TRY(inputs ? write_header(writer, inputs, error) : write_empty(writer, error));
    TRY(file_truncate(writer->fd, writer->path, entry_at(inputs + 1), error));
    TRY(file_read_at(writer->fd, writer->path, &end, sizeof end, entry_at(inputs), error));
    writer->inputs = inputs;
    *rows = (uint64_t)end;
    return LMVR_OK;
}

lmvr_status offsets_append(struct offsets_writer *writer, uint64_t end, lmvr_error *error)
{
    int64_t entry = (int64_t)end;
    TRY(file_write_at(writer->fd, writer->path, &entry, sizeof entry, entry_at(writer->inputs + 1), error));
    TRY(write_header(writer, writer->inputs + 1, error));
    writer->inputs++;
    return LMVR_OK;
}

lmvr_status offsets_close(struct offsets_writer *writer, lmvr_error *error)
{
    lmvr_status status = writer->fd >= 0 ? file_close(writer->fd, writer->path, error) : LMVR_OK;
    free(writer->path);
    *writer = (struct offsets_writer){.fd = -1};
    return status;
}
