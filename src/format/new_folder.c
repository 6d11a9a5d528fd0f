#include "format/new_folder.h"

#include "format/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The first file that a folder may not hold, or the first at all where may_hold is NULL: *found is its path, to be freed, or
 * NULL. Folders in it are looked into. */
static lmvr_status find_foreign(const char *folder, new_folder_may_hold *may_hold, char **found, lmvr_error *error)
{
    *found = NULL;
    DIR *opened = opendir(folder);
    if (!opened)
        return file_error(error, folder, "be read");
    lmvr_status status = LMVR_OK;
    for (const struct dirent *entry; status == LMVR_OK && !*found && (entry = readdir(opened));) {
        struct stat about;
        if (is_dot(entry->d_name))
            continue;
        char *path = input_path(folder, entry->d_name);
        if (!path)
            status = error_no_memory(error, folder);
        else if (may_hold && lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
            status = find_foreign(path, may_hold, found, error);
        else if (!may_hold || !may_hold(entry->d_name))
            *found = strdup(path);
        free(path);
    }
    closedir(opened);
    return status;
}

/* As far as it can be removed. */
static void remove_folder(const char *folder)
{
    DIR *opened = opendir(folder);
    for (const struct dirent *entry; opened && (entry = readdir(opened));) {
        char *path = is_dot(entry->d_name) ? NULL : input_path(folder, entry->d_name);
        if (path && unlink(path) != 0)
            remove_folder(path);
        free(path);
    }
    if (opened)
        closedir(opened);
    rmdir(folder);
}

static lmvr_status check_replaceable(const char *folder, new_folder_may_hold *may_hold, lmvr_error *error)
{
    char *found;
    TRY(find_foreign(folder, may_hold, &found, error));
    if (!found)
        return LMVR_OK;
    lmvr_status status =
        error_set(error, LMVR_ERROR_INVALID,
                  "%s: is no part of a model, so its folder is not replaced; remove it, or choose another folder", found);
    free(found);
    return status;
}

static lmvr_status check_place(const char *path, bool replace, new_folder_may_hold *may_hold, lmvr_error *error)
{
    char *found;
    if (!input_exists(path))
        return LMVR_OK;
    if (!input_is_folder(path))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is a file, expected a folder, or nothing", path);
    if (replace)
        return check_replaceable(path, may_hold, error);
    TRY(find_foreign(path, NULL, &found, error));
    bool holds = found != NULL;
    free(found);
    return holds ? error_set(error, LMVR_ERROR_INVALID, "%s: holds files already; --force replaces a model", path) : LMVR_OK;
}

/* Makes the folders above a path. */
static lmvr_status make_above(char *path, lmvr_error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || input_is_folder(path);
        lmvr_status status = made ? LMVR_OK : file_error(error, path, "make the folder");
        *slash = '/';
        TRY(status);
    }
    return LMVR_OK;
}

/* Makes, locks and clears the temporary folder. */
static lmvr_status begin(struct new_folder *folder, new_folder_may_hold *may_hold, lmvr_error *error)
{
    TRY(make_above(folder->temporary, error));
    bool made = mkdir(folder->temporary, 0777) == 0;
    if (!made && errno != EEXIST)
        return file_error(error, folder->path, "make the folder");
    folder->lock = open(folder->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder->lock < 0)
        return file_error(error, folder->temporary, "be used for output");
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_set(error, LMVR_ERROR_INVALID, "%s: another lmvr is writing there", folder->path);
    if (made)
        return LMVR_OK;
    TRY(check_replaceable(folder->temporary, may_hold, error));
    remove_folder(folder->temporary);
    close(folder->lock);
    folder->lock = -1;
    return begin(folder, may_hold, error);
}

static void forget(struct new_folder *folder)
{
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder->path);
    free(folder->temporary);
    *folder = (struct new_folder){.lock = -1};
}

/* The folder that a link leads to, else the path without trailing slashes; to be freed. */
static char *plain_path(const char *path)
{
    char *real = realpath(path, NULL), *copy = real ? real : strdup(path);
    for (size_t length = copy ? strlen(copy) : 0; length > 1 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0';
    return copy;
}

lmvr_status new_folder_begin(const char *path, bool replace, new_folder_may_hold *may_hold, struct new_folder *folder,
                             lmvr_error *error)
{
    *folder = (struct new_folder){.lock = -1, .path = plain_path(path)};
    if (!folder->path || asprintf(&folder->temporary, "%s.tmp", folder->path) < 0) {
        folder->temporary = NULL;
        forget(folder);
        return error_no_memory(error, path);
    }
    lmvr_status status = check_place(folder->path, replace, may_hold, error);
    if (status == LMVR_OK)
        status = begin(folder, may_hold, error);
    if (status != LMVR_OK)
        forget(folder);
    return status;
}

/* The folder's name is on disk once the one above it is. */
static void sync_above(const char *path)
{
    char above[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 0;
    snprintf(above, sizeof above, "%.*s", slash ? (length ? length : 1) : 1, slash ? path : ".");
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* rename() replaces an empty folder; another one changes places with the new one, and is removed under the other name. */
static bool put_in_place(const struct new_folder *folder)
{
    if (rename(folder->temporary, folder->path) == 0)
        return true;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return false;
    if (renameat2(AT_FDCWD, folder->temporary, AT_FDCWD, folder->path, RENAME_EXCHANGE) != 0)
        return false;
    remove_folder(folder->temporary);
    return true;
}

lmvr_status new_folder_finish(struct new_folder *folder, lmvr_error *error)
{
    fsync(folder->lock);
    if (!put_in_place(folder))
        return file_error(error, folder->path, "be replaced");
    sync_above(folder->path);
    forget(folder);
    return LMVR_OK;
}

void new_folder_abandon(struct new_folder *folder)
{
    if (folder->temporary)
        remove_folder(folder->temporary);
    forget(folder);
}
