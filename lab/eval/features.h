/*
 * A pass over a data set: one run of the model for all representations that an experiment compares, kept on disk so that a run
 * that is cut off goes on where it ended, and read back variant by variant.
 */
#ifndef LMVR_LAB_EVAL_FEATURES_H
#define LMVR_LAB_EVAL_FEATURES_H

#include "lmvr.h"
#include "store/store.h"

struct feature_pass {
    const lmvr_model *model;
    lmvr_session *session;
    const char *folder; /* made where it is missing */
    enum store_mode mode;
    char *const *paths; /* of images */
    int64_t count;
    const json_t *more; /* on what else the rows depend, for run.json; NULL: nothing */
    /* After each image; `failure` is the sentence of one that cannot be used, else NULL. Not 0: stop. NULL: not called. */
    int (*on_image)(void *user, int64_t done, int64_t total, const char *failure);
    void *user;
};

struct feature_set {
    char *folder; /* owned, as is all below */
    int64_t count;
    int64_t *rows;    /* (count) of each image in the .npy files; -1: it could not be used */
    char **responses; /* (count) NULL: none */
    int64_t failed;
    char *why;      /* of the first that failed, as a sentence; NULL: none did */
    int64_t before; /* images that an earlier run had done */
    double seconds; /* of this run */
};

/* Computes what is not there yet, then reads the index. LMVR_STOPPED: the callback asked to stop; what is done is kept. */
lmvr_status features_compute(const struct feature_pass *pass, struct feature_set *set, lmvr_error *error);
void features_finish(struct feature_set *set);

/* How many of the images first .. first + count - 1 have rows. */
int64_t features_good(const struct feature_set *set, int64_t first, int64_t count);

/* Their rows of the feature `name`, (features_good(), *dim), to be freed. Rows follow the images' order. */
lmvr_status features_load(const struct feature_set *set, const char *name, int64_t first, int64_t count, float **features,
                          int64_t *dim, lmvr_error *error);

#endif
