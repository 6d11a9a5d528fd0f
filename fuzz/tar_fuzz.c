/* Bytes as a tar: its images come, each with a path and either bytes or an error, until it ends or is damaged. */
#include "lab/dataset/tar_reader.h"
#include "memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_all(struct tar_reader *reader)
{
    struct passed_over passed_over = {0};
    struct source_item item;
    lmvr_error error;
    bool found = true;
    while (found && tar_reader_next(reader, &passed_over, &item, &found, &error) == LMVR_OK)
        if (found) {
            char *line = item.companions ? json_dumps(item.companions, 0) : NULL;
            if (!item.path || !item.bytes == !item.wrong || (item.companions && !line))
                abort();
            free(line);
            source_item_finish(&item);
        }
    passed_over_finish(&passed_over);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    struct tar_reader *reader;
    lmvr_error error;
    int fd = memory_file(bytes, size, path);
    if (tar_reader_open(path, &reader, &error) == LMVR_OK)
        read_all(reader);
    tar_reader_close(reader);
    close(fd);
    return 0;
}
