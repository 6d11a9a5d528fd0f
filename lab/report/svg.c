#include "lab/report/svg.h"

#include <glib.h>
#include <string.h>

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
static size_t fitting_size(const char *text, double size, double fit)
{
    double width = size; /* the ellipsis */
    const char *c = text;
    if (fit <= 0 || svg_text_width(text, size) <= fit)
        return strlen(text);
    while (*c && (width += character_width(g_utf8_get_char(c)) * size) <= fit)
        c = g_utf8_next_char(c);
    return (size_t)(c - text);
}

void svg_text(FILE *out, double x, double y, double size, enum svg_anchor anchor, int look, double fit, const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    size_t shown = fitting_size(text, size, fit);
    markup(out, "<text x=\"%f\" y=\"%f\" font-size=\"%f\" class=\"%s%s\" fill=\"%s\"", x, y, size,
           look & SVG_MUTED ? "muted" : "ink", look & SVG_HALO ? " halo" : "", look & SVG_MUTED ? "#5b6570" : "#1c2126");
    fprintf(out, "%s%s%s>",
            look & SVG_HALO ? " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"" : "",
            anchors[anchor], look & SVG_BOLD ? " font-weight=\"600\"" : "");
    if (text[shown])
        markup(out, "<title>%s</title>", text);
    markup_range(out, text, 0, shown);
    fputs(text[shown] ? "\xE2\x80\xA6</text>\n" : "</text>\n", out);
}

/* ---- shapes ---- */

void svg_line(FILE *out, enum svg_line line, double x1, double y1, double x2, double y2)
{
    static const char *const classes[] = {"grid", "axis", "range"}, *const strokes[] = {"#e3e6ea", "#5b6570", "#1c2126"};
    markup(out, "<line x1=\"%f\" y1=\"%f\" x2=\"%f\" y2=\"%f\" class=\"%s\" stroke=\"%s\"/>\n", x1, y1, x2, y2, classes[line],
           strokes[line]);
}

void svg_fill(FILE *out, const struct series *series)
{
    int c = color_of(series);
    if (series->paper)
        markup(out, " class=\"f%d k%d\" fill=\"%s\" fill-opacity=\"0.18\" stroke=\"%s\"", c, c, colors[c], colors[c]);
    else
        markup(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}

void svg_stroke(FILE *out, const struct series *series)
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

void svg_marker(FILE *out, const struct series *series, double x, double y)
{
    int c = color_of(series);
    markup(out, "<path transform=\"translate(%f %f)\" d=\"%s\"", x, y, markers[c]);
    if (series->paper)
        markup(out, " class=\"hollow k%d\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"1.5\"", c, colors[c]);
    else
        markup(out, " class=\"f%d\" fill=\"%s\"", c, colors[c]);
}
