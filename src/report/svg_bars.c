/* Groups of bars, lying down: the names of many categories can then be read, and on a narrow screen too. */
#include "report/scale.h"
#include "report/svg.h"

#include <math.h>
#include <string.h>

#define NAME_SIZE   12.0
#define LABEL_SIZE  10.5
#define MOST_NAME   220.0 /* of the names' column */
#define GROUP_LINE  26.0  /* a heading's height */
#define BAR_GAP     1.5
#define AXIS_HEIGHT 48.0 /* ticks and title */

struct layout {
    const struct report_chart *chart;
    FILE *out;
    struct scale scale;
    double left, right; /* of the plot */
    double bar, gap;    /* a bar's height, and between categories */
};

static bool begins_group(const struct report_chart *chart, size_t category)
{
    const char *group = chart->categories[category].group;
    return category == 0 ? *group : strcmp(chart->categories[category - 1].group, group) != 0;
}

static double bar_height(const struct report_chart *chart)
{
    return chart->series_count <= 1 ? 17 : chart->series_count == 2 ? 13 : 11;
}

static double category_height(const struct report_chart *chart)
{
    double count = (double)chart->series_count;
    return count * bar_height(chart) + (count - 1) * BAR_GAP + (chart->series_count <= 1 ? 8 : 12);
}

static double rows_height(const struct report_chart *chart)
{
    double height = (double)chart->category_count * category_height(chart);
    for (size_t i = 0; i < chart->category_count; i++)
        height += begins_group(chart, i) ? GROUP_LINE : 0;
    return height;
}

double svg_bars_height(const struct report_chart *chart)
{
    return rows_height(chart) + AXIS_HEIGHT;
}

static double x_of(const struct layout *l, double value)
{
    return l->left + scale_at(&l->scale, value) * (l->right - l->left);
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
            room = fmax(room, svg_text_width(digits, LABEL_SIZE) + 6);
        }
    return room;
}

static struct layout lay_out(const struct report_chart *chart, FILE *out)
{
    double names = 0;
    for (size_t i = 0; i < chart->category_count; i++)
        names = fmax(names, svg_text_width(chart->categories[i].name, NAME_SIZE));
    struct layout l = {.chart = chart, .out = out, .scale = scale_of(chart, 5), .bar = bar_height(chart)};
    l.left = SVG_MARGIN + fmin(names, MOST_NAME) + 10 + label_room(chart, -1);
    l.right = SVG_WIDTH - SVG_MARGIN - fmax(label_room(chart, 1), 12);
    l.gap = category_height(chart) - (double)chart->series_count * (l.bar + BAR_GAP) + BAR_GAP;
    return l;
}

static void put_axis(const struct layout *l, double top, double bottom)
{
    char digits[NUMBER_SIZE], title[256];
    for (int i = 0; i < l->scale.ticks; i++) {
        double value = scale_tick(&l->scale, i), x = x_of(l, value);
        svg_put_line(l->out, x, top, x, bottom, false);
        number_format(value, l->scale.decimals, false, NUMBER_TYPESET, digits);
        struct svg_text style = {.x = x, .y = bottom + 15, .size = 11, .anchor = SVG_MIDDLE, .muted = true};
        svg_put_text(l->out, &style, digits);
    }
    svg_value_title(l->chart, title, sizeof title);
    struct svg_text style = {.x = (l->left + l->right) / 2,
                             .y = bottom + 34,
                             .size = 12,
                             .anchor = SVG_MIDDLE,
                             .muted = true,
                             .fit = l->right - l->left};
    svg_put_text(l->out, &style, title);
}

static void put_label(const struct layout *l, double value, double x, double y)
{
    char digits[NUMBER_SIZE];
    svg_value(l->chart, value, digits);
    struct svg_text style = {.x = value < 0 ? x - 4 : x + 4,
                             .y = y + l->bar / 2 + LABEL_SIZE * 0.36,
                             .size = LABEL_SIZE,
                             .anchor = value < 0 ? SVG_END : SVG_START};
    style.muted = isnan(value);
    svg_put_text(l->out, &style, isnan(value) ? "\xE2\x80\x93" : digits);
}

/* A rectangle from zero to `x`, its attributes still open. */
static void begin_bar(const struct layout *l, double x, double y, double inset)
{
    double zero = x_of(l, 0);
    fputs("<rect", l->out);
    svg_attribute(l->out, "x", fmin(zero, x) + inset);
    svg_attribute(l->out, "y", y + inset);
    svg_attribute(l->out, "width", fmax(fabs(x - zero) - 2 * inset, 0));
    svg_attribute(l->out, "height", l->bar - 2 * inset);
}

static void put_bar(const struct layout *l, const struct series *s, size_t category, double y)
{
    double value = s->values[category], x = isnan(value) ? x_of(l, 0) : x_of(l, value);
    if (!isnan(value)) {
        if (s->paper) { /* it is hollow; the grid does not show through */
            begin_bar(l, x, y, 0);
            fputs(" class=\"ground\" fill=\"#ffffff\"/>\n", l->out);
        }
        begin_bar(l, x, y, s->paper ? 0.5 : 0); /* a line is drawn on its edge */
        svg_put_fill(l->out, s);
        putc('>', l->out);
        svg_put_hint(l->chart, s, category, l->out);
        fputs("</rect>\n", l->out);
    }
    put_label(l, value, x, y);
}

static void put_category(const struct layout *l, size_t category, double y)
{
    const struct report_chart *chart = l->chart;
    double bars = category_height(chart) - l->gap;
    struct svg_text style = {.x = SVG_MARGIN, .y = y + bars / 2 + NAME_SIZE * 0.36, .size = NAME_SIZE, .fit = MOST_NAME};
    svg_put_text(l->out, &style, chart->categories[category].name);
    for (size_t i = 0; i < chart->series_count; i++)
        put_bar(l, &chart->series[i], category, y + (double)i * (l->bar + BAR_GAP));
}

void svg_put_bars(const struct report_chart *chart, double top, FILE *out)
{
    struct layout l = lay_out(chart, out);
    double bottom = top + rows_height(chart), y = top;
    put_axis(&l, top, bottom);
    for (size_t i = 0; i < chart->category_count; i++) {
        if (begins_group(chart, i)) {
            struct svg_text style = {.x = SVG_MARGIN, .y = y + 15, .size = NAME_SIZE, .bold = true, .fit = MOST_NAME};
            if (i > 0)
                svg_put_line(out, SVG_MARGIN, y, l.right, y, false);
            svg_put_text(out, &style, chart->categories[i].group);
            y += GROUP_LINE;
        }
        put_category(&l, i, y + l.gap / 2);
        y += category_height(chart);
    }
    svg_put_line(out, x_of(&l, 0), top, x_of(&l, 0), bottom, true);
}
