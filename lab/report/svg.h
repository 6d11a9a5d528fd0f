/*
 * Drawing primitives for charts. Colors are attributes, which every viewer knows; a page's style sheet overrides them by class:
 * "ink" and "muted" (text, with a "halo" in the background's color), "grid", "axis" and "range" (lines), "f0" to "f5" (a
 * series' fills), "k0" to "k5" (its lines), "ground" and "hollow" (filled with the background's color).
 */
#ifndef LMVR_LAB_REPORT_SVG_H
#define LMVR_LAB_REPORT_SVG_H

#include "lab/report/document.h"
#include "lab/report/markup.h"

#define SVG_COLORS 6

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
enum svg_look { SVG_INK = 0, SVG_MUTED = 1, SVG_BOLD = 2, SVG_HALO = 4 }; /* a halo keeps text legible over lines */

/* The text's approximate width in a common sans-serif font. */
double svg_text_width(const char *text, double size);

/* (x, y) is on the baseline, `size` in pixels. The text is cut to the width `fit`; 0: it is not. */
void svg_text(FILE *out, double x, double y, double size, enum svg_anchor anchor, int look, double fit, const char *text);

enum svg_line { SVG_GRID, SVG_AXIS, SVG_RANGE };
void svg_line(FILE *out, enum svg_line line, double x1, double y1, double x2, double y2);

/* Fill or line attributes in a series' color. */
void svg_fill(FILE *out, const struct series *series);
void svg_stroke(FILE *out, const struct series *series);

/* Its marker in a line chart, to be closed by "/>" or ">...</path>": one shape per color, hollow for the paper. */
void svg_marker(FILE *out, const struct series *series, double x, double y);

#endif
