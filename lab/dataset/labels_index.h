/* Turns labels of paths into labels of the rows that an index (store/index.h) has for those paths. */
#ifndef LMVR_LAB_DATASET_LABELS_INDEX_H
#define LMVR_LAB_DATASET_LABELS_INDEX_H

#include "lab/dataset/labels_csv.h"

/*
 * `lines` are the labels of `paths` (lines->rows), all different; `labels` gets those of the index's rows that have one, with
 * the same classes. `name` says where the labels come from, for error messages. The index is a file or, of results in parts,
 * DIR/index, whose rows are numbered through. Paths are compared as absolute paths from the working directory, without "." and
 * empty components; no file of theirs is accessed. If an index has a path more than once, each of its rows gets the label.
 * LMVR_ERROR_INVALID: `paths` has duplicates, or none is in the index, or the index's rows are not exactly 0, 1, ... On failure
 * *labels and *join are empty.
 */
lmvr_status labels_join_index(const struct labels *lines, char *const *paths, const char *name, const char *index_path,
                              struct labels *labels, struct labels_join *join, lmvr_error *error);

#endif
