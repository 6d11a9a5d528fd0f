/*
 * Labels from a CSV file (format/csv.h): a header, then a line a row of the features.
 *
 *     label          one class a row. Classes are sorted: as numbers where all are whole numbers, else by their names' bytes
 *     dog,cat,...    a column a class, in that order: 1, -1, or 0 for "difficult, leave out"
 *
 * A column `path` may stand beside either; it is no class. Sentences name the file and the line.
 */
#ifndef LMVR_LAB_DATASET_LABELS_CSV_H
#define LMVR_LAB_DATASET_LABELS_CSV_H

#include "lab/dataset/labels.h"

/* How labels and an index came together. labels_join_finish() frees what is owned. */
struct labels_join {
    int64_t index_rows;         /* rows that the index gives to the features */
    int64_t *rows;              /* (rows of the labels) which of those have a label, ascending; owned */
    int64_t rows_without_label; /* the others; they are left out */
    int64_t lines_without_row;  /* labels whose path the index does not have, or has no row for */
};

void labels_join_finish(struct labels_join *join);

/* A row of the result is a line of the file. */
lmvr_status labels_csv_read(const char *path, struct labels *labels, lmvr_error *error);

/* A row of the result is a row of the features, join->rows of them: `row` of the line of index.jsonl with the same path, byte
 * for byte. LMVR_ERROR_INVALID too: the CSV has no column `path`, has a path twice, or shares none with the index; or the
 * index's rows are not 0, 1, ... each once. On failure *join is empty too. */
lmvr_status labels_csv_join(const char *path, const char *index_path, struct labels *labels, struct labels_join *join,
                            lmvr_error *error);

#endif
