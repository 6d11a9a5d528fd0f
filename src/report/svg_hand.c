#include "report/svg.h"

#include "report/escape.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* Those of the page (html_style.c), which says how they were chosen. */
static const char *const colors[SVG_COLORS] = {"#8d9498", "#0d62a6", "#f07e46", "#174532", "#b695dc", "#806211"};

static int color_of(const struct series *series)
{
    int color = series->color % SVG_COLORS;
    return color < 0 ? color + SVG_COLORS : color;
}

void svg_length(FILE *out, double length)
{
    char digits[NUMBER_SIZE];
    number_format(length, 1, false, NUMBER_PLAIN, digits);
    size_t size = strlen(digits);
    if (size > 2 && strcmp(digits + size - 2, ".0") == 0)
        digits[size - 2] = '\0';
    fputs(digits, out);
}

void svg_attribute(FILE *out, const char *name, double length)
{
    fprintf(out, " %s=\"", name);
    svg_length(out, length);
    putc('"', out);
}

/* ---- text ---- */

/* In parts of the font's size; a little more than the usual fonts need. */
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

/* The bytes that fit beside an ellipsis; all of them where it needs none. */
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

void svg_put_text(FILE *out, const struct svg_text *style, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    size_t size = fitting_size(text, style);
    fputs("<text", out);
    svg_attribute(out, "x", style->x);
    svg_attribute(out, "y", style->y);
    svg_attribute(out, "font-size", style->size);
    fprintf(out, " class=\"%s%s\" fill=\"%s\"", style->muted ? "muted" : "ink", style->halo ? " halo" : "",
            style->muted ? "#5b6570" : "#1c2126");
    if (style->halo)
        fputs(" stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"", out);
    if (style->anchor != SVG_START)
        fprintf(out, " text-anchor=\"%s\"", anchors[style->anchor]);
    fputs(style->bold ? " font-weight=\"600\">" : ">", out);
    if (text[size]) {
        fputs("<title>", out);
        put_escaped(out, text);
        fputs("</title>", out);
    }
    put_escaped_range(out, text, 0, size);
    fputs(text[size] ? "\xE2\x80\xA6</text>\n" : "</text>\n", out);
}

void svg_value(const struct report_chart *chart, double value, char out[NUMBER_SIZE])
{
    number_format(value, chart->decimals, false, NUMBER_TYPESET, out);
}

void svg_value_title(const struct report_chart *chart, char *title, size_t size)
{
    snprintf(title, size, *chart->value_title && *chart->unit ? "%s (%s)" : "%s%s", chart->value_title, chart->unit);
}

void svg_put_hint(const struct report_chart *chart, const struct series *series, size_t category, FILE *out)
{
    char digits[NUMBER_SIZE];
    svg_value(chart, series->values[category], digits);
    fputs("<title>", out);
    put_escaped(out, series->name);
    fputs(", ", out);
    put_escaped(out, chart->categories[category].name);
    fprintf(out, ": %s", isnan(series->values[category]) ? "missing" : digits);
    if (!isnan(series->values[category]) && *chart->unit) {
        putc(' ', out);
        put_escaped(out, chart->unit);
    }
    fputs("</title>", out);
}

/* ---- shapes ---- */

void svg_put_line(FILE *out, double x1, double y1, double x2, double y2, bool axis)
{
    fputs("<line", out);
    svg_attribute(out, "x1", x1);
    svg_attribute(out, "y1", y1);
    svg_attribute(out, "x2", x2);
    svg_attribute(out, "y2", y2);
    fprintf(out, " class=\"%s\" stroke=\"%s\"/>\n", axis ? "axis" : "grid", axis ? "#5b6570" : "#e3e6ea");
}

void svg_put_fill(FILE *out, const struct series *series)
{
    int c = color_of(series);
    if (series->paper)
        fprintf(out, " class=\"f%d k%d\" fill=\"%s\" fill-opacity=\"0.18\" stroke=\"%s\"", c, c, colors[c], colors[c]);
    else
        fprintf(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}

void svg_put_stroke(FILE *out, const struct series *series)
{
    int c = color_of(series);
    fprintf(out, " class=\"k%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"%s", c, colors[c],
            series->paper ? " stroke-dasharray=\"5 4\"" : "");
}

/* The corners of a marker around the origin: square, triangle, diamond, triangle upside down, bar. Color 0 is a circle. */
static const char *const markers[SVG_COLORS] = {
    NULL, "M-3.5-3.5h7v7h-7z", "M0-4.5L4.5 3.5H-4.5z", "M0-5L5 0L0 5L-5 0z", "M0 4.5L4.5-3.5H-4.5z", "M-5-2h10v4h-10z"};

void svg_put_marker(FILE *out, const struct series *series, double x, double y)
{
    int c = color_of(series);
    fputs("<path transform=\"translate(", out);
    svg_length(out, x);
    putc(' ', out);
    svg_length(out, y);
    fprintf(out, ")\" d=\"%s\"", markers[c] ? markers[c] : "M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0z");
    if (series->paper)
        fprintf(out, " class=\"hollow k%d\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"1.5\"", c, colors[c]);
    else
        fprintf(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}
