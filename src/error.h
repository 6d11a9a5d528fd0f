/* Errors are values: a status, and one sentence for the person who has to act on it. */
#ifndef LMVR_SRC_ERROR_H
#define LMVR_SRC_ERROR_H

#include "lmvr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills `error` (NULL is allowed) with the printf-style sentence and returns `status`, so that a check is one line:
 *     if (size > left) return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s ends after the file", path, name);
 * A sentence that is too long is cut; bytes that would upset a terminal are replaced by '?'. */
lmvr_status error_set(lmvr_error *error, lmvr_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The usual sentence for a failed allocation of `what`; returns LMVR_ERROR_RESOURCE. */
lmvr_status error_no_memory(lmvr_error *error, const char *what);

/* Hands a failure of `call` on to the caller. */
#define TRY(call)                                                                                                              \
    do {                                                                                                                       \
        lmvr_status try_status = (call);                                                                                       \
        if (try_status != LMVR_OK)                                                                                             \
            return try_status;                                                                                                 \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
