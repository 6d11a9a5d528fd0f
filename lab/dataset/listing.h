/* What lies in folders. Each is read once, so that a million images need no million questions to the file system. */
#ifndef LMVR_LAB_DATASET_LISTING_H
#define LMVR_LAB_DATASET_LISTING_H

#include "lab/dataset/names.h"

/* A folder's entries in the order of their names' bytes; hidden ones, and what is neither file nor folder, are left out. */
struct listing {
    struct names folders, files;
};

/* A folder that is not there is an error. */
lmvr_status listing_read(const char *folder, struct listing *listing, lmvr_error *error);
void listing_finish(struct listing *listing);

/* Files asked for by path, the folders that they are in having been listed at the first question. All zero is empty. */
struct present {
    struct names folders, files; /* by path */
};

/* *there: whether the path names a file. A folder that is not there has none. */
lmvr_status present_ask(struct present *present, const char *path, bool *there, lmvr_error *error);
void present_finish(struct present *present);

#endif
