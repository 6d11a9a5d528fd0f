/* What a command line names as a recorder's source: images, and those in tars. */
#ifndef LMVR_LAB_DATASET_INPUT_SOURCE_H
#define LMVR_LAB_DATASET_INPUT_SOURCE_H

#include "lab/dataset/input_list.h"
#include "lab/dataset/tar_reader.h"
#include "record/source.h"

struct input_source {
    struct source source;
    struct input_list list;
    struct tar_reader *tar; /* that is being read; NULL: none */
    char *tar_path;
    size_t passed_before; /* files passed over before it */
    size_t taken;         /* images of it */
    size_t empty_tars;    /* that have no image, and the first of them */
    char *empty_tar;
    json_t *companions; /* of the tar in its list */
    struct input first; /* of the next part, if it has been read already */
    bool has_first, in_part;
};

/* With tars or `rows_per_part` the inputs come in parts. What cannot be read of a tar, now, is an
 * item that is `cut`: it has the tar's path, and comes after the images that are good. */
lmvr_status input_source_open(char *const *arguments, size_t count, size_t rows_per_part, struct input_source *source,
                              lmvr_error *error);

/* All zeros is allowed. */
void input_source_close(struct input_source *source);

#endif
