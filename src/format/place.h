/*
 * An output place: the folder or the one .npy file that -o names, and the names of what lies there.
 *
 *     -o DIR         DIR/run.json        DIR/index.jsonl    DIR/NAME.npy, one a feature
 *     -o FILE.npy    FILE.run.json       FILE.jsonl         FILE.npy
 */
#ifndef LMVR_SRC_FORMAT_PLACE_H
#define LMVR_SRC_FORMAT_PLACE_H

#include "error.h"

struct place {
    bool single;    /* one .npy file rather than a folder */
    char *output;   /* as given, without slashes at its end */
    char *folder;   /* what has to exist: DIR, or the folder of FILE.npy */
    char *run_path; /* what the results were made with; locked while a run writes */
    char *index_path;
};

/* A path that ends in ".npy" and is not a folder is a single file. Touches nothing. */
lmvr_status place_init(struct place *place, const char *output, lmvr_error *error);
void place_finish(struct place *place);

/* The path of a feature's rows, to be freed; NULL: out of memory. */
char *place_feature_path(const struct place *place, const char *name);

/* A feature's NAME becomes a file's name: UTF-8 without '/' or control bytes, not hidden, not "index" or "run", not too long.
 */
lmvr_status place_check_name(const char *name, lmvr_error *error);

/* Whether the folder is there and can be written, or can be made. Writes nothing. */
lmvr_status place_check_writable(const struct place *place, lmvr_error *error);

/* Makes the folder and those above it where they are missing. */
lmvr_status place_make_folder(const struct place *place, lmvr_error *error);

/* Refuses where another process holds the lock of run.json, open as `fd`; else it is this process's until the file is closed.
 */
lmvr_status place_lock(const struct place *place, int fd, lmvr_error *error);

/* Opens run.json and locks it; *made: it was not there before. The caller closes *fd, which is -1 where it could not be opened.
 */
lmvr_status place_open_run(const struct place *place, int *fd, bool *made, lmvr_error *error);

/* LMVR_ERROR_INVALID, with the sentences for a place that is taken: by results that can be continued, or by `path`, of which
 * run.json says nothing. */
lmvr_status place_refuse_results(const struct place *place, lmvr_error *error);
lmvr_status place_refuse_unknown(const struct place *place, const char *path, lmvr_error *error);

#endif
