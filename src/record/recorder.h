/*
 * Embeds images into a store: what a session computes becomes rows and lines, and a run that was cut off is continued where it
 * ended.
 */
#ifndef LMVR_SRC_RECORD_RECORDER_H
#define LMVR_SRC_RECORD_RECORDER_H

#include "lmvr.h"
#include "store/store.h"

struct recording {
    const lmvr_model *model;
    lmvr_session *session;
    const char *output; /* DIR or FILE.npy */
    enum store_mode mode;
    char *const *inputs; /* paths of images */
    size_t input_count;
    const json_t *more; /* an object: on what else the rows depend, beside the session's options; NULL: nothing */
};

struct recorder;

/* Everything that can be refused is refused here, with LMVR_ERROR_INVALID; the place is then as it was. The recording's
 * strings and the session have to live as long as the recorder. */
lmvr_status recorder_open(const struct recording *recording, struct recorder **recorder, lmvr_error *error);

size_t recorder_done(const struct recorder *recorder);   /* inputs, those of earlier runs included */
size_t recorder_failed(const struct recorder *recorder); /* those of them that have no row */

/* What an input is about to be recorded as. 0: record it and go on; else stop, without recording it. */
typedef int recorder_fn(const lmvr_result *result, const char *path, void *user);

/* Embeds the inputs that are not done yet. `before` is called ahead of each record, `after` behind it; either may be NULL.
 * LMVR_STOPPED: one of them asked to stop. Whatever it returns, what is recorded is whole, and can be continued with
 * STORE_RESUME. */
lmvr_status recorder_run(struct recorder *recorder, recorder_fn *before, int (*after)(size_t done, void *user), void *user,
                         lmvr_error *error);

/* Brings everything to disk and frees the recorder; NULL is allowed. */
lmvr_status recorder_close(struct recorder *recorder, lmvr_error *error);

#endif
