/* Bytes as a .npy file: runs the header parser, then the reader on a file of those bytes, then the writer that resumes it. */
#include "memory_file.h"
#include "store/npy.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_rows(const char *path)
{
    struct npy_reader reader;
    lmvr_error error;
    if (npy_reader_open(path, &reader, &error) != LMVR_OK)
        return;
    /* An opened file is as large as it says, so its rows fit in about as much memory. */
    float *rows = malloc(reader.rows * reader.dim * sizeof(float) + 1);
    if (!rows || npy_reader_read(&reader, 0, reader.rows, rows, &error) != LMVR_OK)
        abort();
    free(rows);
    npy_reader_close(&reader);
}

/* A file accepted for resuming must be valid once truncated to its rows. */
static void resume(const char *path, enum npy_type type, size_t dim)
{
    struct npy_writer writer;
    struct npy_reader reader;
    lmvr_error error;
    if (npy_writer_open(path, type, dim, &writer, &error) != LMVR_OK)
        return;
    uint64_t rows = writer.rows;
    if (npy_writer_cut(&writer, rows, &error) != LMVR_OK || npy_writer_close(&writer, &error) != LMVR_OK)
        abort();
    if (type == NPY_INT8) /* is read beside its scales alone */
        return;
    if (npy_reader_open(path, &reader, &error) != LMVR_OK || reader.rows != rows || reader.dim != dim)
        abort();
    npy_reader_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    struct npy_header header;
    lmvr_error error;
    bool parses = npy_header_parse(bytes, size, "input", &header, &error) == LMVR_OK;
    int fd = memory_file(bytes, size, path);
    read_rows(path);
    resume(path, parses ? header.type : NPY_F32, parses ? (size_t)header.dim : 4);
    close(fd);
    return 0;
}
