/* The images that several lists mention, by the name that the lists use. */
#ifndef LMVR_LAB_DATASET_ROSTER_H
#define LMVR_LAB_DATASET_ROSTER_H

#include "lab/dataset/names.h"

/* All zeros is empty. */
struct roster {
    struct names names;
    int64_t *rows; /* (names.count) in the draft; -1: none, as the file is missing */
    int *lists;    /* (names.count) the last list that mentioned it; -1: none */
    int64_t space;
};

/* *number is the name's; a new name has neither row nor list. */
lmvr_status roster_add(struct roster *roster, const char *name, int64_t *number, bool *is_new, lmvr_error *error);

/* Records that the list mentions the name; false: it is a duplicate there. */
bool roster_mark(struct roster *roster, int64_t number, int list);

void roster_finish(struct roster *roster);

#endif
