#include "format/input.h"

#include "format/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

lmvr_status input_open(const char *path, int *fd, uint64_t *size, lmvr_error *error)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return file_error(error, path, "open");
    lmvr_status status = LMVR_OK;
    if (fstat(*fd, &st) != 0)
        status = file_error(error, path, "open");
    else if (!S_ISREG(st.st_mode))
        status = error_set(error, LMVR_ERROR_INVALID,
                           S_ISDIR(st.st_mode) ? "%s: is a folder, expected a file" : "%s: is not a file", path);
    if (status != LMVR_OK) {
        close(*fd);
        *fd = -1;
        return status;
    }
    *size = (uint64_t)st.st_size;
    return LMVR_OK;
}

char *input_path(const char *folder, const char *name)
{
    char *path = NULL;
    size_t length = strlen(folder);
    bool joined = length == 0 || folder[length - 1] == '/';
    return asprintf(&path, "%s%s%s", folder, joined ? "" : "/", name) < 0 ? NULL : path;
}

bool input_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool input_is_folder(const char *path)
{
    struct stat status;
    return path && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}
