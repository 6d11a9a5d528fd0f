/*
 * The forms in which a report is shown. Each writes the whole of it, or one table or chart, to a stream, which remembers a
 * failed write; false: memory ran out before. A report whose region failed is not to be given.
 */
#ifndef LMVR_LAB_REPORT_RENDER_H
#define LMVR_LAB_REPORT_RENDER_H

#include "lab/report/document.h"

#include <jansson.h>
#include <stdio.h>

/* GitHub's Markdown, with the files in figures/. */
bool render_markdown(const struct report *report, FILE *out);

/* RFC 4180, UTF-8, keys in the first line, all digits. Before the table's columns stand "group" and "reported", where there are
 * groups or rows of the paper; after one with intervals KEY_low and KEY_high. What is missing is empty. */
void render_csv(const struct report_table *table, FILE *out);

/* A new reference; NULL: out of memory. `files`: the paths, below the report's folder, of all that is written. */
json_t *render_json(const struct report *report, const json_t *files);

/* A picture for itself, with its title and a background of its own; or, `inlined`, to stand in a page, whose style sheet may
 * give the classes other colors. */
void render_svg(const struct report_chart *chart, bool inlined, FILE *out);

/* One page with everything in it. */
bool render_html(const struct report *report, FILE *out);

#endif
