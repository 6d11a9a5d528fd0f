/* The images of which several lists speak, by the name that the lists use. */
#ifndef LMVR_LAB_DATASET_ROSTER_H
#define LMVR_LAB_DATASET_ROSTER_H

#include "lab/dataset/names.h"

/* All zero is empty. */
struct roster {
    struct names names;
    int64_t *rows; /* (names.count) of the draft; -1: none, as its file is missing */
    int *lists;    /* (names.count) the list that named it last; -1: none */
    int64_t space;
};

/* *number is the name's; a new one has neither row nor list. */
lmvr_status roster_add(struct roster *roster, const char *name, int64_t *number, bool *is_new, lmvr_error *error);

/* Notes that the list names it; false: it has done so before. */
bool roster_mark(struct roster *roster, int64_t number, int list);

void roster_finish(struct roster *roster);

#endif
