/*
 * Labels from a CSV file (format/csv.h): a header, then a line a row of the features.
 *
 *     label          one class a row. Classes are sorted: as numbers where all are whole numbers, else by their names' bytes
 *     dog,cat,...    a column a class, in that order: 1, -1, or 0 for "difficult, leave out"
 *
 * A column `path` may stand beside either; it is no class. Sentences name the file and the line.
 */
#ifndef LMVR_SRC_DATASET_LABELS_CSV_H
#define LMVR_SRC_DATASET_LABELS_CSV_H

#include "dataset/labels.h"

/* What had no partner when labels were joined to an index by path. */
struct labels_join {
    int64_t rows_without_label; /* of the features; they are left out */
    int64_t lines_without_row;  /* of the CSV: the index does not have the path, or has no row for it */
};

/* A row of the result is a line of the file. */
lmvr_status labels_csv_read(const char *path, struct labels *labels, lmvr_error *error);

/* A row of the result is a row of the features: `row` of the line of index.jsonl that has the same path, byte for byte.
 * LMVR_ERROR_INVALID too: the CSV has no column `path`, has a path twice, or shares none with the index; or the index's rows
 * are not 0, 1, ... each once. */
lmvr_status labels_csv_join(const char *path, const char *index_path, struct labels *labels, struct labels_join *join,
                            lmvr_error *error);

#endif
