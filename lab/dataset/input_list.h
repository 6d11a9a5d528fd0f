/*
 * What a command line names, as a list of images and tars that may be longer than memory: it lies in a file without a name.
 *
 * A folder is searched, and the folders in it; entries are taken in the order of their names' bytes, a folder's content where
 * the folder's own name stands. A file is taken if it is named as an image is (image/kinds.h), or begins as one does; hidden
 * entries are left out. Symbolic links are followed, but not into a folder that is being searched.
 * A name with a range in it, such as shard-{000..123}.tar, is all the names of the range (name_range.h), unless there is a file
 * of that name. A path that ends in .tar, .tar.gz or .tgz is a tar; so is "-", standard input.
 * `@FILE` holds a path a line, `@-` is standard input; folders are searched there too. Empty lines are skipped, a line may end
 * in CR LF. In a file named .jsonl a line is an object with "path"; its other keys are the input's companion "json"; so is a
 * row of a table named .parquet. Anything else is a path of an image, whether or not it exists: that comes out when it is read.
 * Each tar is a part of its own, and so are the images before, between and behind tars, or each `rows_per_part` of them.
 */
#ifndef LMVR_LAB_DATASET_INPUT_LIST_H
#define LMVR_LAB_DATASET_INPUT_LIST_H

#include "image/kinds.h" /* IMAGE_KINDS, for help */
#include "lab/dataset/passed_over.h"

#include <stdio.h>

#define COMPANION_MOST (64 << 10) /* bytes, of what comes with an input in a list or in a file beside it */

/* An entry of the list, valid until the next is asked for. */
struct input {
    const char *path;
    size_t below;     /* where in the path its part below the searched folder begins; of a path of its own, the last part */
    const char *json; /* an object as text: what its line in a .jsonl has besides the path; NULL: it has no such line */
    bool tar;         /* the path is one's, or "-" */
    bool begins;      /* a part */
};

struct input_list {
    FILE *file;
    size_t count, tars, parts;
    size_t rows_per_part;           /* 0: any number */
    size_t in_part;                 /* images in the last part while the list is made; 0: it is a tar, or there is none */
    uint64_t hash;                  /* source_hash() of each path, and of its json if it has one */
    bool standard_input;            /* something is read from there */
    struct passed_over passed_over; /* other files in the searched folders, but for hidden ones */
    char *path, *json;              /* of the entry last read; while the list is made, the json of a line */
    size_t path_space, json_space;
};

/* LMVR_ERROR_INVALID also: `rows_per_part` is not 0, and there is a tar. */
lmvr_status input_list_open(char *const *arguments, size_t count, size_t rows_per_part, struct input_list *list,
                            lmvr_error *error);

/* The next entry, from the first on. *found is false after the last. */
lmvr_status input_list_next(struct input_list *list, struct input *input, bool *found, lmvr_error *error);

/* All zeros is allowed. */
void input_list_close(struct input_list *list);

#endif
