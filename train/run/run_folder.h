/* The output folder of a run: whether it may begin or go on there, its run.json, and the names of what lies in it. */
#ifndef LMVR_TRAIN_RUN_RUN_FOLDER_H
#define LMVR_TRAIN_RUN_RUN_FOLDER_H

#include "format/place.h"
#include "store/manifest.h"
#include "train/run/run.h"

struct run_folder {
    struct place place;
    int run_fd;     /* of run.json; its lock is the run's. -1: not open */
    json_t *run;    /* what run.json says */
    char *settings; /* the same on one line, for checkpoints */
    char *log_path, *curve_path, *checkpoints;
    bool finished; /* it was, before: there is nothing left to do */
};

/* Whether training may write its files there at all, before anything is known of the run. Writes nothing. */
lmvr_status run_folder_check(const char *output, lmvr_error *error);

/* Checks everything, then takes the folder: makes it, removes what `force` asks to remove, writes run.json. After
 * LMVR_ERROR_INVALID the place is as it was. `corpus` and `validation` (NULL is allowed) are named in run.json. */
lmvr_status run_folder_open(struct run_folder *folder, const struct objective *objective, const struct corpus *corpus,
                            const struct corpus *validation, const struct run_options *options, lmvr_error *error);

/* Says in run.json that all is done. */
lmvr_status run_folder_mark_finished(struct run_folder *folder, lmvr_error *error);

void run_folder_close(struct run_folder *folder);

#endif
