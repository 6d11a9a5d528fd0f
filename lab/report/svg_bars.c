/* Groups of horizontal bars: there is room for the names of many categories, even on narrow screens. */
#include "lab/report/svg.h"

#include <math.h>
#include <string.h>

#define NAME_SIZE   12.0
#define MOST_NAME   220.0 /* widest column of names */
#define GROUP_LINE  26.0  /* a heading's height */
#define BAR_GAP     1.5
#define AXIS_HEIGHT 48.0 /* ticks and title */

static bool begins_group(const struct report_chart *chart, size_t category)
{
    const char *group = chart->categories[category].group;
    return category == 0 ? *group : strcmp(chart->categories[category - 1].group, group) != 0;
}

static double bar_height(const struct report_chart *chart)
{
    return chart->series_count <= 1 ? 17 : chart->series_count == 2 ? 13 : 11;
}

/* The height of a category's bars, without the gap to the next category. */
static double bars_height(const struct report_chart *chart)
{
    return (double)chart->series_count * (bar_height(chart) + BAR_GAP) - BAR_GAP;
}

static double gap_height(const struct report_chart *chart)
{
    return chart->series_count <= 1 ? 8 : 12;
}

double svg_bars_height(const struct report_chart *chart)
{
    double height = AXIS_HEIGHT;
    for (size_t i = 0; i < chart->category_count; i++)
        height += bars_height(chart) + gap_height(chart) + (begins_group(chart, i) ? GROUP_LINE : 0);
    return height;
}

static double x_of(const struct svg_plot *p, double value)
{
    return p->left + scale_at(&p->scale, value) * (p->right - p->left);
}

/* Where a value's label begins: beyond the bar and its interval. */
static double label_value(const struct series *s, size_t category)
{
    double value = s->values[category];
    return value < 0 ? fmin(value, s->low[category]) : fmax(value, s->high[category]); /* NaN is neither */
}

/* The widest label of negative (-1) or other (1) values. */
static double label_room(const struct report_chart *chart, int sign)
{
    char digits[NUMBER_SIZE];
    double room = 0;
    for (size_t i = 0; i < chart->series_count; i++)
        for (size_t k = 0; k < chart->category_count; k++) {
            double value = chart->series[i].values[k];
            if (isnan(value) || (value < 0) != (sign < 0))
                continue;
            svg_value(chart, value, digits);
            room = fmax(room, svg_text_width(digits, SVG_LABEL) + 6);
        }
    return room;
}

static void put_axis(const struct svg_plot *p)
{
    char digits[NUMBER_SIZE];
    for (int i = 0; i < p->scale.ticks; i++) {
        double x = x_of(p, scale_tick(&p->scale, i));
        svg_put_line(p->out, SVG_GRID, x, p->top, x, p->bottom);
        svg_tick(&p->scale, i, digits);
        svg_put_text(p->out, (struct svg_text){.x = x, .y = p->bottom + 15, .size = 11, .anchor = SVG_MIDDLE, .muted = true},
                     digits);
    }
    svg_put_value_title(p, (struct svg_text){.x = (p->left + p->right) / 2,
                                             .y = p->bottom + 34,
                                             .size = 12,
                                             .anchor = SVG_MIDDLE,
                                             .muted = true,
                                             .fit = p->right - p->left});
}

static void put_bar(const struct svg_plot *p, const struct series *s, size_t category, double y)
{
    char digits[NUMBER_SIZE];
    double value = s->values[category], zero = x_of(p, 0), x = isnan(value) ? zero : x_of(p, value),
           height = bar_height(p->chart);
    double left = fmin(zero, x), width = fabs(x - zero), inset = s->paper ? 0.5 : 0; /* a line is centered on its edge */
    if (s->paper && !isnan(value)) /* it is hollow, and the grid must not show through */
        markup(p->out, "<rect x=\"%f\" y=\"%f\" width=\"%f\" height=\"%f\" class=\"ground\" fill=\"#ffffff\"/>\n", left, y,
               width, height);
    if (!isnan(value)) {
        markup(p->out, "<rect x=\"%f\" y=\"%f\" width=\"%f\" height=\"%f\"", left + inset, y + inset,
               fmax(width - 2 * inset, 0), height - 2 * inset);
        svg_put_fill(p->out, s);
        putc('>', p->out);
        svg_put_hint(p->chart, s, category, p->out);
        fputs("</rect>\n", p->out);
        if (!isnan(s->low[category]))
            svg_put_line(p->out, SVG_RANGE, x_of(p, s->low[category]), y + height / 2, x_of(p, s->high[category]),
                         y + height / 2);
    }
    svg_value(p->chart, value, digits);
    struct svg_text style = {.x = isnan(value) ? x + 4 : x_of(p, label_value(s, category)) + (value < 0 ? -4 : 4),
                             .y = y + height / 2 + SVG_LABEL * 0.36,
                             .size = SVG_LABEL,
                             .anchor = value < 0 ? SVG_END : SVG_START,
                             .muted = isnan(value)};
    svg_put_text(p->out, style, isnan(value) ? "\xE2\x80\x93" : digits);
}

static void put_category(const struct svg_plot *p, size_t category, double y)
{
    const struct report_chart *chart = p->chart;
    double middle = y + bars_height(chart) / 2;
    svg_put_text(p->out,
                 (struct svg_text){.x = SVG_MARGIN, .y = middle + NAME_SIZE * 0.36, .size = NAME_SIZE, .fit = MOST_NAME},
                 chart->categories[category].name);
    for (size_t i = 0; i < chart->series_count; i++)
        put_bar(p, &chart->series[i], category, y + (double)i * (bar_height(chart) + BAR_GAP));
}

void svg_put_bars(struct svg_plot *p)
{
    const struct report_chart *chart = p->chart;
    double names = 0, y = p->top;
    for (size_t i = 0; i < chart->category_count; i++)
        names = fmax(names, svg_text_width(chart->categories[i].name, NAME_SIZE));
    p->left = SVG_MARGIN + fmin(names, MOST_NAME) + 10 + label_room(chart, -1);
    p->right = SVG_WIDTH - SVG_MARGIN - fmax(label_room(chart, 1), 12);
    p->bottom = p->top + svg_bars_height(chart) - AXIS_HEIGHT;
    put_axis(p);
    for (size_t i = 0; i < chart->category_count; i++) {
        if (begins_group(chart, i)) {
            if (i > 0)
                svg_put_line(p->out, SVG_GRID, SVG_MARGIN, y, p->right, y);
            svg_put_text(p->out,
                         (struct svg_text){.x = SVG_MARGIN, .y = y + 15, .size = NAME_SIZE, .bold = true, .fit = MOST_NAME},
                         chart->categories[i].group);
            y += GROUP_LINE;
        }
        put_category(p, i, y + gap_height(chart) / 2);
        y += bars_height(chart) + gap_height(chart);
    }
    svg_put_line(p->out, SVG_AXIS, x_of(p, 0), p->top, x_of(p, 0), p->bottom);
}
