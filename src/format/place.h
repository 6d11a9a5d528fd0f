/*
 * An output place: the folder or the single .npy file that -o names, and the paths of the files that make it up.
 *
 *     -o DIR         DIR/run.json        DIR/index.jsonl    DIR/NAME.npy, one per feature
 *     -o FILE.npy    FILE.run.json       FILE.jsonl         FILE.npy
 *
 * In parts, which a folder alone has, DIR/index/part-00000.jsonl and DIR/NAME/part-00000.npy. In clip-retrieval's layout the
 * latter is DIR/NAME/NAME_0.npy, with as many digits as the number of parts has.
 */
#ifndef LMVR_SRC_FORMAT_PLACE_H
#define LMVR_SRC_FORMAT_PLACE_H

#include "error.h"

struct place {
    bool single;    /* a single .npy file rather than a folder */
    char *output;   /* as given, without trailing slashes */
    char *folder;   /* the folder that must exist: DIR, or that of FILE.npy */
    char *run_path; /* the manifest: how the results were made; locked while a run writes */
    char *index_path;
    size_t clip_parts; /* the number of parts in clip-retrieval's layout; 0: it is lmvr's own */
};

/* A path that ends in ".npy" and is not a folder is a single file. Changes nothing on disk. */
lmvr_status place_init(struct place *place, const char *output, lmvr_error *error);
void place_finish(struct place *place);

#define PLACE_WHOLE SIZE_MAX /* no part, where a part's number is expected */

/* "DIR/FOLDER/part-00007ENDING", or as clip-retrieval has it; to be freed; NULL: out of memory. */
char *place_part_path(const struct place *place, const char *folder, size_t part, const char *ending);

/* The path of the index of a part or, with PLACE_WHOLE, of all; to be freed; NULL: out of memory. */
char *place_index_path(const struct place *place, size_t part);

/* The path of a feature's rows, likewise. */
char *place_feature_path(const struct place *place, const char *name, size_t part);

/* "DIR/NAME", to be freed; NULL: out of memory. */
char *place_inner_path(const struct place *place, const char *name);

/* Checks that a feature's NAME can be a file name: UTF-8 without '/' or control characters, not hidden, not "index" or "run",
 * not too long. */
lmvr_status place_check_name(const char *name, lmvr_error *error);

/* Checks that the folder exists and is writable, or can be made. Writes nothing. */
lmvr_status place_check_writable(const struct place *place, lmvr_error *error);

/* Makes the folder, and any missing folder above it. */
lmvr_status place_make_folder(const struct place *place, lmvr_error *error);

/* Locks run.json, or another file of the place, open as `fd`, until it is closed. Fails where another process holds the lock.
 */
lmvr_status place_lock(const struct place *place, int fd, lmvr_error *error);

/* Lets other processes that share the work lock the file, too. */
void place_share_lock(int fd);

/* Opens run.json and locks it; *made tells whether it is new. The caller closes *fd, which is -1 where opening failed. With
 * `shared` the lock is one that lets others in if others have such a lock, who then have written run.json; while one has it
 * alone, as those that share the work do when they begin, it waits, for 10 seconds. */
lmvr_status place_open_run(const struct place *place, bool shared, int *fd, bool *made, lmvr_error *error);

/* LMVR_ERROR_INVALID with the sentence for a place that is taken: by results that can be continued, or by a file `path` that
 * run.json does not account for. */
lmvr_status place_refuse_results(const struct place *place, lmvr_error *error);
lmvr_status place_refuse_unknown(const struct place *place, const char *path, lmvr_error *error);

#endif
