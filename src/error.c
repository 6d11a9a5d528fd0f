#include "error.h"

#include <stdarg.h>
#include <stdio.h>

lmvr_status error_set(lmvr_error *error, lmvr_status status, const char *format, ...)
{
    if (!error)
        return status;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    for (char *c = error->message; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return status;
}

lmvr_status error_no_memory(lmvr_error *error, const char *what)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for %s", what);
}
