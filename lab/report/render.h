/*
 * The report's output formats. Each function writes the whole report, or one table or chart, to a stream, which remembers write
 * errors. False: out of memory. The report's region must not have failed.
 */
#ifndef LMVR_LAB_REPORT_RENDER_H
#define LMVR_LAB_REPORT_RENDER_H

#include "lab/report/document.h"

#include <jansson.h>
#include <stdio.h>

/* GitHub Markdown, with pictures in figures/. */
bool render_markdown(const struct report *report, FILE *out);

/* RFC 4180, UTF-8, keys in the first line, all digits. The columns "group" and "reported" come first if the table has groups or
 * rows from the paper; a column with intervals is followed by KEY_low and KEY_high. Missing values are empty. */
void render_csv(const struct report_table *table, FILE *out);

/* A new reference; NULL: out of memory. `files`: the paths, relative to the report's folder, of everything written. */
json_t *render_json(const struct report *report, const json_t *files);

/* A standalone file with its title and background; or, `inlined`, part of a page whose style sheet may override the colors by
 * class. */
void render_svg(const struct report_chart *chart, bool inlined, FILE *out);

/* A single self-contained page. */
bool render_html(const struct report *report, FILE *out);

#endif
