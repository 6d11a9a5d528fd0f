/* Sanitizes arbitrary text so that every report format can hold it. */
#ifndef LMVR_LAB_REPORT_CLEAN_H
#define LMVR_LAB_REPORT_CLEAN_H

#include "lab/report/report.h"

/* Returns a copy in UTF-8 without control characters other than tab and newline: everything else becomes U+FFFD; CR and CR LF
 * become LF. The caller frees it. NULL: out of memory. */
char *report_clean(const char *text);

/* The same, and maps the marked ranges to the copy, sorted and merged where they touch or overlap. The caller frees *marks. */
char *report_clean_marked(const char *text, const struct report_mark *ranges, size_t range_count, struct report_mark **marks,
                          size_t *mark_count);

/* Returns a copy fit for a file name and an identifier: lower-case letters, digits and "_", with `gap` for all else, at most 80
 * bytes; `instead` if nothing is left. The caller frees it. NULL: out of memory. */
char *report_slug(const char *text, char gap, const char *instead);

#endif
