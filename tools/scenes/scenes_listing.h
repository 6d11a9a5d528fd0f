/* A set's text files: lists and annotations. They are written under a temporary name and renamed once complete. */
#ifndef LMVR_TOOLS_SCENES_SCENES_LISTING_H
#define LMVR_TOOLS_SCENES_SCENES_LISTING_H

#include "tools/scenes/scene_text.h"

#include "error.h"

#include <jansson.h>
#include <sys/types.h>

/* All zeros is not open. */
struct listing {
    char *path, *temporary;
    int fd;
    off_t written;
    struct text waiting;
    bool begun; /* JSON arrays: there is an element */
};

/* Opens FOLDER/NAME; creates missing folders in NAME. */
lmvr_status listing_open(struct listing *listing, const char *folder, const char *name, lmvr_error *error);

lmvr_status listing_add(struct listing *listing, const char *text, lmvr_error *error);

/* Adds a JSON value on a line of its own, and releases it. NULL, from a failed json_pack(), is an error. */
lmvr_status listing_add_json(struct listing *listing, json_t *value, lmvr_error *error);

/* Adds an element to a JSON array, whose brackets the caller writes. */
lmvr_status listing_add_element(struct listing *listing, json_t *value, lmvr_error *error);

/* Renames the file to its final name. */
lmvr_status listing_close(struct listing *listing, lmvr_error *error);

/* Removes the temporary file of a listing that was not closed. */
void listing_drop(struct listing *listing);

/* Writes a complete file FOLDER/NAME the same way, creating folders, without syncing to disk. */
lmvr_status listing_write_file(const char *folder, const char *name, const void *bytes, size_t size, lmvr_error *error);

#endif
