/* Counts files that are not images in searched folders, in tars and in the class folders of data sets, by extension. */
#ifndef LMVR_LAB_DATASET_PASSED_OVER_H
#define LMVR_LAB_DATASET_PASSED_OVER_H

#include "lmvr.h"

#define PASSED_OVER_ENDING 16 /* bytes; a longer extension counts as none */

struct passed_over_kind {
    char ending[PASSED_OVER_ENDING]; /* ".heic", in lower case; "": none; or what it is, such as "hidden" */
    size_t count;
};

/* All zeros is empty. */
struct passed_over {
    struct passed_over_kind *kinds;
    size_t kind_count;
    char *place;          /* the first folder or tar given by the user that has such files */
    size_t folders, tars; /* how many of them there are */
};

/* Of all kinds together. */
size_t passed_over_count(const struct passed_over *passed);

lmvr_status passed_over_add(struct passed_over *passed, const char *name, lmvr_error *error);

/* Adds one that is counted by what it is, such as "hidden", and not by its extension. */
lmvr_status passed_over_add_kind(struct passed_over *passed, const char *kind, lmvr_error *error);

/* Records that the folder, or the tar, has some of the files added. */
lmvr_status passed_over_note_folder(struct passed_over *passed, const char *folder, lmvr_error *error);
lmvr_status passed_over_note_tar(struct passed_over *passed, const char *tar, lmvr_error *error);

#define PASSED_OVER_LINE 512

/* "photos/: 3 .heic, 2 .txt, 1 without extension", the most frequent first; "2 folders: ..." if there are several. */
void passed_over_format(const struct passed_over *passed, char *text, size_t size);

void passed_over_finish(struct passed_over *passed);

#endif
