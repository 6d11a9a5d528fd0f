/* A target's input as a file, for functions that open one by its name. */
#ifndef LMVR_FUZZ_MEMORY_FILE_H
#define LMVR_FUZZ_MEMORY_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_FILE_PATH 32

/* Makes a file of these bytes in memory; `path` names it until the descriptor that is returned is closed. */
static inline int memory_file(const void *bytes, size_t size, char path[MEMORY_FILE_PATH])
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, MEMORY_FILE_PATH, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
