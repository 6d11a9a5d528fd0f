/* Writes HTML and XML, independent of the locale. */
#ifndef LMVR_LAB_REPORT_MARKUP_H
#define LMVR_LAB_REPORT_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* Like fprintf(), with the conversions %s, which is escaped (for text and quoted attributes), %f, a length with at most one
 * decimal, %d and %zu. */
void markup(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* text[begin, end), escaped. */
void markup_range(FILE *out, const char *text, size_t begin, size_t end);

/* Base64 as in RFC 4648, without line breaks. */
void markup_base64(FILE *out, const void *bytes, size_t size);

#endif
