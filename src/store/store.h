/*
 * Results on disk: a .npy file a feature, side by side, and an index with a line an input.
 *
 * An input is done when its rows are in every .npy and its line is in the index; rows are written first and the line last, so a
 * complete line means complete rows. Whatever a killed run leaves behind the last such line is cut off by the next one.
 */
#ifndef LMVR_SRC_STORE_STORE_H
#define LMVR_SRC_STORE_STORE_H

#include "store/index.h"
#include "store/manifest.h"

enum store_mode {
    STORE_NEW,    /* a place that holds results is refused */
    STORE_RESUME, /* they are continued, or begun where there are none */
    STORE_FORCE   /* they are removed: lmvr's own files, nothing else */
};

struct store_plan {
    const char *output; /* DIR or FILE.npy */
    enum store_mode mode;
    const struct store_feature *features;
    size_t feature_count;
    const json_t *options; /* an object: what else the results depend on, for run.json */
    const char *const *inputs;
    size_t input_count;
};

struct store;

/* What can be said before there is a model: whether the place can be written and is free or in the right state for `mode`.
 * Writes nothing. `feature_count` 0: not known yet. */
lmvr_status store_check(const char *output, enum store_mode mode, size_t feature_count, lmvr_error *error);

/* Checks everything, then makes or continues the files. After LMVR_ERROR_INVALID the place is as it was. The store is this
 * process's alone until it is closed. */
lmvr_status store_open(const struct store_plan *plan, struct store **store, lmvr_error *error);

/* The number of inputs that are done, and how many of them failed. */
size_t store_done(const struct store *store);
size_t store_failed(const struct store *store);

/* Records the next input: its rows in the features' order (NULL where line->error is set), and its line, whose row is filled
 * in here. After a failure what was whole before is whole again, and --resume continues there. */
lmvr_status store_add(struct store *store, const float *const *rows, const struct index_line *line, lmvr_error *error);

/* Brings everything to disk and frees the store; NULL is allowed. */
lmvr_status store_close(struct store *store, lmvr_error *error);

#endif
