#include "report/svg.h"

#include "report/escape.h"

#include <math.h>

#define FONT       "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
#define TITLE_SIZE 15.0
#define KEY_SIZE   12.0
#define KEY_LINE   20.0 /* from one line of the legend to the next */
#define SWATCH     14.0
#define KEY_GAP    10.0

/* The room that a series takes in the legend. */
static double key_width(const struct series *s)
{
    double text = svg_text_width(s->name, KEY_SIZE), most = SVG_WIDTH - 2 * SVG_MARGIN - SWATCH - KEY_GAP;
    return SWATCH + KEY_GAP + fmin(text, most) + 20;
}

static void put_key(const struct report_chart *chart, const struct series *s, double x, double y, FILE *out)
{
    if (chart->kind == REPORT_BARS) {
        fputs("<rect", out);
        svg_attribute(out, "x", x + 3.5);
        svg_attribute(out, "y", y - 9.5);
        fputs(" width=\"13\" height=\"10\" rx=\"1.5\"", out);
        svg_put_fill(out, s);
        fputs("/>\n", out);
    } else {
        fputs("<path d=\"M", out);
        svg_length(out, x - 3);
        putc(' ', out);
        svg_length(out, y - 4);
        fputs("h20\"", out);
        svg_put_stroke(out, s);
        fputs("/>\n", out);
        svg_put_marker(out, s, x + SWATCH / 2, y - 4);
        fputs("/>\n", out);
    }
    struct svg_text style = {
        .x = x + SWATCH + KEY_GAP, .y = y, .size = KEY_SIZE, .fit = SVG_WIDTH - 2 * SVG_MARGIN - SWATCH - KEY_GAP};
    svg_put_text(out, &style, s->name);
}

/* Draws the legend from `top` on if `out` is not NULL; is its height. */
static double put_legend(const struct report_chart *chart, double top, FILE *out)
{
    double x = SVG_MARGIN, y = top + KEY_SIZE;
    for (size_t i = 0; i < chart->series_count; i++) {
        double width = key_width(&chart->series[i]);
        if (x > SVG_MARGIN && x + width - 20 > SVG_WIDTH - SVG_MARGIN) {
            x = SVG_MARGIN;
            y += KEY_LINE;
        }
        if (out)
            put_key(chart, &chart->series[i], x, y, out);
        x += width;
    }
    return chart->series_count > 0 ? y - top + 14 : 0;
}

static bool has_values(const struct report_chart *chart)
{
    for (size_t i = 0; i < chart->series_count; i++)
        for (size_t k = 0; k < chart->category_count; k++)
            if (!isnan(chart->series[i].values[k]))
                return true;
    return false;
}

static void put_names(const struct report_chart *chart, FILE *out)
{
    fprintf(out, "<title id=\"%s-svg-title\">", chart->name);
    put_escaped(out, *chart->title ? chart->title : chart->name);
    fputs("</title>\n", out);
    if (*chart->caption) {
        fputs("<desc>", out);
        put_escaped(out, chart->caption);
        fputs("</desc>\n", out);
    }
}

/* In a page the drawing has no margin: it stands in line with the text, and its title above it. */
static void put_root(const struct report_chart *chart, double height, bool inlined, FILE *out)
{
    double cut = inlined ? SVG_MARGIN - 1 : 0;
    if (!inlined)
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"%s-svg-title\"", chart->name);
    svg_attribute(out, "width", SVG_WIDTH - 2 * cut);
    svg_attribute(out, "height", height - cut);
    fputs(" viewBox=\"", out);
    svg_length(out, cut);
    putc(' ', out);
    svg_length(out, cut);
    putc(' ', out);
    svg_length(out, SVG_WIDTH - 2 * cut);
    putc(' ', out);
    svg_length(out, height - cut);
    fputs("\" font-family=\"" FONT "\">\n", out);
}

void render_svg(const struct report_chart *chart, bool inlined, FILE *out)
{
    bool drawn = has_values(chart), bars = chart->kind == REPORT_BARS;
    double title = inlined || !*chart->title ? 0 : 32, top = SVG_MARGIN + title;
    double legend = put_legend(chart, top, NULL);
    double body = !drawn ? 60 : bars ? svg_bars_height(chart) : svg_lines_height(chart);
    put_root(chart, top + legend + body + SVG_MARGIN / 2, inlined, out);
    put_names(chart, out);
    if (!inlined)
        fputs("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", out);
    struct svg_text style = {
        .x = SVG_MARGIN, .y = SVG_MARGIN + TITLE_SIZE, .size = TITLE_SIZE, .bold = true, .fit = SVG_WIDTH - 2 * SVG_MARGIN};
    if (title > 0)
        svg_put_text(out, &style, chart->title);
    put_legend(chart, top, out);
    struct svg_text none = {.x = SVG_WIDTH / 2, .y = top + legend + 36, .size = 13, .anchor = SVG_MIDDLE, .muted = true};
    if (!drawn)
        svg_put_text(out, &none, "no values");
    else if (bars)
        svg_put_bars(chart, top + legend, out);
    else
        svg_put_lines(chart, top + legend, out);
    fputs("</svg>\n", out);
}
