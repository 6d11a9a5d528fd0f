/* Bytes as LLaVA's JSON: scans for records, and reads each record found. */
#include "lab/dataset/conversations.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    lmvr_error error;
    struct conversations *conversations;
    int fd = memory_file(bytes, size, path);
    if (conversations_open(path, "images", &conversations, &error) == LMVR_OK) {
        for (int64_t i = 0; i < conversations_count(conversations); i++) {
            struct conversation one;
            if (conversations_read(conversations, i, &one, &error) != LMVR_OK)
                continue;
            if (one.turn_count < 2 || one.turn_count % 2 != 0 || !one.turns[one.turn_count - 1].text)
                abort();
            conversation_finish(&one);
        }
        conversations_close(conversations);
    }
    close(fd);
    return 0;
}
