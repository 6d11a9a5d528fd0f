/* Bytes as a CSV file: either refused, or every record has as many fields as the header, with no more bytes in total than the
 * file. */
#include "format/csv.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t count_bytes(char *const *fields, size_t columns)
{
    size_t total = 0;
    for (size_t i = 0; i < columns; i++)
        total += strlen(fields[i]) + 1;
    return total;
}

static void read_table(const char *path, size_t size)
{
    struct csv csv;
    lmvr_error error;
    bool more = true;
    if (csv_open(path, &csv, &error) != LMVR_OK)
        return;
    size_t total = count_bytes(csv.header, csv.columns), line = 0;
    while (csv_next(&csv, &more, &error) == LMVR_OK && more) {
        total += count_bytes(csv.fields, csv.columns);
        if (csv.line <= line)
            abort();
        line = csv.line;
    }
    if (total > size + 1)
        abort();
    csv_close(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    int fd = memory_file(bytes, size, path);
    read_table(path, size);
    close(fd);
    return 0;
}
