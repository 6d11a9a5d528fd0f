/* Whether results in parts are whole: each part is there, finished, and holds what it says. */
#ifndef LMVR_SRC_STORE_WHOLE_H
#define LMVR_SRC_STORE_WHOLE_H

#include "error.h"

struct whole {
    size_t parts, good;    /* there should be, and are */
    uint64_t inputs, rows; /* in these: all, and those that have not failed */
};

/* Called with what is wrong with a part, or with the whole. */
typedef void whole_fn(const char *sentence, void *user);

/* Reads the indexes, and the headers of the other files of the folder. Each part stands for inputs of its own, so that all of
 * them are there once if all parts are. LMVR_ERROR_INVALID: these are no results in parts. */
lmvr_status whole_check(const char *folder, whole_fn *wrong, void *user, struct whole *whole, lmvr_error *error);

#endif
