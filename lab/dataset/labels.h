/* Labels of a list of images: one class each (single-label), or for each class yes, no or difficult (multi-label). */
#ifndef LMVR_LAB_DATASET_LABELS_H
#define LMVR_LAB_DATASET_LABELS_H

#include "error.h"

enum labels_kind { LABELS_SINGLE, LABELS_MULTI };

/* A row per image. The arrays and names are owned; labels_finish() frees them. */
struct labels {
    enum labels_kind kind;
    int64_t rows;
    int class_count;
    char **classes;  /* (class_count), UTF-8 */
    int32_t *single; /* LABELS_SINGLE: (rows), a class; -1: ignore the row */
    int8_t *multi;   /* LABELS_MULTI: (rows, class_count): 1, -1, or 0: difficult, ignore the row for that class */
};

void labels_finish(struct labels *labels);

/* `selected` gets rows rows[0], rows[1], ... (count) of the labels, and copies of the names. On failure it is empty. */
lmvr_status labels_select(const struct labels *labels, const int64_t *rows, int64_t count, struct labels *selected,
                          lmvr_error *error);

#endif
