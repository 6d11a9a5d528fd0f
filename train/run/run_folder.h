/* A run's output folder: whether the run may start or continue there, its run.json, and the paths in it. */
#ifndef LMVR_TRAIN_RUN_RUN_FOLDER_H
#define LMVR_TRAIN_RUN_RUN_FOLDER_H

#include "format/place.h"
#include "store/manifest.h"
#include "train/run/run.h"

struct run_folder {
    struct place place;
    int run_fd;     /* run.json's; its lock is the run's. -1: not open */
    json_t *run;    /* run.json's contents */
    char *settings; /* the same on one line, for checkpoints */
    char *log_path, *curve_path, *checkpoints;
    bool finished; /* the run was already finished: there is nothing to do */
};

/* Whether training may write there at all, before anything about the run is known. Writes nothing. */
lmvr_status run_folder_check(const char *output, lmvr_error *error);

/* Checks everything, then takes the folder: creates it, removes an old run if `force`, writes run.json. After
 * LMVR_ERROR_INVALID the folder is unchanged. run.json mentions `corpus` and `validation` (NULL is allowed). */
lmvr_status run_folder_open(struct run_folder *folder, const struct objective *objective, const struct corpus *corpus,
                            const struct corpus *validation, const struct run_options *options, lmvr_error *error);

/* Records in run.json that the run is finished. */
lmvr_status run_folder_mark_finished(struct run_folder *folder, lmvr_error *error);

void run_folder_close(struct run_folder *folder);

#endif
