/*
 * What a command line names, as a list of image paths.
 *
 * A folder is searched, and the folders in it; entries are taken in the order of their names' bytes, a folder's content where
 * the folder's own name stands. A file is taken if it is named as an image is (image/kinds.h), or begins as one does; hidden
 * entries are left out. Symbolic links are followed, but not into a folder that is being searched.
 * `@FILE` holds a path a line, `@-` is standard input; folders are searched there too. Empty lines are skipped, a line may end
 * in CR LF. Anything else is a path of an image, whether or not it exists: that comes out when it is read.
 */
#ifndef LMVR_LAB_DATASET_INPUTS_H
#define LMVR_LAB_DATASET_INPUTS_H

#include "image/kinds.h" /* IMAGE_KINDS, for help */
#include "lab/dataset/passed_over.h"

struct inputs {
    char **paths;  /* owned, each and all */
    size_t *below; /* where in a path its part below the searched folder begins; of a path of its own, the last part */
    size_t count, space;
    struct passed_over passed_over; /* other files in the searched folders, but for hidden ones */
};

lmvr_status inputs_collect(char *const *arguments, size_t count, struct inputs *inputs, lmvr_error *error);

void inputs_finish(struct inputs *inputs);

#endif
