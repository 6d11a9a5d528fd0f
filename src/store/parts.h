/*
 * Results in parts, of which one or several processes write their own:
 *
 *     DIR/index/part-00000.jsonl   DIR/NAME/part-00000.npy   DIR/index/part-00000.json: it is finished, with so many inputs
 *
 * A part is a function of the inputs alone, so that the files are the same whoever writes them. One that is finished is never
 * touched again.
 */
#ifndef LMVR_SRC_STORE_PARTS_H
#define LMVR_SRC_STORE_PARTS_H

#include "format/place.h"
#include "store/manifest.h"

/* A process's share: the parts whose number, divided by `shares`, leaves `share`. */
struct parts {
    size_t count; /* of all shares together */
    size_t share, shares;
    bool *finished;        /* (count), of the share's */
    uint64_t inputs, rows; /* in those: all, and those that have not failed */
    char *lock_path;       /* of the share's lock; NULL: there is only one share */
    int lock_fd;
};

/* Whether there is a file of some part of that share. 0 of 1: of any. */
bool parts_any(const struct place *place, size_t share, size_t shares);

/* Makes the folders, locks the share, and finds what of it is finished. `parts` has its first three members.
 * LMVR_ERROR_INVALID: another process has the share. */
lmvr_status parts_open(const struct place *place, const struct store_feature *features, size_t count, struct parts *parts,
                       lmvr_error *error);

/* Ends the lock. All zeros is allowed. */
void parts_close(struct parts *parts);

/* Whether a part is the share's and not finished. */
bool parts_wants(const struct parts *parts, size_t number);

/* Says on disk that a part is finished. */
lmvr_status parts_finish(const struct place *place, struct parts *parts, size_t number, uint64_t inputs, uint64_t rows,
                         lmvr_error *error);

/* Whether a part is finished, and then what it holds. A file that does not say is an error. */
lmvr_status parts_read(const struct place *place, size_t number, bool *finished, uint64_t *inputs, uint64_t *rows,
                       lmvr_error *error);

/* How many files of parts from number `count` on a folder of the output has, and the first of these parts. */
lmvr_status parts_beyond(const struct place *place, const char *folder, size_t count, size_t *files, size_t *first,
                         lmvr_error *error);

/* Removes the parts of an output that was in parts, of features with these names, and folders that are then empty. */
lmvr_status parts_remove(const struct place *place, const char *const *names, size_t count, lmvr_error *error);

#endif
