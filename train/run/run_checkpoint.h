/*
 * checkpoints/step-NNNNNNNN.safetensors: everything that a run needs to continue. For each part of each trained parameter
 * "value/NAME", "first/NAME" and "second/NAME" in the part's shape; in the metadata "step", and "settings", the run's settings.
 */
#ifndef LMVR_TRAIN_RUN_RUN_CHECKPOINT_H
#define LMVR_TRAIN_RUN_RUN_CHECKPOINT_H

#include "train/run/optimizer.h"

/* The path of a step's checkpoint in the folder, to be freed; NULL: out of memory. */
char *run_checkpoint_path(const char *folder, int64_t step);

/* How many there are, intact or not; 0 if there is no folder. */
size_t run_checkpoint_count(const char *folder);

/* Writes the checkpoint of optimizer->steps, atomically. */
lmvr_status run_checkpoint_write(const char *folder, const struct optimizer *optimizer, const char *settings,
                                 lmvr_error *error);

/* Removes all but the newest `keep`, and temporary files of an interrupted write. */
lmvr_status run_checkpoint_prune(const char *folder, size_t keep, lmvr_error *error);

/*
 * Reads the newest intact checkpoint, and removes damaged ones. If there are none, nothing changes and optimizer->steps is 0.
 * `damaged` is "" or says what was wrong with the newest. LMVR_ERROR_INVALID: there are checkpoints, but none is intact; none
 * is removed.
 */
lmvr_status run_checkpoint_read(const char *folder, struct optimizer *optimizer, const char *settings, lmvr_error *damaged,
                                lmvr_error *error);

#endif
