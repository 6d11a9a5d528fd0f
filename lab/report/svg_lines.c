/* A line per series over equally spaced categories. Where categories are close together, such as training steps, only isolated
 * values have a marker, and not every category is named. */
#include "lab/report/svg.h"

#include <math.h>
#include <string.h>

#define PLOT_HEIGHT 280.0
#define NAME_SIZE   12.0
#define AXIS_HEIGHT 50.0 /* categories' names and title */
#define VALUE_TITLE 30.0 /* above the plot */
#define MAX_LABELS  32   /* at one category */
#define NAME_ROOM   24.0 /* a wider category has its name, cut if necessary */
#define MARKER_ROOM 8.0  /* a narrower category has no markers on lines */

static double title_height(const struct report_chart *chart)
{
    return *chart->value_title || *chart->unit ? VALUE_TITLE : 0;
}

double svg_lines_height(const struct report_chart *chart)
{
    return PLOT_HEIGHT + AXIS_HEIGHT + title_height(chart);
}

static double slot_width(const struct svg_plot *p)
{
    return (p->right - p->left) / (double)p->chart->category_count;
}

static double x_of(const struct svg_plot *p, size_t category)
{
    return p->left + ((double)category + 0.5) * slot_width(p);
}

static double y_of(const struct svg_plot *p, double value)
{
    return p->bottom - scale_at(&p->scale, value) * (p->bottom - p->top);
}

/* ---- axes ---- */

static void put_value_axis(const struct svg_plot *p)
{
    char digits[NUMBER_SIZE];
    for (int i = 0; i < p->scale.ticks; i++) {
        double y = y_of(p, scale_tick(&p->scale, i));
        svg_put_line(p->out, i == 0 ? SVG_AXIS : SVG_GRID, p->left, y, p->right, y);
        svg_tick(&p->scale, i, digits);
        svg_put_text(p->out, (struct svg_text){.x = p->left - 8, .y = y + 4, .size = 11, .anchor = SVG_END, .muted = true},
                     digits);
    }
    svg_put_value_title(
        p, (struct svg_text){.x = SVG_MARGIN, .y = p->top - 14, .size = 12, .muted = true, .fit = SVG_WIDTH - 2 * SVG_MARGIN});
}

/* The number of categories from one printed name to the next: if they do not all fit, some are skipped. */
static size_t name_distance(const struct svg_plot *p)
{
    double slot = slot_width(p), widest = 0;
    if (slot >= NAME_ROOM)
        return 1;
    for (size_t i = 0; i < p->chart->category_count; i++)
        widest = fmax(widest, svg_text_width(p->chart->categories[i].name, NAME_SIZE));
    return (size_t)ceil(fmax(NAME_ROOM, widest + 10) / slot);
}

static void put_categories(const struct svg_plot *p)
{
    size_t distance = name_distance(p), next = 0;
    struct svg_text style = {
        .y = p->bottom + 18, .size = NAME_SIZE, .anchor = SVG_MIDDLE, .fit = slot_width(p) * (double)distance - 4};
    struct svg_text title = {.x = (p->left + p->right) / 2,
                             .y = p->bottom + 38,
                             .size = 12,
                             .anchor = SVG_MIDDLE,
                             .muted = true,
                             .fit = p->right - p->left};
    for (size_t i = 0; i < p->chart->category_count; i++) {
        if (i < next || !*p->chart->categories[i].name)
            continue;
        style.x = x_of(p, i);
        svg_put_text(p->out, style, p->chart->categories[i].name);
        next = i + distance;
    }
    svg_put_text(p->out, title, p->chart->category_title);
}

/* ---- series ---- */

static bool is_there(const struct svg_plot *p, const struct series *s, size_t category)
{
    return category < p->chart->category_count && !isnan(s->values[category]);
}

/* A missing value leaves a gap. */
static void put_series(const struct svg_plot *p, const struct series *s)
{
    bool crowded = slot_width(p) < MARKER_ROOM, any = false;
    for (size_t i = 0; i < p->chart->category_count; i++) {
        if (!is_there(p, s, i))
            continue;
        fputs(any ? "" : "<path d=\"", p->out);
        any = true;
        markup(p->out, "%s%f %f", i > 0 && is_there(p, s, i - 1) ? "L" : "M", x_of(p, i), y_of(p, s->values[i]));
    }
    if (!any)
        return;
    putc('"', p->out);
    svg_put_stroke(p->out, s);
    fputs("/>\n", p->out);
    for (size_t i = 0; i < p->chart->category_count; i++) {
        bool reached = (i > 0 && is_there(p, s, i - 1)) || is_there(p, s, i + 1);
        if (!is_there(p, s, i) || (crowded && reached))
            continue;
        if (!isnan(s->low[i]))
            svg_put_line(p->out, SVG_RANGE, x_of(p, i), y_of(p, s->low[i]), x_of(p, i), y_of(p, s->high[i]));
        svg_put_marker(p->out, s, x_of(p, i), y_of(p, s->values[i]));
        putc('>', p->out);
        svg_put_hint(p->chart, s, i, p->out);
        fputs("</path>\n", p->out);
    }
}

/* ---- labels ---- */

/* The space taken at one category, so that labels avoid markers and each other. */
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

/* Above its point, else below, else not at all: the table has the number. */
static void put_label(const struct svg_plot *p, double value, double x, struct taken *taken)
{
    char digits[NUMBER_SIZE];
    double height = SVG_LABEL * 0.8, y = y_of(p, value), above = y - 8, below = y + 8 + SVG_LABEL * 0.75;
    bool fits_above = is_free(taken, above - height, above);
    double base = fits_above ? above : below;
    if (!fits_above && !(below < p->bottom - 2 && is_free(taken, below - height, below)))
        return;
    svg_value(p->chart, value, digits);
    svg_put_text(p->out, (struct svg_text){.x = x, .y = base, .size = SVG_LABEL, .anchor = SVG_MIDDLE, .halo = true}, digits);
    take(taken, base - height, base);
}

/* From the highest value to the lowest, which has the most space below. */
static void put_labels_at(const struct svg_plot *p, size_t category)
{
    const struct report_chart *chart = p->chart;
    struct taken taken = {.count = 0};
    double last = INFINITY;
    for (size_t i = 0; i < chart->series_count && i < MAX_LABELS; i++)
        if (is_there(p, &chart->series[i], category)) {
            double y = y_of(p, chart->series[i].values[category]);
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
        put_label(p, next, x_of(p, category), &taken);
        last = next;
    }
}

void svg_put_lines(struct svg_plot *p)
{
    char digits[NUMBER_SIZE];
    double room = 0;
    for (int i = 0; i < p->scale.ticks; i++) {
        svg_tick(&p->scale, i, digits);
        room = fmax(room, svg_text_width(digits, 11));
    }
    p->left = SVG_MARGIN + room + 8;
    p->right = SVG_WIDTH - SVG_MARGIN;
    p->top += title_height(p->chart);
    p->bottom = p->top + PLOT_HEIGHT;
    put_value_axis(p);
    put_categories(p);
    for (size_t i = 0; i < p->chart->series_count; i++)
        put_series(p, &p->chart->series[i]);
    svg_value(p->chart, p->scale.high, digits);
    for (size_t i = 0; i < p->chart->category_count && svg_text_width(digits, SVG_LABEL) + 6 < slot_width(p); i++)
        put_labels_at(p, i);
}
