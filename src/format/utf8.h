/* Makes bytes from outside, such as paths, safe for JSON, which must be UTF-8. */
#ifndef LMVR_SRC_FORMAT_UTF8_H
#define LMVR_SRC_FORMAT_UTF8_H

#include <stdbool.h>

bool utf8_is_valid(const char *text);

/* A copy, to be freed, with U+FFFD for every byte that is not part of a well-formed sequence; NULL: out of memory. */
char *utf8_clean(const char *text);

#endif
