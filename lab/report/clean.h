/* Sanitizes arbitrary text so that every report format can hold it. What is returned is in the region: "" if memory ran out. */
#ifndef LMVR_LAB_REPORT_CLEAN_H
#define LMVR_LAB_REPORT_CLEAN_H

#include "lab/report/region.h"
#include "lab/report/report.h"

/* A copy in UTF-8 without control characters other than tab and newline: everything else becomes U+FFFD; CR and CR LF become
 * LF. */
char *report_clean(struct region *region, const char *text);

/* The same, and maps the marked ranges to the copy, sorted and merged where they touch or overlap. */
char *report_clean_marked(struct region *region, const char *text, const struct report_mark *ranges, size_t range_count,
                          struct report_mark **marks, size_t *mark_count);

/* A copy fit for a file name and an identifier: lower-case letters, digits and "_", with `gap` for all else, at most 80 bytes;
 * `instead` if nothing is left. */
char *report_slug(struct region *region, const char *text, char gap, const char *instead);

#endif
