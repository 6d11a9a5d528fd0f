/* Bytes as LLaVA's JSON: scans for records, and reads each record found. */
#include "lab/dataset/conversations.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    lmvr_error error;
    struct conversations *conversations;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
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
