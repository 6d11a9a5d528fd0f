/* Text from anywhere becomes text that every format can hold. */
#ifndef LMVR_LAB_REPORT_CLEAN_H
#define LMVR_LAB_REPORT_CLEAN_H

#include "lab/report/report.h"

/* A copy, to be freed, of UTF-8 without control characters but tab and line end: whatever else there is becomes U+FFFD; CR and
 * CR LF become LF. NULL: out of memory. */
char *report_clean(const char *text);

/* The same with the ranges that stay marked, put in order and joined where they touch or overlap; *marks is to be freed. */
char *report_clean_marked(const char *text, const struct report_mark *ranges, size_t range_count, struct report_mark **marks,
                          size_t *mark_count);

/* A copy, to be freed, that can be a file's name and an identifier: lower-case letters, digits, "_" and `gap` for all else, of
 * at most 80 bytes; `instead` where nothing is left. NULL: out of memory. */
char *report_slug(const char *text, char gap, const char *instead);

#endif
