/* Errors are values: a status, and one sentence for the person who must act on it. */
#ifndef LMVR_SRC_ERROR_H
#define LMVR_SRC_ERROR_H

#include "lmvr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the printf-style sentence to `error` (NULL is allowed). A long one is truncated; control characters become '?'. */
void error_write(lmvr_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills `error` and evaluates to `status`, so that a check is one line:
 *     if (size > left) return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s ends after the file", path, name); */
#define error_set(error, status, ...) (error_write((error), __VA_ARGS__), (status))

/* The usual sentence for a failed allocation of `what`. */
#define error_no_memory(error, what) error_set((error), LMVR_ERROR_RESOURCE, "out of memory for %s", (what))

/* "PATH: cannot WHAT: why", from errno: LMVR_ERROR_RESOURCE where the machine ran out of space, quota, memory or file handles,
 * or a device failed; LMVR_ERROR_INVALID where the path cannot be used. */
lmvr_status file_error(lmvr_error *error, const char *path, const char *what);

/* Returns from the calling function if `call` fails, with its status. */
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
