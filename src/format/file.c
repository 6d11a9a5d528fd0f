#include "format/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

lmvr_status file_write_at(int fd, const char *path, const void *bytes, size_t size, off_t offset, lmvr_error *error)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t n = pwrite(fd, next, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return file_error(error, path, "write");
        next += n;
        offset += n;
        size -= (size_t)n;
    }
    return LMVR_OK;
}

lmvr_status file_read_at(int fd, const char *path, void *bytes, size_t size, off_t offset, lmvr_error *error)
{
    char *next = bytes;
    while (size > 0) {
        ssize_t n = pread(fd, next, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(error, path, "read");
        if (n == 0)
            return error_set(error, LMVR_ERROR_RESOURCE, "%s: shrank while it was being read", path);
        next += n;
        offset += n;
        size -= (size_t)n;
    }
    return LMVR_OK;
}

/* Where files cannot be made without a name, a kill between the two calls leaves an empty one. */
static lmvr_status make_and_unlink(const char *folder, int *fd, lmvr_error *error)
{
    char *name;
    if (asprintf(&name, "%s/lmvr-XXXXXX", folder) < 0)
        return error_no_memory(error, "a temporary file");
    *fd = mkostemp(name, O_CLOEXEC);
    lmvr_status status = *fd >= 0 ? LMVR_OK : file_error(error, name, "make the file");
    if (status == LMVR_OK)
        unlink(name);
    free(name);
    return status;
}

lmvr_status file_unnamed(int *fd, char path[FILE_UNNAMED_PATH], lmvr_error *error)
{
    const char *place = getenv("TMPDIR"), *folder = place && *place ? place : "/tmp";
    *fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    lmvr_status status = *fd >= 0 ? LMVR_OK : make_and_unlink(folder, fd, error);
    snprintf(path, FILE_UNNAMED_PATH, "/proc/self/fd/%d", *fd);
    return status;
}

lmvr_status file_truncate(int fd, const char *path, off_t size, lmvr_error *error)
{
    return ftruncate(fd, size) == 0 ? LMVR_OK : file_error(error, path, "shorten");
}

lmvr_status file_close(int fd, const char *path, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    /* These errors come from files that cannot be synchronized, such as pipes, and need not be. */
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        status = file_error(error, path, "write");
    if (close(fd) != 0 && errno != EINTR && status == LMVR_OK)
        status = file_error(error, path, "write");
    return status;
}
