/* The options in run.json: all that a session's rows depend on besides features and inputs, with the model's defaults filled
 * in. They do not depend on the batch or the number of threads. */
#ifndef LMVR_SRC_RECORD_SETTINGS_H
#define LMVR_SRC_RECORD_SETTINGS_H

#include "lmvr.h"

#include <jansson.h>

/* A new object; `more`, an object of what else there is, is added (NULL: nothing). NULL: out of memory. */
json_t *settings_describe(const lmvr_model *model, const lmvr_session *session, const json_t *more);

/* The same read back: what to open and to create for rows as a run has made them. */
struct settings {
    const char *architecture;
    uint64_t fingerprint;          /* of the model */
    lmvr_dtype dtype, cache_dtype; /* to open it in */
    const char *gpu;               /* its name; NULL: the processor */
    bool fast;                     /* as in lmvr_model_options */
    lmvr_session_options session;  /* without features */
};

/* Reads a run.json, `file`, which owns the strings. LMVR_ERROR_INVALID: it is not as settings_describe() writes it, or the rows
 * depend on something else, too. */
lmvr_status settings_read(const json_t *run, const char *file, struct settings *settings, lmvr_error *error);

#endif
