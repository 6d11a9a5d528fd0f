/*
 * Embeds images into a store: a session's results become rows and index lines, and an interrupted run is continued where it
 * stopped. Memory does not grow with the number of inputs: no more are held than the session has room for.
 */
#ifndef LMVR_SRC_RECORD_RECORDER_H
#define LMVR_SRC_RECORD_RECORDER_H

#include "record/source.h"
#include "store/store.h"

struct recording {
    const lmvr_model *model;
    lmvr_session *session;
    const char *output; /* DIR or FILE.npy */
    enum store_mode mode;
    bool any_device;         /* as in store.h */
    struct source *source;   /* not yet asked for an input */
    size_t share, shares;    /* where it has parts: those whose number, divided by `shares`, leaves `share`; 0, 0: all */
    enum npy_type dtype_out; /* of the rows on disk */
    const char *clip_folder; /* clip-retrieval's layout, with the one feature there: img_emb or text_emb; NULL: lmvr's own */
    struct copies copies;    /* as in store.h */
    const json_t *more;      /* an object: what else the rows depend on, besides the session's options; NULL: nothing */
};

struct recorder;

/* Checks everything before changing anything: after LMVR_ERROR_INVALID the output is as it was. The source is asked for the
 * inputs that are done already. The recording's strings, its source and the session must outlive the recorder. */
lmvr_status recorder_open(const struct recording *recording, struct recorder **recorder, lmvr_error *error);

/* The inputs that are to be recorded, in this share; 0: nobody knows how many there are. */
size_t recorder_total(const struct recorder *recorder);
size_t recorder_done(const struct recorder *recorder);   /* inputs recorded, including those of earlier runs */
size_t recorder_failed(const struct recorder *recorder); /* how many of them failed and have no row */
size_t recorder_cut(const struct recorder *recorder);    /* parts that this run has left unfinished, since they were cut */

/* How many values that were recorded by this recorder were too large for `dtype_out`, and are its largest instead. */
uint64_t recorder_clipped(const struct recorder *recorder);

/* Called with the result that is about to be recorded. Return 0 to record it, anything else to stop without. */
typedef int recorder_fn(const lmvr_result *result, void *user);

/* Embeds the inputs that are not done yet. `before` is called before each input is recorded, `after` afterwards; either may be
 * NULL. LMVR_STOPPED: one of them asked to stop. Whatever the status, what is recorded is complete, and can be continued
 * with STORE_RESUME. With LMVR_OK all parts of the share are finished, but for those that are cut, perhaps before what is done
 * of them: STORE_RESUME tries their rest again, which is not recorded as an input. */
lmvr_status recorder_run(struct recorder *recorder, recorder_fn *before, int (*after)(size_t done, void *user), void *user,
                         lmvr_error *error);

/* Syncs everything to disk and frees the recorder; NULL is allowed. */
lmvr_status recorder_close(struct recorder *recorder, lmvr_error *error);

#endif
