/* A set's files. Lists and annotations are written as NAME.part, and renamed when the set is complete. The first failure is
 * kept, and what comes after it does nothing. */
#ifndef LMVR_TOOLS_SCENES_SCENES_LISTING_H
#define LMVR_TOOLS_SCENES_SCENES_LISTING_H

#include "error.h"

#include <jansson.h>
#include <stdio.h>

#define LISTINGS_MOST 96

struct listing {
    char name[128];
    FILE *file;       /* NULL: it could not be opened */
    int64_t elements; /* of its JSON array */
    bool lost;        /* a JSON value for which there was no memory */
    char *text;       /* of a list in memory */
    size_t size;
};

struct listings {
    const char *folder;
    int count;
    struct listing all[LISTINGS_MOST];
    lmvr_status status; /* of the first failure */
    lmvr_error error;
};

/* The list FOLDER/NAME, opened at the first call; missing folders are created. */
struct listing *listing_named(struct listings *listings, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One that is kept in memory, for listing_append(), and never becomes a file. */
struct listing *listing_in_memory(struct listings *listings, const char *format, ...) __attribute__((format(printf, 2, 3)));

void listing_add(struct listing *listing, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a JSON value on a line of its own, and releases it. NULL, from a failed json_pack(), is a failure. */
void listing_add_json(struct listing *listing, json_t *value);
/* The same as an element of a JSON array, whose brackets the caller writes. */
void listing_add_element(struct listing *listing, json_t *value);
/* Adds what the list in memory has. */
void listing_append(struct listing *listing, struct listing *in_memory);

/* Flushes all of them; reports the first failure so far. */
lmvr_status listings_check(struct listings *listings, lmvr_error *error);
/* The same; then gives the files their final names. */
lmvr_status listings_close(struct listings *listings, lmvr_error *error);
/* Removes the temporary files that were not closed. */
void listings_drop(struct listings *listings);

/* Writes a complete file FOLDER/NAME the same way, creating folders, without syncing to disk. */
lmvr_status listing_write_file(const char *folder, const char *name, const void *bytes, size_t size, lmvr_error *error);

/* Creates the folders that lead to `path`: all up to its last slash. */
lmvr_status listing_make_folders(const char *path, lmvr_error *error);

#endif
