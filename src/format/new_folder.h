/* A folder that appears under its name once all of it is on disk: until then it is PATH.tmp. */
#ifndef LMVR_SRC_FORMAT_NEW_FOLDER_H
#define LMVR_SRC_FORMAT_NEW_FOLDER_H

#include "error.h"

struct new_folder {
    char *path;      /* without trailing slashes */
    char *temporary; /* write here */
    int lock;
};

/* Which names of files may be in the folder. What holds others is not replaced or removed. */
typedef bool new_folder_may_hold(const char *name);

/* Makes the temporary folder, and those above it. A folder that holds something is refused, or, with `replace`, one that holds
 * what it may not. What a killed run has left in the temporary folder is removed. *folder is empty after a failure. */
lmvr_status new_folder_begin(const char *path, bool replace, new_folder_may_hold *may_hold, struct new_folder *folder,
                             lmvr_error *error);

/* Puts it in its place, and removes what was there. */
lmvr_status new_folder_finish(struct new_folder *folder, lmvr_error *error);

/* Removes it. An empty or finished one is allowed. */
void new_folder_abandon(struct new_folder *folder);

#endif
