#include "lab/figure/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOP_PERCENTILE 0.99
#define LEAST_OF_PEAK  0.1       /* the last color's weight is at least this fraction of the peak */
#define MOST_OPAQUE    0.75f     /* of the heat at its maximum */
#define RISE           0.7f      /* exponent of the opacity: below 1, so that little heat is visible */
#define COLOR_KEPT     0.45f     /* of the image's saturation, under the heat */
#define WORTH_THREADS  (1 << 19) /* pixels */
#define PALE           0.6f      /* opacity of the white over what the model did not see */

struct heat heat_resized(const struct heat *heat, int from_width, int from_height, int to_width, int to_height)
{
    double across = (double)to_width / from_width, down = (double)to_height / from_height;
    struct heat resized = *heat;
    resized.view = (lmvr_view){heat->view.x * across, heat->view.y * down, heat->view.width * across, heat->view.height * down};
    return resized;
}

/* ---- the grid -------------------------------------------------------------------------------------------------------- */

static float weight_at(const struct heat *h, int row, int column)
{
    float weight = h->weights[(size_t)row * h->columns + column];
    return isfinite(weight) ? weight : 0;
}

/* The cell's center, in image pixels. */
static void center_of(const struct heat *h, int row, int column, double *x, double *y)
{
    *x = h->view.x + (column + 0.5) * h->view.width / h->columns;
    *y = h->view.y + (row + 0.5) * h->view.height / h->rows;
}

static bool shows(const struct heat *h, int row, int column, int width, int height)
{
    double x, y;
    center_of(h, row, column, &x, &y);
    return x >= 0 && x < width && y >= 0 && y < height;
}

static bool any_shows(const struct heat *h, int width, int height)
{
    for (int row = 0; row < h->rows; row++)
        for (int column = 0; column < h->columns; column++)
            if (shows(h, row, column, width, height))
                return true;
    return false;
}

struct heat_peak heat_peak(const struct heat *heat, int width, int height)
{
    struct heat_peak peak = {.weight = -1};
    bool all = !any_shows(heat, width, height);
    for (int row = 0; row < heat->rows; row++)
        for (int column = 0; column < heat->columns; column++) {
            float weight = weight_at(heat, row, column);
            if (weight > peak.weight && (all || shows(heat, row, column, width, height)))
                peak = (struct heat_peak){.row = row, .column = column, .weight = weight};
        }
    center_of(heat, peak.row, peak.column, &peak.x, &peak.y);
    return peak;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void heat_range(const struct heat *heat, int width, int height, float *low, float *high)
{
    size_t count = 0;
    bool all = !any_shows(heat, width, height);
    float *sorted = malloc((size_t)heat->rows * heat->columns * sizeof *sorted);
    struct heat_peak peak = heat_peak(heat, width, height);
    *low = 0;
    *high = peak.weight;
    if (!sorted)
        return;
    for (int row = 0; row < heat->rows; row++)
        for (int column = 0; column < heat->columns; column++)
            if (all || shows(heat, row, column, width, height))
                sorted[count++] = weight_at(heat, row, column);
    qsort(sorted, count, sizeof *sorted, compare_floats);
    double place = TOP_PERCENTILE * (double)(count - 1);
    size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;
    double top = sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
    *low = sorted[0];
    *high = (float)fmax(top, *low + LEAST_OF_PEAK * (peak.weight - *low));
    free(sorted);
}

/* ---- interpolation --------------------------------------------------------------------------------------------------- */

/* Slopes at `count` values, `stride` floats apart and 1 apart in position: the harmonic mean of both sides' slopes, 0 at the
 * ends and at extrema. */
static void monotone_slopes(const float *values, int count, size_t stride, float *slopes)
{
    for (int i = 0; i < count; i++) {
        slopes[i * stride] = 0;
        if (i == 0 || i == count - 1)
            continue;
        float before = values[i * stride] - values[(i - 1) * stride], after = values[(i + 1) * stride] - values[i * stride];
        if (before * after > 0)
            slopes[i * stride] = 2 * before * after / (before + after);
    }
}

/* The cubic through the values at position `at`, counted in values; constant beyond the ends. */
static float interpolate(const float *values, const float *slopes, int count, size_t stride, double at)
{
    if (at <= 0)
        return values[0];
    if (at >= count - 1)
        return values[(count - 1) * stride];
    size_t i = (size_t)at;
    float t = (float)(at - (double)i), s = 1 - t;
    const float *v = values + i * stride, *d = slopes + i * stride;
    float from = v[0], to = v[stride];
    float value = from * (1 + 2 * t) * s * s + to * (3 - 2 * t) * t * t + (d[0] * s - d[stride] * t) * t * s;
    return fminf(fmaxf(value, fminf(from, to)), fmaxf(from, to)); /* rounding alone could leave the range */
}

/* ---- painting -------------------------------------------------------------------------------------------------------- */

struct painting {
    const struct image *image;
    struct heat heat;
    float low, high;
    float *rows;   /* (heat.rows, image width): the grid interpolated along its rows */
    float *slopes; /* their vertical slopes */
    uint8_t colors[HEAT_COLORS][3];
    float opacity[HEAT_COLORS];
};

static bool is_inside(double at, double begin, double size)
{
    return at >= begin && at < begin + size;
}

static void widen_rows(struct painting *p, float *weights, float *slopes)
{
    const struct heat *h = &p->heat;
    int width = p->image->width;
    for (int row = 0; row < h->rows; row++) {
        for (int column = 0; column < h->columns;
             column++) /* clamped before interpolating, so that a cell above the range has soft edges */
            weights[column] = fminf(fmaxf(weight_at(h, row, column), p->low), p->high);
        monotone_slopes(weights, h->columns, 1, slopes);
        for (int x = 0; x < width; x++) {
            double at = (x + 0.5 - h->view.x) / h->view.width * h->columns - 0.5;
            p->rows[(size_t)row * width + x] = interpolate(weights, slopes, h->columns, 1, at);
        }
    }
    for (int x = 0; x < width; x++)
        monotone_slopes(p->rows + x, h->rows, (size_t)width, p->slopes + x);
}

static uint8_t mix(float from, float to, float part)
{
    return (uint8_t)(from + (to - from) * part + 0.5f);
}

/* `t` from 0, no heat, to 1. */
static void paint_pixel(const struct painting *p, const uint8_t *from, float t, uint8_t *to)
{
    float gray = 0.299f * from[0] + 0.587f * from[1] + 0.114f * from[2];
    int step = (int)(t * (HEAT_COLORS - 1) + 0.5f);
    for (int c = 0; c < 3; c++)
        to[c] = mix(gray + COLOR_KEPT * (from[c] - gray), p->colors[step][c], p->opacity[step]);
}

static void paint_row(const struct painting *p, int y, uint8_t *out)
{
    const struct heat *h = &p->heat;
    int width = p->image->width;
    double at = (y + 0.5 - h->view.y) / h->view.height * h->rows - 0.5;
    bool row_inside = is_inside(y + 0.5, h->view.y, h->view.height);
    const uint8_t *from = p->image->rgb + (size_t)y * width * 3;
    for (int x = 0; x < width; x++, from += 3, out += 3) {
        if (!row_inside || !is_inside(x + 0.5, h->view.x, h->view.width)) {
            for (int c = 0; c < 3; c++)
                out[c] = mix(from[c], 255, PALE);
            continue;
        }
        float value = interpolate(p->rows + x, p->slopes + x, h->rows, (size_t)width, at);
        bool differs = p->high > p->low;
        paint_pixel(p, from, differs ? fminf(fmaxf((value - p->low) / (p->high - p->low), 0), 1) : 0, out);
    }
}

static lmvr_status check(const struct heat *h, lmvr_error *error)
{
    bool sized = h->rows > 0 && h->columns > 0 && h->view.width > 0 && h->view.height > 0;
    if (sized && isfinite(h->view.x + h->view.y + h->view.width + h->view.height))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "a heat map of %d x %d cells over %g x %g pixels cannot be drawn", h->columns,
                     h->rows, h->view.width, h->view.height);
}

lmvr_status heat_overlay(const struct image *image, const struct heat *heat, struct image *out, lmvr_error *error)
{
    *out = (struct image){.width = image->width, .height = image->height};
    TRY(check(heat, error));
    size_t cells = (size_t)heat->rows * image->width;
    struct painting p = {.image = image, .heat = *heat};
    p.rows = calloc(2 * cells + 2 * (size_t)heat->columns, sizeof *p.rows);
    out->rgb = malloc((size_t)image->width * image->height * 3);
    if (!p.rows || !out->rgb) {
        free(p.rows);
        image_finish(out);
        return error_no_memory(error, "a heat map");
    }
    p.slopes = p.rows + cells;
    heat_colors(p.colors);
    for (int i = 0; i < HEAT_COLORS; i++)
        p.opacity[i] = MOST_OPAQUE * powf((float)i / (HEAT_COLORS - 1), RISE);
    heat_range(heat, image->width, image->height, &p.low, &p.high);
    widen_rows(&p, p.slopes + cells, p.slopes + cells + heat->columns);
#pragma omp parallel for schedule(static) if (image->width * (int64_t)image->height > WORTH_THREADS)
    for (int y = 0; y < image->height; y++)
        paint_row(&p, y, out->rgb + (size_t)y * image->width * 3);
    free(p.rows);
    return LMVR_OK;
}
