/* A line a series over categories at equal distances. Where these stand close together, as the steps of a curve, only values
 * that no line reaches have a marker, and categories may be without a name. */
#include "report/scale.h"
#include "report/svg.h"

#include <math.h>
#include <string.h>

#define PLOT_HEIGHT 280.0
#define LABEL_SIZE  10.5
#define NAME_SIZE   12.0
#define AXIS_HEIGHT 50.0 /* categories' names and title */
#define VALUE_TITLE 30.0 /* above the plot */
#define MAX_LABELS  32   /* at one category */
#define NAME_ROOM   24.0 /* a category that is wider has its name, cut where it is longer */
#define MARKER_ROOM 8.0  /* one that is narrower has no marker on a line */

struct layout {
    const struct report_chart *chart;
    FILE *out;
    struct scale scale;
    double left, right, top, bottom; /* of the plot */
};

double svg_lines_height(const struct report_chart *chart)
{
    return PLOT_HEIGHT + AXIS_HEIGHT + (*chart->value_title || *chart->unit ? VALUE_TITLE : 0);
}

static double slot_width(const struct layout *l)
{
    return (l->right - l->left) / (double)l->chart->category_count;
}

static double x_of(const struct layout *l, size_t category)
{
    return l->left + ((double)category + 0.5) * slot_width(l);
}

static double y_of(const struct layout *l, double value)
{
    return l->bottom - scale_at(&l->scale, value) * (l->bottom - l->top);
}

/* ---- axes ---- */

static double tick_room(const struct scale *scale)
{
    char digits[NUMBER_SIZE];
    double room = 0;
    for (int i = 0; i < scale->ticks; i++) {
        number_format(scale_tick(scale, i), scale->decimals, false, NUMBER_TYPESET, digits);
        room = fmax(room, svg_text_width(digits, 11));
    }
    return room;
}

static void put_value_axis(const struct layout *l)
{
    char digits[NUMBER_SIZE], title[256];
    for (int i = 0; i < l->scale.ticks; i++) {
        double value = scale_tick(&l->scale, i), y = y_of(l, value);
        svg_put_line(l->out, l->left, y, l->right, y, i == 0);
        number_format(value, l->scale.decimals, false, NUMBER_TYPESET, digits);
        struct svg_text style = {.x = l->left - 8, .y = y + 4, .size = 11, .anchor = SVG_END, .muted = true};
        svg_put_text(l->out, &style, digits);
    }
    svg_value_title(l->chart, title, sizeof title);
    struct svg_text style = {.x = SVG_MARGIN, .y = l->top - 14, .size = 12, .muted = true, .fit = SVG_WIDTH - 2 * SVG_MARGIN};
    if (*title)
        svg_put_text(l->out, &style, title);
}

/* From one written name to the next, in categories: where there are too many for the width, some are left out. */
static size_t name_distance(const struct layout *l)
{
    double slot = slot_width(l), widest = 0;
    if (slot >= NAME_ROOM)
        return 1;
    for (size_t i = 0; i < l->chart->category_count; i++)
        widest = fmax(widest, svg_text_width(l->chart->categories[i].name, NAME_SIZE));
    return (size_t)ceil(fmax(NAME_ROOM, widest + 10) / slot);
}

static void put_categories(const struct layout *l)
{
    double slot = slot_width(l);
    size_t distance = name_distance(l), next = 0;
    for (size_t i = 0; i < l->chart->category_count; i++) {
        if (i < next || !*l->chart->categories[i].name)
            continue;
        struct svg_text style = {
            .x = x_of(l, i), .y = l->bottom + 18, .size = NAME_SIZE, .anchor = SVG_MIDDLE, .fit = slot * (double)distance - 4};
        svg_put_text(l->out, &style, l->chart->categories[i].name);
        next = i + distance;
    }
    struct svg_text style = {.x = (l->left + l->right) / 2,
                             .y = l->bottom + 38,
                             .size = 12,
                             .anchor = SVG_MIDDLE,
                             .muted = true,
                             .fit = l->right - l->left};
    svg_put_text(l->out, &style, l->chart->category_title);
}

/* ---- series ---- */

/* A missing value leaves a gap. */
static void put_series_line(const struct layout *l, const struct series *s)
{
    bool drawing = false;
    fputs("<path d=\"", l->out);
    for (size_t i = 0; i < l->chart->category_count; i++) {
        if (isnan(s->values[i])) {
            drawing = false;
            continue;
        }
        putc(drawing ? 'L' : 'M', l->out);
        svg_length(l->out, x_of(l, i));
        putc(' ', l->out);
        svg_length(l->out, y_of(l, s->values[i]));
        drawing = true;
    }
    putc('"', l->out);
    svg_put_stroke(l->out, s);
    fputs("/>\n", l->out);
}

/* Whether the value is missing, or a line goes through it that shows it well enough. */
static bool has_no_marker(const struct layout *l, const struct series *s, size_t i)
{
    bool before = i > 0 && !isnan(s->values[i - 1]), after = i + 1 < l->chart->category_count && !isnan(s->values[i + 1]);
    return isnan(s->values[i]) || (slot_width(l) < MARKER_ROOM && (before || after));
}

static void put_series(const struct layout *l, const struct series *s)
{
    size_t values = 0;
    for (size_t i = 0; i < l->chart->category_count; i++)
        values += !isnan(s->values[i]);
    if (values > 0)
        put_series_line(l, s);
    for (size_t i = 0; i < l->chart->category_count; i++) {
        if (has_no_marker(l, s, i))
            continue;
        svg_put_marker(l->out, s, x_of(l, i), y_of(l, s->values[i]));
        putc('>', l->out);
        svg_put_hint(l->chart, s, i, l->out);
        fputs("</path>\n", l->out);
    }
}

/* ---- labels ---- */

/* What is taken at one category, so that labels stand clear of markers and each other. */
struct taken {
    double top[2 * MAX_LABELS], bottom[2 * MAX_LABELS];
    size_t count;
};

static bool is_free(const struct taken *t, double top, double bottom)
{
    for (size_t i = 0; i < t->count; i++)
        if (top < t->bottom[i] && bottom > t->top[i])
            return false;
    return true;
}

static void take(struct taken *t, double top, double bottom)
{
    if (t->count == 2 * MAX_LABELS)
        return;
    t->top[t->count] = top;
    t->bottom[t->count++] = bottom;
}

/* Above its point, else below, else nowhere: the table beside it has the number. */
static void put_label(const struct layout *l, double value, double x, struct taken *taken)
{
    char digits[NUMBER_SIZE];
    double y = y_of(l, value), above = y - 8, below = y + 8 + LABEL_SIZE * 0.75;
    bool fits_above = is_free(taken, above - LABEL_SIZE * 0.8, above);
    bool fits_below = below < l->bottom - 2 && is_free(taken, below - LABEL_SIZE * 0.8, below);
    if (!fits_above && !fits_below)
        return;
    double base = fits_above ? above : below;
    svg_value(l->chart, value, digits);
    struct svg_text style = {.x = x, .y = base, .size = LABEL_SIZE, .anchor = SVG_MIDDLE, .halo = true};
    svg_put_text(l->out, &style, digits);
    take(taken, base - LABEL_SIZE * 0.8, base);
}

/* From the highest value to the lowest, which has the most room below. */
static void put_labels_at(const struct layout *l, size_t category)
{
    const struct report_chart *chart = l->chart;
    struct taken taken = {.count = 0};
    double last = INFINITY;
    for (size_t i = 0; i < chart->series_count && i < MAX_LABELS; i++)
        if (!isnan(chart->series[i].values[category])) {
            double y = y_of(l, chart->series[i].values[category]);
            take(&taken, y - 5, y + 5);
        }
    for (size_t rank = 0; rank < chart->series_count && rank < MAX_LABELS; rank++) {
        double next = -INFINITY;
        for (size_t i = 0; i < chart->series_count; i++) {
            double value = chart->series[i].values[category];
            next = value < last && value > next ? value : next;
        }
        if (isinf(next))
            return;
        put_label(l, next, x_of(l, category), &taken);
        last = next;
    }
}

void svg_put_lines(const struct report_chart *chart, double top, FILE *out)
{
    struct layout l = {.chart = chart, .out = out, .scale = scale_of(chart, 5)};
    char digits[NUMBER_SIZE];
    l.left = SVG_MARGIN + tick_room(&l.scale) + 8;
    l.right = SVG_WIDTH - SVG_MARGIN;
    l.top = top + (*chart->value_title || *chart->unit ? VALUE_TITLE : 0);
    l.bottom = l.top + PLOT_HEIGHT;
    put_value_axis(&l);
    put_categories(&l);
    for (size_t i = 0; i < chart->series_count; i++)
        put_series(&l, &chart->series[i]);
    svg_value(chart, l.scale.high, digits);
    bool room = svg_text_width(digits, LABEL_SIZE) + 6 < slot_width(&l);
    for (size_t i = 0; room && i < chart->category_count; i++)
        put_labels_at(&l, i);
}
