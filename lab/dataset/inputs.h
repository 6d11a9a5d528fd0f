/* The images that a command line names (input_list.h), all in memory: for work that needs them in any order. Tars are
 * refused. */
#ifndef LMVR_LAB_DATASET_INPUTS_H
#define LMVR_LAB_DATASET_INPUTS_H

#include "lab/dataset/passed_over.h"

struct inputs {
    char **paths;  /* owned, each and all */
    size_t *below; /* where in a path its part below the searched folder begins; of a path of its own, the last part */
    size_t count;
    struct passed_over passed_over; /* other files in the searched folders, but for hidden ones */
};

lmvr_status inputs_collect(char *const *arguments, size_t count, struct inputs *inputs, lmvr_error *error);

void inputs_finish(struct inputs *inputs);

#endif
