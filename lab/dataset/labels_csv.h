/*
 * Labels from a CSV file (format/csv.h): a header, then one line per row of the features.
 *
 *     label          one class per row. Classes are sorted: by value if all are integers, else by bytes
 *     dog,cat,...    one column per class, in that order: 1, -1, or 0 for "difficult, ignore"
 *
 * Either may have a column `path` too, which is not a class. Error messages name the file and the line.
 */
#ifndef LMVR_LAB_DATASET_LABELS_CSV_H
#define LMVR_LAB_DATASET_LABELS_CSV_H

#include "lab/dataset/labels.h"

/* How labels were joined with an index. labels_join_finish() frees what is owned. */
struct labels_join {
    int64_t index_rows;         /* rows of features in the index */
    int64_t *rows;              /* (rows of the labels) the index of each row of features that has a label, ascending; owned */
    int64_t rows_without_label; /* the other rows, which are left out */
    int64_t lines_without_row;  /* labels whose path is not in the index, or has no row there */
};

void labels_join_finish(struct labels_join *join);

/* Each line of the file becomes a row. */
lmvr_status labels_csv_read(const char *path, struct labels *labels, lmvr_error *error);

/* Labels for the rows of features, join->rows of them: each row's path, from index.jsonl, is matched with the lines' paths.
 * LMVR_ERROR_INVALID also if the CSV has no column `path`, a duplicate path, or no path in common with the index, or if the
 * index's rows are not exactly 0, 1, ... On failure *join is empty too. */
lmvr_status labels_csv_join(const char *path, const char *index_path, struct labels *labels, struct labels_join *join,
                            lmvr_error *error);

#endif
