/*
 * Results on disk: one .npy file per feature, side by side, perhaps with one of offsets, and an index with one line per input.
 *
 * An input is done when its rows and offsets are in every .npy and its line is in the index. Rows are written first and the
 * line last, so a complete line means complete rows. Anything that a killed run leaves after the last such line is removed on
 * resuming.
 */
#ifndef LMVR_SRC_STORE_STORE_H
#define LMVR_SRC_STORE_STORE_H

#include "store/index.h"
#include "store/manifest.h"
#include "store/resume.h"

enum store_mode {
    STORE_NEW,    /* refuse a place that holds results */
    STORE_RESUME, /* continue the results, or start where there are none */
    STORE_FORCE   /* remove the results: lmvr's own files, nothing else */
};

struct store_plan {
    const char *output; /* DIR or FILE.npy */
    enum store_mode mode;
    const struct store_feature *features;
    size_t feature_count;
    const json_t *options; /* an object for run.json: what else the results depend on */
    size_t input_count;
    uint64_t inputs_hash;      /* of what tells the inputs from others */
    resume_name_fn *next_name; /* called for each input that is done */
    void *user;                /* passed to it */
    bool any_device;           /* what was begun on another device is resumed, too */
};

struct store;

/* Checks what can be checked before a model is loaded: that the place is writable, and free or in the right state for `mode`.
 * Writes nothing. `feature_count` 0: not yet known. */
lmvr_status store_check(const char *output, enum store_mode mode, size_t feature_count, lmvr_error *error);

/* Checks everything, then creates or continues the files. After LMVR_ERROR_INVALID the place is as it was. Until the store is
 * closed, no other process can open it. */
lmvr_status store_open(const struct store_plan *plan, struct store **store, lmvr_error *error);

/* The number of inputs done, and how many of them failed. */
size_t store_done(const struct store *store);
size_t store_failed(const struct store *store);

/* Records the next input: its rows in the features' order, (counts, dim) each (not read where line->error is set), and its
 * line, whose row number is filled in here. A feature that is not multi-vector has one row. A failure leaves the inputs
 * recorded before intact, and --resume continues after them. */
lmvr_status store_add(struct store *store, const float *const *rows, const size_t *counts, const struct index_line *line,
                      lmvr_error *error);

/* Syncs everything to disk and frees the store; NULL is allowed. */
lmvr_status store_close(struct store *store, lmvr_error *error);

#endif
