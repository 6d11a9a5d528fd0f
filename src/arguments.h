/* Checks on the arguments of the public functions, before anything else is done. */
#ifndef LMVR_SRC_ARGUMENTS_H
#define LMVR_SRC_ARGUMENTS_H

#include "error.h"

/* Refuses a NULL argument of the calling function, naming both. */
#define REQUIRE_ARGUMENT(argument, error)                                                                                      \
    do {                                                                                                                       \
        if (!(argument))                                                                                                       \
            return error_set((error), LMVR_ERROR_INVALID, "%s: %s is NULL", __func__, #argument);                              \
    } while (0)

lmvr_status check_dtype(lmvr_dtype dtype, lmvr_error *error);
lmvr_status check_cache_dtype(lmvr_dtype dtype, lmvr_error *error);
lmvr_status check_threads(int threads, lmvr_error *error);
lmvr_status check_session_options(const lmvr_session_options *options, lmvr_error *error);

#endif
