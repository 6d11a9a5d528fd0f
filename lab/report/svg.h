/*
 * Drawing primitives for charts. Colors are attributes, which every viewer knows; a page's style sheet overrides them by class:
 * "ink" and "muted" (text, with a "halo" in the background's color), "grid", "axis" and "range" (lines), "f0" to "f5" (a
 * series' fills), "k0" to "k5" (its lines), "ground" and "hollow" (filled with the background's color).
 */
#ifndef LMVR_LAB_REPORT_SVG_H
#define LMVR_LAB_REPORT_SVG_H

#include "lab/report/markup.h"
#include "lab/report/number.h"
#include "lab/report/render.h"
#include "lab/report/scale.h"

#define SVG_WIDTH  600.0
#define SVG_MARGIN 20.0
#define SVG_COLORS 6
#define SVG_LABEL  10.5 /* font size of values' labels */

/* A chart's plot area, below its title and legend. */
struct svg_plot {
    const struct report_chart *chart;
    FILE *out;
    struct scale scale;
    double left, right, top, bottom;
};

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

struct svg_text {
    double x, y; /* of the baseline */
    double size; /* pixels */
    enum svg_anchor anchor;
    double fit; /* the text is cut to this width; 0: not cut */
    bool muted, bold;
    bool halo; /* outlined in the background's color, to be legible over lines */
};

/* The text's approximate width in a common sans-serif font. */
double svg_text_width(const char *text, double size);
void svg_put_text(FILE *out, struct svg_text style, const char *text);

enum svg_line { SVG_GRID, SVG_AXIS, SVG_RANGE };
void svg_put_line(FILE *out, enum svg_line line, double x1, double y1, double x2, double y2);

/* Fill or line attributes in a series' color. */
void svg_put_fill(FILE *out, const struct series *series);
void svg_put_stroke(FILE *out, const struct series *series);

/* Its marker in a line chart, to be closed by "/>" or ">...</path>": one shape per color, hollow for the paper. */
void svg_put_marker(FILE *out, const struct series *series, double x, double y);

/* <title>, which viewers show as a tooltip: "series, category: 12.3 %". */
void svg_put_hint(const struct report_chart *chart, const struct series *series, size_t category, FILE *out);

/* A value's label with the chart's decimals. */
void svg_value(const struct report_chart *chart, double value, char out[NUMBER_SIZE]);

/* A tick's label. */
void svg_tick(const struct scale *scale, int tick, char out[NUMBER_SIZE]);

/* "Accuracy (%)", at `style`. */
void svg_put_value_title(const struct svg_plot *plot, struct svg_text style);

/* Their heights below `top`, and the functions that draw them, which need `plot` to have its chart, stream, scale and top. */
double svg_bars_height(const struct report_chart *chart);
void svg_put_bars(struct svg_plot *plot);
double svg_lines_height(const struct report_chart *chart);
void svg_put_lines(struct svg_plot *plot);

#endif
