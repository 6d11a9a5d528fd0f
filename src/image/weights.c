#include "image/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the filters, each with the half-width of its support -------------------------------------------------------------- */

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double sinc(double x)
{
    x *= M_PI;
    return x == 0 ? 1 : sin(x) / x;
}

static double hamming(double x)
{
    x = fabs(x);
    return x < 1 ? sinc(x) * (0.54f + 0.46f * cos(x * M_PI)) : 0; /* Pillow's constants are in single precision */
}

/* Keys' cubic convolution with a = -1/2, https://ieeexplore.ieee.org/document/1163711 */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct filter {
    double (*value)(double x);
    double support;
} filters[] = {
    [FILTER_LANCZOS] = {lanczos, 3}, [FILTER_BILINEAR] = {triangle, 1}, [FILTER_BICUBIC] = {bicubic, 2},
    [FILTER_BOX] = {box, 0.5},       [FILTER_HAMMING] = {hamming, 1},
};

/* ---- weights --------------------------------------------------------------------------------------------------------- */

/* The scaling of an axis: an output depends on the inputs within `support` of its center. */
struct scaling {
    const struct filter *filter;
    int in_size;
    double scale, filter_scale, support;
};

static struct scaling scaling_of(int in_size, int out_size, enum image_filter filter)
{
    struct scaling s = {.filter = &filters[filter], .in_size = in_size};
    s.scale = (double)(float)in_size / out_size; /* Pillow's box is in single precision */
    s.filter_scale = s.scale < 1 ? 1 : s.scale;
    s.support = s.filter->support * s.filter_scale;
    return s;
}

static double center_of(const struct scaling *s, int output)
{
    return (output + 0.5) * s->scale;
}

static void range_of(const struct scaling *s, int output, int *first, int *taps)
{
    double center = center_of(s, output), begin = center - s->support + 0.5, end = center + s->support + 0.5;
    int last = end < s->in_size ? (int)end : s->in_size;
    *first = begin <= 0 ? 0 : begin < last ? (int)begin : last;
    *taps = last - *first;
}

static int32_t to_fixed(double weight)
{
    double scaled = weight * (1 << WEIGHT_BITS);
    return (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* The weights of one output; `exact` is scratch space for them before rounding. */
static void fill(const struct scaling *s, int output, int first, int taps, double *exact, int32_t *weights)
{
    double center = center_of(s, output), shrink = 1 / s->filter_scale, sum = 0;
    for (int t = 0; t < taps; t++) {
        exact[t] = s->filter->value((t + first - center + 0.5) * shrink);
        sum += exact[t];
    }
    for (int t = 0; t < taps; t++)
        weights[t] = to_fixed(sum != 0 ? exact[t] / sum : exact[t]);
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int32_t sum_of(const int32_t *weights, int count)
{
    int32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += weights[i];
    return sum;
}

/* Keeps the weights of output `i`, limited to the image; those cut off go into outside[i]. An odd one is followed by a 0. */
static void keep(struct weights *w, int i, const struct axis *axis, const int32_t *weights)
{
    int first = clamp(w->first[i] - axis->begin, 0, axis->count), end = clamp(weights_end(w, i) - axis->begin, 0, axis->count);
    int cut = end > first ? first + axis->begin - w->first[i] : 0;
    const int32_t *kept = weights + cut;
    w->total[i] = sum_of(weights, w->taps[i]);
    w->first[i] = first;
    w->taps[i] = end > first ? end - first : 0;
    w->outside[i] = w->total[i] - sum_of(kept, w->taps[i]);
    for (int t = 0; t < w->taps[i]; t += 2)
        w->pairs[i * w->stride + t / 2] = weight_pair(kept[t], t + 1 < w->taps[i] ? kept[t + 1] : 0);
}

static lmvr_status set_ranges(struct weights *w, const struct scaling *scaling, int begin, lmvr_error *error)
{
    w->first = calloc(w->count, sizeof *w->first);
    w->taps = calloc(w->count, sizeof *w->taps);
    w->outside = calloc(w->count, sizeof *w->outside);
    w->total = calloc(w->count, sizeof *w->total);
    if (!w->first || !w->taps || !w->outside || !w->total)
        return error_no_memory(error, "resizing an image");
    w->most_taps = 1;
    for (int i = 0; i < w->count; i++) {
        range_of(scaling, begin + i, &w->first[i], &w->taps[i]);
        w->most_taps = w->taps[i] > w->most_taps ? w->taps[i] : w->most_taps;
    }
    w->stride = ((size_t)w->most_taps + 1) / 2;
    return LMVR_OK;
}

lmvr_status weights_init(struct weights *w, const struct axis *axis, int out_size, enum image_filter filter, int begin,
                         int count, lmvr_error *error)
{
    struct scaling scaling = scaling_of(axis->size, out_size, filter);
    *w = (struct weights){.count = count};
    TRY(set_ranges(w, &scaling, begin, error));
    double *exact = calloc((size_t)w->most_taps + 1, sizeof *exact);
    int32_t *weights = calloc((size_t)w->most_taps + 1, sizeof *weights);
    w->pairs = w->stride > SIZE_MAX / sizeof *w->pairs / count ? NULL : calloc(w->stride * count + 1, sizeof *w->pairs);
    bool ready = exact && weights && w->pairs;
    for (int i = 0; ready && i < count; i++) {
        fill(&scaling, begin + i, w->first[i], w->taps[i], exact, weights);
        keep(w, i, axis, weights);
    }
    free(exact);
    free(weights);
    return ready ? LMVR_OK : error_no_memory(error, "resizing an image");
}

void weights_finish(struct weights *w)
{
    free(w->first);
    free(w->taps);
    free(w->outside);
    free(w->total);
    free(w->pairs);
    *w = (struct weights){0};
}

int weights_end(const struct weights *w, int i)
{
    return w->first[i] + w->taps[i];
}
