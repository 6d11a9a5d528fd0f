/* Planes of floats: smoothing, and the three border rules. */
#include "lab/corrupt/corrupt_parts.h"

#include <stdlib.h>
#include <string.h>

int border_nearest(int64_t place, int size)
{
    return place < 0 ? 0 : place < size ? (int)place : size - 1;
}

int border_reflect(int64_t place, int size)
{
    if (place >= 0 && place < size)
        return (int)place;
    int64_t period = 2 * (int64_t)size;
    place %= period;
    place = place < 0 ? place + period : place;
    return (int)(place < size ? place : period - 1 - place);
}

int border_reflect_101(int64_t place, int size)
{
    if (place >= 0 && place < size)
        return (int)place;
    if (size == 1)
        return 0;
    int64_t period = 2 * (int64_t)size - 2;
    place = (place < 0 ? -place : place) % period;
    return (int)(place < size ? place : period - place);
}

bool plane_init(struct plane *plane, int width, int height)
{
    *plane = (struct plane){width, height, calloc((size_t)width * (size_t)height, sizeof *plane->values)};
    return plane->values != NULL;
}

void plane_finish(struct plane *plane)
{
    free(plane->values);
    plane->values = NULL;
}

/* ---- filters, the same along both axes ---- */

struct filter {
    const double *weights; /* from the center to `radius` on one side */
    int radius;
};

/* values[i] += weight * (a[i] + b[i]) */
static void add_pair(float *values, const float *a, const float *b, float weight, int count)
{
    for (int i = 0; i < count; i++)
        values[i] += weight * (a[i] + b[i]);
}

/* In place; `padded` has room for a row and the radius on either side. */
static void filter_rows(struct plane *p, const struct filter *filter, border_function *border, float *padded)
{
    int radius = filter->radius;
    for (int y = 0; y < p->height; y++) {
        float *row = p->values + (size_t)y * p->width;
        for (int i = 0; i < p->width + 2 * radius; i++)
            padded[i] = row[border((int64_t)i - radius, p->width)];
        for (int x = 0; x < p->width; x++)
            row[x] = (float)filter->weights[0] * padded[radius + x];
        for (int t = 1; t <= radius; t++)
            add_pair(row, padded + radius - t, padded + radius + t, (float)filter->weights[t], p->width);
    }
}

static void filter_columns(const struct plane *p, const struct filter *filter, border_function *border, float *out)
{
    for (int y = 0; y < p->height; y++, out += p->width) {
        const float *row = p->values + (size_t)y * p->width;
        for (int x = 0; x < p->width; x++)
            out[x] = (float)filter->weights[0] * row[x];
        for (int t = 1; t <= filter->radius; t++)
            add_pair(out, p->values + (size_t)border((int64_t)y - t, p->height) * p->width,
                     p->values + (size_t)border((int64_t)y + t, p->height) * p->width, (float)filter->weights[t], p->width);
    }
}

static bool filter_plane(struct plane *p, const struct filter *along_x, const struct filter *along_y, border_function *border)
{
    float *padded = calloc((size_t)p->width + 2 * (size_t)along_x->radius, sizeof *padded);
    float *out = calloc(plane_size(p), sizeof *out);
    bool ready = padded && out;
    if (ready) {
        filter_columns(p, along_y, border, out);
        free(p->values);
        p->values = out;
        filter_rows(p, along_x, border, padded);
    } else {
        free(out);
    }
    free(padded);
    return ready;
}

bool plane_smooth(struct plane *plane, double sigma_x, double sigma_y, double truncate, border_function *border)
{
    struct filter along_x, along_y;
    double *x = gaussian_weights(sigma_x, truncate, &along_x.radius), *y = gaussian_weights(sigma_y, truncate, &along_y.radius);
    along_x.weights = x;
    along_y.weights = y;
    bool ready = x && y && filter_plane(plane, &along_x, &along_y, border);
    free(x);
    free(y);
    return ready;
}

bool plane_box_mean(struct plane *plane, int radius)
{
    double *ones = calloc((size_t)radius + 1, sizeof *ones), count = (2. * radius + 1) * (2. * radius + 1);
    for (int i = 0; ones && i <= radius; i++)
        ones[i] = 1;
    struct filter filter = {ones, radius};
    bool ready = ones && filter_plane(plane, &filter, &filter, border_reflect_101);
    for (size_t i = 0; ready && i < plane_size(plane); i++)
        plane->values[i] = (float)(plane->values[i] / count);
    free(ones);
    return ready;
}
