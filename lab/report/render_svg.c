/* Charts: groups of horizontal bars, which leave room for the names of many categories, even on narrow screens; or a line per
 * series over equally spaced categories. Both have one value axis, ticks, labels and intervals, the one lying, the other
 * upright. */
#include "lab/report/number.h"
#include "lab/report/render.h"
#include "lab/report/svg.h"

#include <math.h>
#include <string.h>

#define FONT        "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
#define WIDTH       600.0
#define MARGIN      20.0
#define INSIDE      (WIDTH - 2 * MARGIN)
#define NAME_SIZE   12.0 /* font sizes */
#define LABEL_SIZE  10.5
#define TICK_SIZE   11.0
#define TITLE_SIZE  15.0
#define KEY_LINE    20.0  /* the legend's lines */
#define KEY_BEGIN   24.0  /* where a key's text begins */
#define MOST_NAME   220.0 /* bars: the widest column of names */
#define GROUP_LINE  26.0  /* bars: a heading's height */
#define BAR_GAP     1.5
#define BARS_AXIS   48.0  /* ticks and title */
#define LINES_PLOT  280.0 /* the plot's height */
#define LINES_AXIS  50.0  /* categories' names and title */
#define LINES_TITLE 30.0  /* the value title above the plot */
#define NAME_ROOM   24.0  /* lines: a wider category has its name, cut if necessary */
#define MARKER_ROOM 8.0   /* lines: a narrower category has no markers */
#define MOST_LABELS 32    /* lines: at one category */
#define NO_VALUES   60.0  /* the height of a chart without any */

struct plot {
    const struct report_chart *chart;
    FILE *out;
    double low, high, step; /* the value axis: round ends, and ticks between them */
    int ticks, decimals;
    double left, right, top, bottom;
};

static bool is_bars(const struct report_chart *chart)
{
    return chart->kind == REPORT_BARS;
}

/* ---- the value axis ---- */

/* The smallest and largest values; false: there are none. */
static bool find_range(const struct report_chart *chart, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < chart->series_count; i++)
        for (size_t k = 0; k < chart->category_count; k++) {
            const struct series *s = &chart->series[i];
            if (isnan(s->values[k]))
                continue;
            *low = fmin(*low, fmin(s->values[k], s->low[k])); /* ignores NaN */
            *high = fmax(*high, fmax(s->values[k], s->high[k]));
        }
    return *low <= *high;
}

/* The next of 1, 2, 5, 10, ... times a power of ten, at least `least`. */
static double round_step(double least, int *decimals)
{
    double exponent = floor(log10(least)), power = pow(10, exponent);
    double step = least <= power * 1.0001 ? 1 : least <= 2.0001 * power ? 2 : least <= 5.0001 * power ? 5 : 10;
    exponent += step >= 10 ? 1 : 0;
    *decimals = exponent < 0 ? (int)-exponent : 0;
    return step * power;
}

/* Covers low to high, and zero if there are bars, in about 5 steps. */
static void set_scale(struct plot *p, double low, double high)
{
    if (is_bars(p->chart)) {
        low = fmin(low, 0);
        high = fmax(high, 0);
    }
    /* values that are (nearly) all the same are centered */
    double size = fmax(fabs(low), fabs(high)), least = size > 0 ? size * 1e-6 : 1;
    if (high - low < least) {
        low -= is_bars(p->chart) ? 0 : least;
        high += least;
    }
    p->step = round_step((high - low) / 5, &p->decimals);
    p->low = floor(low / p->step + 1e-9) * p->step;
    p->high = ceil(high / p->step - 1e-9) * p->step;
    p->ticks = (int)lround((p->high - p->low) / p->step) + 1;
}

/* Where the value is, x of bars or y of lines. */
static double at(const struct plot *p, double value)
{
    double share = (value - p->low) / (p->high - p->low);
    return is_bars(p->chart) ? p->left + share * (p->right - p->left) : p->bottom - share * (p->bottom - p->top);
}

static void print_tick(const struct plot *p, int tick, char out[NUMBER_SIZE])
{
    number_format(p->low + tick * p->step, p->decimals, false, NUMBER_TYPESET, out);
}

static void print_value(const struct report_chart *chart, double value, char out[NUMBER_SIZE])
{
    number_format(value, chart->decimals, false, NUMBER_TYPESET, out);
}

static void put_value_axis(const struct plot *p)
{
    char digits[NUMBER_SIZE], title[256];
    bool bars = is_bars(p->chart);
    const char *name = p->chart->value_title, *unit = p->chart->unit;
    for (int i = 0; i < p->ticks; i++) {
        double place = at(p, p->low + i * p->step);
        print_tick(p, i, digits);
        if (bars)
            svg_line(p->out, SVG_GRID, place, p->top, place, p->bottom);
        else
            svg_line(p->out, i == 0 ? SVG_AXIS : SVG_GRID, p->left, place, p->right, place);
        svg_text(p->out, bars ? place : p->left - 8, bars ? p->bottom + 15 : place + 4, TICK_SIZE, bars ? SVG_MIDDLE : SVG_END,
                 SVG_MUTED, 0, digits);
    }
    snprintf(title, sizeof title, *name && *unit ? "%s (%s)" : "%s%s", name, unit);
    if (*title && bars)
        svg_text(p->out, (p->left + p->right) / 2, p->bottom + 34, NAME_SIZE, SVG_MIDDLE, SVG_MUTED, p->right - p->left, title);
    else if (*title)
        svg_text(p->out, MARGIN, p->top - 14, NAME_SIZE, SVG_START, SVG_MUTED, INSIDE, title);
}

/* <title>, which viewers show as a tooltip: "series, category: 12.3 %". */
static void put_hint(const struct plot *p, const struct series *s, size_t category)
{
    char value[NUMBER_SIZE], low[NUMBER_SIZE], high[NUMBER_SIZE];
    print_value(p->chart, s->values[category], value);
    print_value(p->chart, s->low[category], low);
    print_value(p->chart, s->high[category], high);
    markup(p->out, "<title>%s, %s: %s", s->name, p->chart->categories[category].name, value);
    if (*p->chart->unit)
        markup(p->out, " %s", p->chart->unit);
    if (!isnan(s->low[category]))
        markup(p->out, " [%s, %s]", low, high);
    fputs("</title>", p->out);
}

/* ---- bars ---- */

static bool begins_group(const struct report_chart *chart, size_t category)
{
    const char *group = chart->categories[category].group;
    return category == 0 ? *group : strcmp(chart->categories[category - 1].group, group) != 0;
}

static double bar_height(const struct report_chart *chart)
{
    return chart->series_count <= 1 ? 17 : chart->series_count == 2 ? 13 : 11;
}

/* The height of a category's bars, and of the gap between it and the next. */
static double bars_height(const struct report_chart *chart, double *gap)
{
    *gap = chart->series_count <= 1 ? 8 : 12;
    return (double)chart->series_count * (bar_height(chart) + BAR_GAP) - BAR_GAP;
}

static double all_bars_height(const struct report_chart *chart)
{
    double gap, bars = bars_height(chart, &gap), height = 0;
    for (size_t i = 0; i < chart->category_count; i++)
        height += bars + gap + (begins_group(chart, i) ? GROUP_LINE : 0);
    return height;
}

/* The widest label of negative or other values. */
static double label_room(const struct report_chart *chart, bool negative)
{
    char digits[NUMBER_SIZE];
    double room = 0;
    for (size_t i = 0; i < chart->series_count * chart->category_count; i++) {
        double value = chart->series[i / chart->category_count].values[i % chart->category_count];
        if (isnan(value) || (value < 0) != negative)
            continue;
        print_value(chart, value, digits);
        room = fmax(room, svg_text_width(digits, LABEL_SIZE) + 6);
    }
    return room;
}

static void put_rectangle(const struct plot *p, double x, double y, double width, double height)
{
    markup(p->out, "<rect x=\"%f\" y=\"%f\" width=\"%f\" height=\"%f\"", x, y, width, height);
}

static void put_bar(const struct plot *p, const struct series *s, size_t category, double y)
{
    char digits[NUMBER_SIZE];
    double value = s->values[category], low = s->low[category], high = s->high[category], height = bar_height(p->chart);
    double zero = at(p, 0), middle = y + height / 2, base = middle + LABEL_SIZE * 0.36;
    if (isnan(value)) {
        svg_text(p->out, zero + 4, base, LABEL_SIZE, SVG_START, SVG_MUTED, 0, "\xE2\x80\x93");
        return;
    }
    double x = at(p, value), left = fmin(zero, x), width = fabs(x - zero);
    double inset = s->paper ? 0.5 : 0; /* a line is centered on its edge */
    if (s->paper) {                    /* it is hollow, and the grid must not show through */
        put_rectangle(p, left, y, width, height);
        fputs(" class=\"ground\" fill=\"#ffffff\"/>\n", p->out);
    }
    put_rectangle(p, left + inset, y + inset, fmax(width - 2 * inset, 0), height - 2 * inset);
    svg_fill(p->out, s);
    putc('>', p->out);
    put_hint(p, s, category);
    fputs("</rect>\n", p->out);
    if (!isnan(low))
        svg_line(p->out, SVG_RANGE, at(p, low), middle, at(p, high), middle);
    print_value(p->chart, value, digits);
    double beyond = at(p, value < 0 ? fmin(value, low) : fmax(value, high)); /* NaN is neither */
    svg_text(p->out, beyond + (value < 0 ? -4 : 4), base, LABEL_SIZE, value < 0 ? SVG_END : SVG_START, SVG_INK, 0, digits);
}

static void put_bars(struct plot *p)
{
    const struct report_chart *chart = p->chart;
    double names = 0, y = p->top, gap, bars = bars_height(chart, &gap);
    for (size_t i = 0; i < chart->category_count; i++)
        names = fmax(names, svg_text_width(chart->categories[i].name, NAME_SIZE));
    p->left = MARGIN + fmin(names, MOST_NAME) + 10 + label_room(chart, true);
    p->right = WIDTH - MARGIN - fmax(label_room(chart, false), 12);
    p->bottom = p->top + all_bars_height(chart);
    put_value_axis(p);
    for (size_t i = 0; i < chart->category_count; i++, y += bars + gap) {
        if (begins_group(chart, i)) {
            if (i > 0)
                svg_line(p->out, SVG_GRID, MARGIN, y, p->right, y);
            svg_text(p->out, MARGIN, y + 15, NAME_SIZE, SVG_START, SVG_BOLD, MOST_NAME, chart->categories[i].group);
            y += GROUP_LINE;
        }
        double first = y + gap / 2;
        svg_text(p->out, MARGIN, first + bars / 2 + NAME_SIZE * 0.36, NAME_SIZE, SVG_START, SVG_INK, MOST_NAME,
                 chart->categories[i].name);
        for (size_t k = 0; k < chart->series_count; k++)
            put_bar(p, &chart->series[k], i, first + (double)k * (bar_height(chart) + BAR_GAP));
    }
    svg_line(p->out, SVG_AXIS, at(p, 0), p->top, at(p, 0), p->bottom);
}

/* ---- lines ---- */

static double slot_width(const struct plot *p)
{
    return (p->right - p->left) / (double)p->chart->category_count;
}

static double x_of(const struct plot *p, size_t category)
{
    return p->left + ((double)category + 0.5) * slot_width(p);
}

/* If the categories' names do not all fit, some are skipped. */
static void put_categories(const struct plot *p)
{
    double slot = slot_width(p), widest = 0;
    for (size_t i = 0; i < p->chart->category_count; i++)
        widest = fmax(widest, svg_text_width(p->chart->categories[i].name, NAME_SIZE));
    size_t distance = slot >= NAME_ROOM ? 1 : (size_t)ceil(fmax(NAME_ROOM, widest + 10) / slot), next = 0;
    for (size_t i = 0; i < p->chart->category_count; i++) {
        if (i < next || !*p->chart->categories[i].name)
            continue;
        svg_text(p->out, x_of(p, i), p->bottom + 18, NAME_SIZE, SVG_MIDDLE, SVG_INK, slot * (double)distance - 4,
                 p->chart->categories[i].name);
        next = i + distance;
    }
    svg_text(p->out, (p->left + p->right) / 2, p->bottom + 38, NAME_SIZE, SVG_MIDDLE, SVG_MUTED, p->right - p->left,
             p->chart->category_title);
}

static bool is_there(const struct plot *p, const struct series *s, size_t category)
{
    return category < p->chart->category_count && !isnan(s->values[category]);
}

/* A missing value leaves a gap. Where categories are close together, such as training steps, only isolated values have a
 * marker. */
static void put_series(const struct plot *p, const struct series *s)
{
    bool crowded = slot_width(p) < MARKER_ROOM, any = false;
    for (size_t i = 0; i < p->chart->category_count; i++) {
        if (!is_there(p, s, i))
            continue;
        fputs(any ? "" : "<path d=\"", p->out);
        any = true;
        markup(p->out, "%s%f %f", i > 0 && is_there(p, s, i - 1) ? "L" : "M", x_of(p, i), at(p, s->values[i]));
    }
    if (!any)
        return;
    putc('"', p->out);
    svg_stroke(p->out, s);
    fputs("/>\n", p->out);
    for (size_t i = 0; i < p->chart->category_count; i++) {
        bool reached = (i > 0 && is_there(p, s, i - 1)) || is_there(p, s, i + 1);
        if (!is_there(p, s, i) || (crowded && reached))
            continue;
        if (!isnan(s->low[i]))
            svg_line(p->out, SVG_RANGE, x_of(p, i), at(p, s->low[i]), x_of(p, i), at(p, s->high[i]));
        svg_marker(p->out, s, x_of(p, i), at(p, s->values[i]));
        putc('>', p->out);
        put_hint(p, s, i);
        fputs("</path>\n", p->out);
    }
}

/* The heights taken at one category, so that labels avoid markers and each other. */
struct taken {
    double top[2 * MOST_LABELS], bottom[2 * MOST_LABELS];
    size_t count;
};

static bool take(struct taken *t, double top, double bottom, bool only_free)
{
    for (size_t i = 0; i < t->count && only_free; i++)
        if (top < t->bottom[i] && bottom > t->top[i])
            return false;
    t->top[t->count] = top;
    t->bottom[t->count++] = bottom;
    return true;
}

/* Labels each value above its point, else below, else not at all: the table has the number. From the highest value to the
 * lowest, which has the most space below. */
static void put_labels_at(const struct plot *p, size_t category)
{
    const struct report_chart *chart = p->chart;
    struct taken taken = {.count = 0};
    size_t count = chart->series_count < MOST_LABELS ? chart->series_count : MOST_LABELS;
    for (size_t i = 0; i < count; i++)
        if (is_there(p, &chart->series[i], category)) {
            double y = at(p, chart->series[i].values[category]);
            take(&taken, y - 5, y + 5, false);
        }
    double last = INFINITY;
    for (size_t rank = 0; rank < count; rank++) {
        char digits[NUMBER_SIZE];
        double next = -INFINITY, height = LABEL_SIZE * 0.8;
        for (size_t i = 0; i < chart->series_count; i++) {
            double value = chart->series[i].values[category];
            next = value < last && value > next ? value : next;
        }
        if (isinf(next))
            return;
        double base = at(p, next) - 8, below = base + 16 + LABEL_SIZE * 0.75;
        bool above = take(&taken, base - height, base, true);
        base = above ? base : below;
        last = next;
        if (!above && !(below < p->bottom - 2 && take(&taken, below - height, below, true)))
            continue;
        print_value(chart, next, digits);
        svg_text(p->out, x_of(p, category), base, LABEL_SIZE, SVG_MIDDLE, SVG_HALO, 0, digits);
    }
}

static double lines_title(const struct report_chart *chart)
{
    return *chart->value_title || *chart->unit ? LINES_TITLE : 0;
}

static void put_lines(struct plot *p)
{
    char digits[NUMBER_SIZE];
    double room = 0;
    for (int i = 0; i < p->ticks; i++) {
        print_tick(p, i, digits);
        room = fmax(room, svg_text_width(digits, TICK_SIZE));
    }
    p->left = MARGIN + room + 8;
    p->right = WIDTH - MARGIN;
    p->top += lines_title(p->chart);
    p->bottom = p->top + LINES_PLOT;
    put_value_axis(p);
    put_categories(p);
    for (size_t i = 0; i < p->chart->series_count; i++)
        put_series(p, &p->chart->series[i]);
    print_value(p->chart, p->high, digits);
    for (size_t i = 0; i < p->chart->category_count && svg_text_width(digits, LABEL_SIZE) + 6 < slot_width(p); i++)
        put_labels_at(p, i);
}

/* ---- legend ---- */

static void put_key(const struct report_chart *chart, const struct series *s, double x, double y, FILE *out)
{
    if (is_bars(chart)) {
        markup(out, "<rect x=\"%f\" y=\"%f\" width=\"13\" height=\"10\" rx=\"1.5\"", x + 3.5, y - 9.5);
        svg_fill(out, s);
    } else {
        markup(out, "<path d=\"M%f %fh20\"", x - 3, y - 4);
        svg_stroke(out, s);
        fputs("/>\n", out);
        svg_marker(out, s, x + 7, y - 4);
    }
    fputs("/>\n", out);
    svg_text(out, x + KEY_BEGIN, y, NAME_SIZE, SVG_START, SVG_INK, INSIDE - KEY_BEGIN, s->name);
}

/* Draws the legend from `top` on, unless `out` is NULL; returns its height. */
static double put_legend(const struct report_chart *chart, double top, FILE *out)
{
    double x = MARGIN, y = top + NAME_SIZE;
    for (size_t i = 0; i < chart->series_count; i++) {
        double width = fmin(KEY_BEGIN + svg_text_width(chart->series[i].name, NAME_SIZE), INSIDE);
        if (x > MARGIN && x + width > WIDTH - MARGIN) {
            x = MARGIN;
            y += KEY_LINE;
        }
        if (out)
            put_key(chart, &chart->series[i], x, y, out);
        x += width + 20;
    }
    return chart->series_count > 0 ? y - top + 14 : 0;
}

/* ---- the whole ---- */

/* In a page the drawing has no margin, to align with the text, and no title, which is above it. */
static void put_root(const struct report_chart *chart, double height, bool inlined, FILE *out)
{
    double cut = inlined ? MARGIN - 1 : 0, width = WIDTH - 2 * cut;
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
    double low, high, top = MARGIN + (!inlined && *chart->block.title ? 32 : 0), legend = put_legend(chart, top, NULL);
    bool drawn = find_range(chart, &low, &high);
    double body = is_bars(chart) ? all_bars_height(chart) + BARS_AXIS : lines_title(chart) + LINES_PLOT + LINES_AXIS;
    struct plot plot = {.chart = chart, .out = out, .top = top + legend};
    put_root(chart, top + legend + (drawn ? body : NO_VALUES) + MARGIN / 2, inlined, out);
    if (top > MARGIN)
        svg_text(out, MARGIN, MARGIN + TITLE_SIZE, TITLE_SIZE, SVG_START, SVG_BOLD, INSIDE, chart->block.title);
    put_legend(chart, top, out);
    if (!drawn) {
        svg_text(out, WIDTH / 2, top + legend + 36, 13, SVG_MIDDLE, SVG_MUTED, 0, "no values");
    } else {
        set_scale(&plot, low, high);
        (is_bars(chart) ? put_bars : put_lines)(&plot);
    }
    fputs("</svg>\n", out);
}
