#include "format/replace.h"

#include "format/file.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Syncs the folder too: only then is the new name on disk. */
static lmvr_status put_in_place(const char *temporary, const char *path, lmvr_error *error)
{
    if (rename(temporary, path) != 0)
        return file_error(error, path, "write");
    char *copy = strdup(path);
    if (!copy)
        return error_no_memory(error, path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    return folder < 0 ? LMVR_OK : file_close(folder, path, error);
}

static lmvr_status write_and_rename(const char *temporary, const char *path, file_writer *write, void *user, lmvr_error *error)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return file_error(error, path, "write");
    lmvr_status status = write(user, fd, path, error);
    lmvr_status closed = file_close(fd, path, status == LMVR_OK ? error : NULL);
    status = status == LMVR_OK ? closed : status;
    if (status == LMVR_OK)
        status = put_in_place(temporary, path, error);
    if (status != LMVR_OK)
        unlink(temporary);
    return status;
}

lmvr_status file_replace_by(const char *path, file_writer *write, void *user, lmvr_error *error)
{
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        return error_no_memory(error, path);
    lmvr_status status = write_and_rename(temporary, path, write, user, error);
    free(temporary);
    return status;
}

struct content {
    const void *bytes;
    size_t size;
};

static lmvr_status write_content(void *user, int fd, const char *path, lmvr_error *error)
{
    const struct content *content = user;
    return file_write_at(fd, path, content->bytes, content->size, 0, error);
}

lmvr_status file_replace(const char *path, const void *bytes, size_t size, lmvr_error *error)
{
    struct content content = {bytes, size};
    return file_replace_by(path, write_content, &content, error);
}
