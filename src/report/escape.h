/* What HTML and XML share: characters that mean something, and bytes inside an address. */
#ifndef LMVR_SRC_REPORT_ESCAPE_H
#define LMVR_SRC_REPORT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* For text and for quoted attribute values. */
void put_escaped(FILE *out, const char *text);

/* The same of text[begin, end). */
void put_escaped_range(FILE *out, const char *text, size_t begin, size_t end);

/* RFC 4648, without line ends. */
void put_base64(FILE *out, const void *bytes, size_t size);

#endif
