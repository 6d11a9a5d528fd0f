/* Bytes that come from outside (paths, above all) on their way into JSON, which holds UTF-8 only. */
#ifndef LMVR_SRC_FORMAT_UTF8_H
#define LMVR_SRC_FORMAT_UTF8_H

#include <stdbool.h>

bool utf8_is_valid(const char *text);

/* A copy, to be freed, in which every byte that is not part of a well-formed sequence is U+FFFD; NULL: out of memory. */
char *utf8_clean(const char *text);

#endif
