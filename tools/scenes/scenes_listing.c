#include "tools/scenes/scenes_listing.h"

#include "format/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_AT 65536

/* Creates the folders of `path`. */
static lmvr_status make_folders(char *path, lmvr_error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        lmvr_status status = failed ? file_error(error, path, "make the folder") : LMVR_OK;
        *slash = '/';
        TRY(status);
    }
    return LMVR_OK;
}

/* Opens the temporary file for writing. */
static lmvr_status create(char *temporary, int *fd, lmvr_error *error)
{
    int flags = O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC;
    *fd = open(temporary, flags, 0666);
    if (*fd < 0 && errno == ENOENT) {
        TRY(make_folders(temporary, error));
        *fd = open(temporary, flags, 0666);
    }
    return *fd >= 0 ? LMVR_OK : file_error(error, temporary, "create");
}

lmvr_status listing_open(struct listing *listing, const char *folder, const char *name, lmvr_error *error)
{
    *listing = (struct listing){.fd = -1};
    if (asprintf(&listing->path, "%s/%s", folder, name) < 0)
        listing->path = NULL;
    if (asprintf(&listing->temporary, "%s/%s.part", folder, name) < 0)
        listing->temporary = NULL;
    lmvr_status status = listing->path && listing->temporary ? LMVR_OK : error_no_memory(error, name);
    if (status == LMVR_OK)
        status = create(listing->temporary, &listing->fd, error);
    if (status != LMVR_OK)
        listing_drop(listing);
    return status;
}

static lmvr_status flush(struct listing *l, lmvr_error *error)
{
    if (l->waiting.failed)
        return error_no_memory(error, l->path);
    TRY(file_write_at(l->fd, l->temporary, text_get(&l->waiting), l->waiting.length, l->written, error));
    l->written += (off_t)l->waiting.length;
    text_clear(&l->waiting);
    return LMVR_OK;
}

lmvr_status listing_add(struct listing *listing, const char *text, lmvr_error *error)
{
    text_add(&listing->waiting, text);
    return listing->waiting.length >= FLUSH_AT || listing->waiting.failed ? flush(listing, error) : LMVR_OK;
}

lmvr_status listing_add_json(struct listing *listing, json_t *value, lmvr_error *error)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text)
        return error_no_memory(error, listing->path);
    lmvr_status status = listing_add(listing, text, error);
    if (status == LMVR_OK)
        status = listing_add(listing, "\n", error);
    free(text);
    return status;
}

lmvr_status listing_add_element(struct listing *listing, json_t *value, lmvr_error *error)
{
    if (listing->begun) {
        lmvr_status status = listing_add(listing, ",", error);
        if (status != LMVR_OK) {
            json_decref(value);
            return status;
        }
    }
    listing->begun = true;
    return listing_add_json(listing, value, error);
}

lmvr_status listing_close(struct listing *listing, lmvr_error *error)
{
    lmvr_status status = flush(listing, error);
    if (status == LMVR_OK) {
        status = file_close(listing->fd, listing->temporary, error);
        listing->fd = -1;
    }
    if (status == LMVR_OK && rename(listing->temporary, listing->path) != 0)
        status = file_error(error, listing->path, "write");
    if (status == LMVR_OK) {
        free(listing->temporary);
        listing->temporary = NULL;
    }
    listing_drop(listing);
    return status;
}

void listing_drop(struct listing *listing)
{
    if (listing->path && listing->fd >= 0)
        close(listing->fd);
    if (listing->temporary)
        unlink(listing->temporary);
    free(listing->temporary);
    free(listing->path);
    text_finish(&listing->waiting);
    *listing = (struct listing){.fd = -1};
}

lmvr_status listing_write_file(const char *folder, const char *name, const void *bytes, size_t size, lmvr_error *error)
{
    char path[4096], temporary[4096 + 8];
    int fd;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the path is too long", folder);
    snprintf(temporary, sizeof temporary, "%s.part", path);
    TRY(create(temporary, &fd, error));
    lmvr_status status = file_write_at(fd, temporary, bytes, size, 0, error);
    if (close(fd) != 0 && status == LMVR_OK)
        status = file_error(error, temporary, "write");
    if (status == LMVR_OK && rename(temporary, path) != 0)
        status = file_error(error, path, "write");
    if (status != LMVR_OK)
        unlink(temporary);
    return status;
}
