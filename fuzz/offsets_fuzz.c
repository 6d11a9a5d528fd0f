/* Bytes as the offsets of a multi-vector feature that a run is resumed on. */
#include "memory_file.h"
#include "store/offsets.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS 1000 /* that are there */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A file accepted for resuming must be valid once truncated, and count no rows that are not there. */
static void resume(const char *path)
{
    struct offsets_writer writer, again;
    lmvr_error error;
    uint64_t rows;
    if (offsets_open(path, ROWS, &writer, &error) != LMVR_OK)
        return;
    uint64_t inputs = writer.inputs;
    if (offsets_cut(&writer, inputs, &rows, &error) != LMVR_OK || rows > ROWS)
        abort();
    if (offsets_append(&writer, ROWS, &error) != LMVR_OK || offsets_close(&writer, &error) != LMVR_OK)
        abort();
    if (offsets_open(path, ROWS, &again, &error) != LMVR_OK || again.inputs != inputs + 1)
        abort();
    if (offsets_close(&again, &error) != LMVR_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    int fd = memory_file(bytes, size, path);
    resume(path);
    close(fd);
    return 0;
}
