/*
 * checkpoints/step-NNNNNNNN.safetensors: all that a run needs to go on. Of each part of each trained parameter "value/NAME",
 * "first/NAME" and "second/NAME" in the part's own shape; in the metadata "step", and "settings", what the run was begun with.
 */
#ifndef LMVR_TRAIN_RUN_RUN_CHECKPOINT_H
#define LMVR_TRAIN_RUN_RUN_CHECKPOINT_H

#include "train/run/optimizer.h"

/* The path of a step's checkpoint in the folder, to be freed; NULL: out of memory. */
char *run_checkpoint_path(const char *folder, int64_t step);

/* How many there are, whole or not; 0 where there is no folder. */
size_t run_checkpoint_count(const char *folder);

/* Writes the checkpoint of optimizer->steps, atomically. */
lmvr_status run_checkpoint_write(const char *folder, const struct optimizer *optimizer, const char *settings,
                                 lmvr_error *error);

/* Removes all but the newest `keep`, and what was left of one whose writing was cut off. */
lmvr_status run_checkpoint_prune(const char *folder, size_t keep, lmvr_error *error);

/*
 * Reads the newest one that is whole, and removes those that are not. Where there is none at all, nothing changes, and
 * optimizer->steps is 0. `damaged` is "" or tells what was wrong with the newest. LMVR_ERROR_INVALID: there are some, but not a
 * whole one; none is removed.
 */
lmvr_status run_checkpoint_read(const char *folder, struct optimizer *optimizer, const char *settings, lmvr_error *damaged,
                                lmvr_error *error);

#endif
