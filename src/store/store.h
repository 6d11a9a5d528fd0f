/*
 * Results on disk: one .npy file per feature, side by side, perhaps with one of offsets, and an index with one line per input;
 * or such files for each part of the inputs (parts.h).
 *
 * An input is done when its rows and offsets are in every .npy and its line is in the index. Rows are written first and the
 * line last, so a complete line means complete rows. Anything that a killed run leaves after the last such line is removed on
 * resuming.
 */
#ifndef LMVR_SRC_STORE_STORE_H
#define LMVR_SRC_STORE_STORE_H

#include "store/copies.h"
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
    size_t part_count;         /* the inputs come in so many parts; 0: in none */
    size_t rows_per_part;      /* inputs in each part; 0: they are of any size */
    bool clip_retrieval;       /* its layout: one feature, in parts, with copies.metadata */
    struct copies copies;      /* in other forms, of each index that is complete */
    size_t share, shares;      /* in parts: this run does those whose number, divided by `shares`, leaves `share` */
};

struct store;

/* Checks what can be checked before a model is loaded: that the place is writable, and free or in the right state for `mode`.
 * Writes nothing. `feature_count` 0: not yet known. `shares`: as in the plan; 0: not yet known either. */
lmvr_status store_check(const char *output, enum store_mode mode, size_t feature_count, size_t shares, lmvr_error *error);

/* Checks everything, then creates or continues the files. After LMVR_ERROR_INVALID the place is as it was. Until the store is
 * closed, no other process can open it, or none that has the same share. In parts, the plan's features have to outlive the
 * store, and nothing can be added before store_turn(). */
lmvr_status store_open(const struct store_plan *plan, struct store **store, lmvr_error *error);

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

/* Whether a part is this run's and not finished. */
bool store_wants(const struct store *store, size_t part);

/* Whether it has inputs that an earlier run has recorded, if it is not finished. */
bool store_has_begun(const struct store *store, size_t part);

/* The part at hand; PLACE_WHOLE: none. */
size_t store_part(const struct store *store);

/* Finishes the part at hand, and those behind it that are wanted and have no inputs; then begins `part`, which is wanted, or
 * continues it where `next_name` is not NULL, for the inputs of the part that are done. */
lmvr_status store_turn(struct store *store, size_t part, resume_name_fn *next_name, void *user, lmvr_error *error);

/* Leaves the part at hand as it is, not finished. */
lmvr_status store_leave(struct store *store, lmvr_error *error);

/* As store_turn(), when there are no more inputs: all that this run wants is finished. Also for results that are not in parts.
 */
lmvr_status store_finish(struct store *store, lmvr_error *error);

/* ---- inputs ---------------------------------------------------------------------------------------------------------- */

/* The number of inputs done, in parts those of this run's share, and how many of them failed. */
size_t store_done(const struct store *store);
size_t store_failed(const struct store *store);

/* How many values of inputs that this store has recorded were too large for their type, and are its largest instead. */
uint64_t store_clipped(const struct store *store);

/* Records the next input: its rows in the features' order, (counts, dim) each (not read where line->error is set), and its
 * line, whose row number is filled in here. A feature that is not multi-vector has one row. A failure leaves the inputs
 * recorded before intact, and --resume continues after them. */
lmvr_status store_add(struct store *store, const float *const *rows, const size_t *counts, const struct index_line *line,
                      lmvr_error *error);

/* Syncs everything to disk and frees the store; NULL is allowed. */
lmvr_status store_close(struct store *store, lmvr_error *error);

#endif
