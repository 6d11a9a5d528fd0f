/* A request that cannot be answered: its HTTP status and OpenAI's error object. */
#ifndef LMVR_SERVE_FAILURE_H
#define LMVR_SERVE_FAILURE_H

#include "error.h"

struct failure {
    int status;     /* of HTTP; 0: none */
    char param[64]; /* the key of the request that is wrong, such as "input"; empty: none */
    lmvr_error error;
};

/* Fills in all of it, with a printf-style sentence; `param` may be NULL. */
void failure_write(struct failure *failure, int status, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, and evaluates to false, so that a check is one line. */
#define failure_set(...) (failure_write(__VA_ARGS__), false)

/* The status that goes with an error of the library's. */
int failure_status(lmvr_status status);

/* {"error": {"message", "type", "param", "code"}}, to be freed; NULL: out of memory. */
char *failure_json(const struct failure *failure);

#endif
