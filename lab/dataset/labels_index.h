/* Labels of paths become labels of the rows that an index (store/index.h) has for those paths. */
#ifndef LMVR_LAB_DATASET_LABELS_INDEX_H
#define LMVR_LAB_DATASET_LABELS_INDEX_H

#include "lab/dataset/labels_csv.h"

/*
 * `lines` are labels of `paths` (lines->rows), all different; `labels` becomes those of the index's rows that have one, in
 * lines' classes. `name` is what the labels come from, for sentences. Paths are compared as the places that they
 * name from the working folder, without "." and empty parts; no file is looked up. An index may have a path more than once:
 * each of its rows has the label. LMVR_ERROR_INVALID: a path twice among `paths`, none in common, or the index's rows are not
 * 0, 1, ... each once. On failure *labels and *join are empty.
 */
lmvr_status labels_join_index(const struct labels *lines, char *const *paths, const char *name, const char *index_path,
                              struct labels *labels, struct labels_join *join, lmvr_error *error);

#endif
