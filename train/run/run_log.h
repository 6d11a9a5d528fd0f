/*
 * loss.csv: one line per step. A killed run may leave more lines than its last checkpoint has steps, the last one incomplete;
 * on resuming they are removed, and written again with the same contents.
 */
#ifndef LMVR_TRAIN_RUN_RUN_LOG_H
#define LMVR_TRAIN_RUN_RUN_LOG_H

#include "error.h"

#include <sys/types.h>

#define RUN_LOG_HEADER "step,loss,learning_rate,gradient_norm,validation_loss\n"

struct run_log {
    const char *path; /* borrowed */
    int fd;           /* -1: not open */
    off_t size;
};

struct run_row {
    int64_t step; /* counted from 1 */
    double loss, learning_rate, gradient_norm;
    double validation; /* NAN: not measured, an empty field */
};

/* Opens or creates the file, and truncates it after the lines of the first `steps` steps. LMVR_ERROR_INVALID: lines are
 * missing. */
lmvr_status run_log_open(struct run_log *log, const char *path, int64_t steps, lmvr_error *error);

/* Appends a line; numbers have all digits. */
lmvr_status run_log_add(struct run_log *log, const struct run_row *row, lmvr_error *error);

/* Flushes all lines to disk, before a checkpoint that relies on them. */
lmvr_status run_log_sync(struct run_log *log, lmvr_error *error);

lmvr_status run_log_close(struct run_log *log, lmvr_error *error);

#endif
