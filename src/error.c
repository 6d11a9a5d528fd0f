#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_write(lmvr_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    for (char *c = error->message; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
}

static bool is_exhaustion(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return true;
    default:
        return false;
    }
}

lmvr_status file_error(lmvr_error *error, const char *path, const char *what)
{
    int code = errno;
    lmvr_status status = is_exhaustion(code) ? LMVR_ERROR_RESOURCE : LMVR_ERROR_INVALID;
    return error_set(error, status, "%s: cannot %s: %s", path, what, strerror(code));
}
