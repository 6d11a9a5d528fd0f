#include "lab/report/svg.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define FONT       "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
#define TITLE_SIZE 15.0
#define KEY_SIZE   12.0
#define KEY_LINE   20.0 /* line height of the legend */
#define SWATCH     14.0
#define KEY_GAP    10.0
#define KEY_TEXT   (SVG_WIDTH - 2 * SVG_MARGIN - SWATCH - KEY_GAP)

/* The same as in page.html, which says how they were chosen. */
static const char *const colors[SVG_COLORS] = {"#8d9498", "#0d62a6", "#f07e46", "#174532", "#b695dc", "#806211"};

static int color_of(const struct series *series)
{
    return (series->color % SVG_COLORS + SVG_COLORS) % SVG_COLORS;
}

/* ---- text ---- */

/* Relative to the font size; a little more than common fonts need. */
static double character_width(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    if (g_unichar_iswide(c))
        return 1.05;
    if (c < 128 && strchr("iljtfr.,:;|!'()[] ", (char)c))
        return 0.36;
    if (c < 128 && strchr("mwMW@%", (char)c))
        return 0.92;
    return g_unichar_isupper(c) ? 0.7 : 0.58;
}

double svg_text_width(const char *text, double size)
{
    double width = 0;
    for (const char *c = text; *c; c = g_utf8_next_char(c))
        width += character_width(g_utf8_get_char(c));
    return width * size;
}

/* How many bytes fit before an ellipsis; all if none is needed. */
static size_t fitting_size(const char *text, const struct svg_text *style)
{
    if (style->fit <= 0 || svg_text_width(text, style->size) <= style->fit)
        return strlen(text);
    double width = style->size; /* the ellipsis */
    const char *c = text;
    for (; *c; c = g_utf8_next_char(c)) {
        width += character_width(g_utf8_get_char(c)) * style->size;
        if (width > style->fit)
            break;
    }
    return (size_t)(c - text);
}

void svg_put_text(FILE *out, struct svg_text style, const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    size_t size = fitting_size(text, &style);
    markup(out, "<text x=\"%f\" y=\"%f\" font-size=\"%f\" class=\"%s%s\" fill=\"%s\"", style.x, style.y, style.size,
           style.muted ? "muted" : "ink", style.halo ? " halo" : "", style.muted ? "#5b6570" : "#1c2126");
    fputs(style.halo ? " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"" : "", out);
    fprintf(out, "%s%s>", anchors[style.anchor], style.bold ? " font-weight=\"600\"" : "");
    if (text[size])
        markup(out, "<title>%s</title>", text);
    markup_range(out, text, 0, size);
    fputs(text[size] ? "\xE2\x80\xA6</text>\n" : "</text>\n", out);
}

void svg_value(const struct report_chart *chart, double value, char out[NUMBER_SIZE])
{
    number_format(value, chart->decimals, false, NUMBER_TYPESET, out);
}

void svg_tick(const struct scale *scale, int tick, char out[NUMBER_SIZE])
{
    number_format(scale_tick(scale, tick), scale->decimals, false, NUMBER_TYPESET, out);
}

void svg_put_value_title(const struct svg_plot *plot, struct svg_text style)
{
    char title[256];
    const char *name = plot->chart->value_title, *unit = plot->chart->unit;
    snprintf(title, sizeof title, *name && *unit ? "%s (%s)" : "%s%s", name, unit);
    if (*title)
        svg_put_text(plot->out, style, title);
}

void svg_put_hint(const struct report_chart *chart, const struct series *series, size_t category, FILE *out)
{
    char value[NUMBER_SIZE], low[NUMBER_SIZE], high[NUMBER_SIZE];
    bool there = !isnan(series->values[category]);
    svg_value(chart, series->values[category], value);
    svg_value(chart, series->low[category], low);
    svg_value(chart, series->high[category], high);
    markup(out, "<title>%s, %s: %s", series->name, chart->categories[category].name, there ? value : "missing");
    if (there && *chart->unit)
        markup(out, " %s", chart->unit);
    if (there && !isnan(series->low[category]))
        markup(out, " [%s, %s]", low, high);
    fputs("</title>", out);
}

/* ---- shapes ---- */

void svg_put_line(FILE *out, enum svg_line line, double x1, double y1, double x2, double y2)
{
    static const char *const classes[] = {"grid", "axis", "range"}, *const strokes[] = {"#e3e6ea", "#5b6570", "#1c2126"};
    markup(out, "<line x1=\"%f\" y1=\"%f\" x2=\"%f\" y2=\"%f\" class=\"%s\" stroke=\"%s\"/>\n", x1, y1, x2, y2, classes[line],
           strokes[line]);
}

void svg_put_fill(FILE *out, const struct series *series)
{
    int c = color_of(series);
    if (series->paper)
        markup(out, " class=\"f%d k%d\" fill=\"%s\" fill-opacity=\"0.18\" stroke=\"%s\"", c, c, colors[c], colors[c]);
    else
        markup(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}

void svg_put_stroke(FILE *out, const struct series *series)
{
    int c = color_of(series);
    markup(out, " class=\"k%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"", c, colors[c]);
    fputs(series->paper ? " stroke-dasharray=\"5 4\"" : "", out);
}

/* The corners of a marker around the origin: circle, square, triangle, diamond, triangle upside down, bar. */
static const char *const markers[SVG_COLORS] = {"M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0z",
                                                "M-3.5-3.5h7v7h-7z",
                                                "M0-4.5L4.5 3.5H-4.5z",
                                                "M0-5L5 0L0 5L-5 0z",
                                                "M0 4.5L4.5-3.5H-4.5z",
                                                "M-5-2h10v4h-10z"};

void svg_put_marker(FILE *out, const struct series *series, double x, double y)
{
    int c = color_of(series);
    markup(out, "<path transform=\"translate(%f %f)\" d=\"%s\"", x, y, markers[c]);
    if (series->paper)
        markup(out, " class=\"hollow k%d\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"1.5\"", c, colors[c]);
    else
        markup(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}

/* ---- legend ---- */

static void put_key(const struct report_chart *chart, const struct series *s, double x, double y, FILE *out)
{
    if (chart->kind == REPORT_BARS) {
        markup(out, "<rect x=\"%f\" y=\"%f\" width=\"13\" height=\"10\" rx=\"1.5\"", x + 3.5, y - 9.5);
        svg_put_fill(out, s);
    } else {
        markup(out, "<path d=\"M%f %fh20\"", x - 3, y - 4);
        svg_put_stroke(out, s);
        fputs("/>\n", out);
        svg_put_marker(out, s, x + SWATCH / 2, y - 4);
    }
    fputs("/>\n", out);
    svg_put_text(out, (struct svg_text){.x = x + SWATCH + KEY_GAP, .y = y, .size = KEY_SIZE, .fit = KEY_TEXT}, s->name);
}

/* Draws the legend from `top` on, unless `out` is NULL; returns its height. */
static double put_legend(const struct report_chart *chart, double top, FILE *out)
{
    double x = SVG_MARGIN, y = top + KEY_SIZE;
    for (size_t i = 0; i < chart->series_count; i++) {
        const struct series *s = &chart->series[i];
        double width = SWATCH + KEY_GAP + fmin(svg_text_width(s->name, KEY_SIZE), KEY_TEXT);
        if (x > SVG_MARGIN && x + width > SVG_WIDTH - SVG_MARGIN) {
            x = SVG_MARGIN;
            y += KEY_LINE;
        }
        if (out)
            put_key(chart, s, x, y, out);
        x += width + 20;
    }
    return chart->series_count > 0 ? y - top + 14 : 0;
}

/* ---- the whole ---- */

static bool has_values(const struct report_chart *chart)
{
    for (size_t i = 0; i < chart->series_count; i++)
        for (size_t k = 0; k < chart->category_count; k++)
            if (!isnan(chart->series[i].values[k]))
                return true;
    return false;
}

/* In a page the drawing has no margin, to align with the text, and no title, which is above it. */
static void put_root(const struct report_chart *chart, double height, bool inlined, FILE *out)
{
    double cut = inlined ? SVG_MARGIN - 1 : 0, width = SVG_WIDTH - 2 * cut;
    const struct block *b = &chart->block;
    fputs(inlined ? "" : "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
    markup(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"%s-svg-title\" ", b->name);
    markup(out, "width=\"%f\" height=\"%f\" viewBox=\"%f %f %f %f\" font-family=\"" FONT "\">\n", width, height - cut, cut, cut,
           width, height - cut);
    markup(out, "<title id=\"%s-svg-title\">%s</title>\n", b->name, *b->title ? b->title : b->name);
    if (*b->caption)
        markup(out, "<desc>%s</desc>\n", b->caption);
    fputs(inlined ? "" : "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", out);
}

void render_svg(const struct report_chart *chart, bool inlined, FILE *out)
{
    bool bars = chart->kind == REPORT_BARS, titled = !inlined && *chart->block.title, drawn = has_values(chart);
    double top = SVG_MARGIN + (titled ? 32 : 0), legend = put_legend(chart, top, NULL);
    double body = !drawn ? 60 : bars ? svg_bars_height(chart) : svg_lines_height(chart);
    struct svg_text title = {
        .x = SVG_MARGIN, .y = SVG_MARGIN + TITLE_SIZE, .size = TITLE_SIZE, .bold = true, .fit = SVG_WIDTH - 2 * SVG_MARGIN};
    struct svg_text none = {.x = SVG_WIDTH / 2, .y = top + legend + 36, .size = 13, .anchor = SVG_MIDDLE, .muted = true};
    struct svg_plot plot = {.chart = chart, .out = out, .scale = scale_of(chart, 5), .top = top + legend};
    put_root(chart, top + legend + body + SVG_MARGIN / 2, inlined, out);
    if (titled)
        svg_put_text(out, title, chart->block.title);
    put_legend(chart, top, out);
    if (!drawn)
        svg_put_text(out, none, "no values");
    else if (bars)
        svg_put_bars(&plot);
    else
        svg_put_lines(&plot);
    fputs("</svg>\n", out);
}
