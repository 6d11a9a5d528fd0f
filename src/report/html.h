/* The parts of the HTML page. */
#ifndef LMVR_SRC_REPORT_HTML_H
#define LMVR_SRC_REPORT_HTML_H

#include "report/render.h"

/* The style sheet, which holds nothing that HTML would read. */
extern const char html_style[];

/* <figure> with the table, its notes and reasons; false: memory ran out. */
bool html_put_table(const struct report_table *table, FILE *out);

/* <figcaption>: a heading, and the caption below it. Nothing where both are empty. */
void html_put_caption(const char *title, const char *caption, FILE *out);

#endif
