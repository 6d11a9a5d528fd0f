/* loss.svg: the curve of loss.csv, each point the mean of consecutive steps. */
#ifndef LMVR_TRAIN_RUN_RUN_CURVE_H
#define LMVR_TRAIN_RUN_RUN_CURVE_H

#include "error.h"

/* Draws the first `steps` steps of the log at `log_path` into the file `path`, atomically. */
lmvr_status run_curve_write(const char *path, const char *log_path, const char *title, int64_t steps, lmvr_error *error);

#endif
