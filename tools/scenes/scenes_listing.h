/* Text files of a set: lists, annotations. They grow beside their place, under a temporary name, and go there when they are
 * whole. */
#ifndef LMVR_TOOLS_SCENES_SCENES_LISTING_H
#define LMVR_TOOLS_SCENES_SCENES_LISTING_H

#include "tools/scenes/scene_text.h"

#include "error.h"

#include <jansson.h>
#include <sys/types.h>

/* All zero is one that is not open. */
struct listing {
    char *path, *temporary;
    int fd;
    off_t written;
    struct text waiting;
    bool begun; /* of a JSON array: it has an element */
};

/* FOLDER/NAME; folders in NAME are made where they are missing. */
lmvr_status listing_open(struct listing *listing, const char *folder, const char *name, lmvr_error *error);

lmvr_status listing_add(struct listing *listing, const char *text, lmvr_error *error);

/* Adds a JSON value, which is released, on a line of its own. NULL, from a failed json_pack(), is an error. */
lmvr_status listing_add_json(struct listing *listing, json_t *value, lmvr_error *error);

/* Adds an element of a JSON array, whose brackets the caller writes. */
lmvr_status listing_add_element(struct listing *listing, json_t *value, lmvr_error *error);

/* Brings the file to its place. */
lmvr_status listing_close(struct listing *listing, lmvr_error *error);

/* Removes what is there of one that was not closed. */
void listing_drop(struct listing *listing);

/* Writes a whole file FOLDER/NAME in the same way, making folders; without waiting for the disk. */
lmvr_status listing_write_file(const char *folder, const char *name, const void *bytes, size_t size, lmvr_error *error);

#endif
