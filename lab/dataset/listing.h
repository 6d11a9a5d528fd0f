/* Folder contents. Each folder is read once, so that a million images do not need a million system calls. */
#ifndef LMVR_LAB_DATASET_LISTING_H
#define LMVR_LAB_DATASET_LISTING_H

#include "lab/dataset/names.h"

/* A folder's entries in byte order of name, without hidden ones and those that are neither file nor folder. */
struct listing {
    struct names folders, files;
};

/* It is an error if the folder does not exist. */
lmvr_status listing_read(const char *folder, struct listing *listing, lmvr_error *error);
void listing_finish(struct listing *listing);

/* Answers whether files exist, by listing each folder the first time it is asked about. All zeros is empty. */
struct present {
    struct names folders, files; /* by path */
};

/* *there: whether the path names a file. A missing folder has none. */
lmvr_status present_ask(struct present *present, const char *path, bool *there, lmvr_error *error);
void present_finish(struct present *present);

#endif
