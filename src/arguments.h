/* Checks on the arguments of the public functions, before anything else is done. */
#ifndef LMVR_SRC_ARGUMENTS_H
#define LMVR_SRC_ARGUMENTS_H

#include "error.h"

/* Refuses a NULL argument of a public function, naming both. */
#define REQUIRE_ARGUMENT_OF(function, argument, error)                                                                         \
    do {                                                                                                                       \
        if (!(argument))                                                                                                       \
            return error_set((error), LMVR_ERROR_INVALID, "%s: %s is NULL", (function), #argument);                            \
    } while (0)

/* The same for the calling function. */
#define REQUIRE_ARGUMENT(argument, error) REQUIRE_ARGUMENT_OF(__func__, argument, error)

/* Fills in the library's struct of `size` bytes from the caller's, whose fields beyond it have to be zero, and those missing
 * become so. `what` is its name. */
lmvr_status struct_read(void *to, size_t size, const void *from, size_t given, const char *what, lmvr_error *error);
/* Fills in the caller's struct, of the size that it gave, from the library's. */
void struct_write(void *to, size_t given, const void *from, size_t size);

/* Options say their size themselves. */
lmvr_status read_model_options(lmvr_model_options *to, const lmvr_model_options *from, lmvr_error *error);
lmvr_status read_convert_options(lmvr_convert_options *to, const lmvr_convert_options *from, lmvr_error *error);
lmvr_status read_session_options(lmvr_session_options *to, const lmvr_session_options *from, lmvr_error *error);

lmvr_status check_dtype(lmvr_dtype dtype, lmvr_error *error);
lmvr_status check_cache_dtype(lmvr_dtype dtype, lmvr_error *error);
lmvr_status check_threads(int threads, lmvr_error *error);
lmvr_status check_sampling(float temperature, float top_p, lmvr_error *error);
lmvr_status check_session_options(const lmvr_session_options *options, lmvr_error *error);

#endif
