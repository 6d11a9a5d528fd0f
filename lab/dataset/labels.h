/* What is to be learned about a list of images: one class each, or for each class yes, no, or too difficult to say. */
#ifndef LMVR_LAB_DATASET_LABELS_H
#define LMVR_LAB_DATASET_LABELS_H

#include "error.h"

enum labels_kind { LABELS_SINGLE, LABELS_MULTI };

/* A row an image. The arrays and names are owned; labels_finish() frees them. */
struct labels {
    enum labels_kind kind;
    int64_t rows;
    int class_count;
    char **classes;  /* (class_count), UTF-8 */
    int32_t *single; /* LABELS_SINGLE: (rows), a class; -1: the row is left out */
    int8_t *multi;   /* LABELS_MULTI: (rows, class_count): 1, -1, or 0 for difficult, to be left out of that class */
};

void labels_finish(struct labels *labels);

/* `selected` gets the rows rows[0], rows[1], ... (count) of the labels, with copies of the names. On failure it is empty. */
lmvr_status labels_select(const struct labels *labels, const int64_t *rows, int64_t count, struct labels *selected,
                          lmvr_error *error);

#endif
