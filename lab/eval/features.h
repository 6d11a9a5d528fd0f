/*
 * A pass over a data set: computes all representations that an experiment compares in one run of the model, stores them on disk
 * so that an interrupted run can resume, and reads them back one at a time.
 */
#ifndef LMVR_LAB_EVAL_FEATURES_H
#define LMVR_LAB_EVAL_FEATURES_H

#include "lmvr.h"
#include "store/store.h"

struct feature_pass {
    const lmvr_model *model;
    lmvr_session *session;
    const char *folder; /* created if missing */
    enum store_mode mode;
    bool any_device;    /* as in store/store.h */
    char *const *paths; /* of images */
    int64_t count;
    const json_t *more; /* what else the rows depend on, for run.json; NULL: nothing */
    /* After each image; `failure` says why it cannot be used, NULL: it can. Nonzero return: stop. NULL: not called. */
    int (*on_image)(void *user, int64_t done, int64_t total, const char *failure);
    void *user;
};

struct feature_set {
    char *folder; /* owned, as is everything below */
    int64_t count;
    int64_t *rows;    /* (count) each image's row in the .npy files; -1: the image could not be used */
    char **responses; /* (count) NULL: none */
    int64_t failed;
    char *why;       /* why the first failed one did, as a sentence; NULL: none failed */
    int64_t before;  /* images already done by an earlier run */
    double seconds;  /* of this run */
    int64_t skipped; /* images at the beginning that were no part of the pass: features_skip() */
};

/* Computes what is missing, then reads the index. LMVR_STOPPED: the callback asked to stop; finished rows are kept. */
lmvr_status features_compute(const struct feature_pass *pass, struct feature_set *set, lmvr_error *error);
void features_finish(struct feature_set *set);

/* Counts `count` images before the pass's first one, which have no rows: image i becomes image i + count. */
lmvr_status features_skip(struct feature_set *set, int64_t count, lmvr_error *error);

/* How many of the images first .. first + count - 1 have rows. */
int64_t features_good(const struct feature_set *set, int64_t first, int64_t count);

/* Loads those images' rows of the feature `name`, (features_good(), *dim), in the images' order. The caller frees them. */
lmvr_status features_load(const struct feature_set *set, const char *name, int64_t first, int64_t count, float **features,
                          int64_t *dim, lmvr_error *error);

#endif
