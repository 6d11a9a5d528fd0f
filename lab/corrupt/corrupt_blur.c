/* Gaussian blur, glass blur, and zoom blur, with the zoom that snow uses too. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- skimage's gaussian() ---- */

double *gaussian_weights(double sigma, double truncate, int *radius)
{
    *radius = (int)(truncate * sigma + 0.5);
    double *weights = calloc((size_t)*radius + 1, sizeof *weights), total = 0;
    for (int i = 0; weights && i <= *radius; i++) {
        weights[i] = exp(-0.5 * i * i / (sigma * sigma));
        total += i ? 2 * weights[i] : weights[i];
    }
    for (int i = 0; weights && i <= *radius; i++)
        weights[i] /= total;
    return weights;
}

struct smoothing {
    const struct image *image;
    double *weights, *row; /* `row` has `radius` extra pixels at both ends */
    int radius;
};

static void smooth_columns(const struct smoothing *s, int y)
{
    size_t n = (size_t)s->image->width * 3;
    int last = s->image->height - 1;
    const uint8_t *rgb = s->image->rgb, *here = rgb + (size_t)y * n;
    double *row = s->row + 3 * (size_t)s->radius, weight = s->weights[0];
    for (size_t i = 0; i < n; i++)
        row[i] = weight * here[i];
    for (int t = s->radius; t > 0; t--) {
        const uint8_t *above = rgb + (size_t)clamp_int(y - t, 0, last) * n,
                      *below = rgb + (size_t)clamp_int(y + t, 0, last) * n;
        weight = s->weights[t];
        for (size_t i = 0; i < n; i++)
            row[i] += weight * (above[i] + below[i]);
    }
}

static void smooth_row(const struct smoothing *s, double *sums, uint8_t *out)
{
    size_t n = (size_t)s->image->width * 3, pad = 3 * (size_t)s->radius;
    const double *row = s->row + pad;
    for (size_t i = 0; i < pad; i++) {
        s->row[i] = row[i % 3];
        s->row[pad + n + i] = row[n - 3 + i % 3];
    }
    for (size_t i = 0; i < n; i++)
        sums[i] = s->weights[0] * row[i];
    for (int t = s->radius; t > 0; t--) {
        const double *left = row - 3 * (ptrdiff_t)t, *right = row + 3 * (ptrdiff_t)t, weight = s->weights[t];
        for (size_t i = 0; i < n; i++)
            sums[i] += weight * (left[i] + right[i]);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = byte_of_unit(sums[i] / 255);
}

lmvr_status gaussian_bytes(const struct image *image, double sigma, uint8_t *out, lmvr_error *error)
{
    struct smoothing s = {.image = image, .weights = gaussian_weights(sigma, 4, &s.radius)};
    size_t n = (size_t)image->width * 3;
    double *sums = malloc(n * sizeof *sums);
    s.row = calloc(n + 6 * (size_t)s.radius, sizeof *s.row);
    bool ready = s.weights && s.row && sums;
    for (int y = 0; ready && y < image->height; y++) {
        smooth_columns(&s, y);
        smooth_row(&s, sums, out + (size_t)y * n);
    }
    free(s.weights);
    free(s.row);
    free(sums);
    return ready ? LMVR_OK : error_no_memory(error, "smoothing an image");
}

lmvr_status corrupt_gaussian_blur(struct corrupting *work, lmvr_error *error)
{
    static const double sigmas[] = {1, 2, 3, 4, 6};
    struct image *image = work->image, out = {image->width, image->height, malloc(image_bytes(image))};
    if (!out.rgb)
        return error_no_memory(error, "gaussian blur");
    lmvr_status status = gaussian_bytes(image, sigmas[work->level] * work->scale, out.rgb, error);
    if (status == LMVR_OK) {
        image_finish(image);
        *image = out;
    } else {
        image_finish(&out);
    }
    return status;
}

/* ---- glass blur ---- */

/* From the last pixel to the first, replaces each one's color by that of another within `delta`. The authors' code looks like a
 * swap, but both sides of its assignment are views of one array, so the other pixel keeps its color. */
static void scatter(struct random *random, int width, int height, int delta, uint8_t *rgb)
{
    for (int y = height - delta; y > delta; y--)
        for (int x = width - delta; x > delta; x--) {
            uint64_t bits = random_next(random);
            int dx = random_below((uint32_t)bits, 2 * delta) - delta;
            int dy = random_below((uint32_t)(bits >> 32), 2 * delta) - delta;
            memcpy(rgb + 3 * ((size_t)y * width + x), rgb + 3 * ((size_t)(y + dy) * width + (x + dx)), 3);
        }
}

lmvr_status corrupt_glass_blur(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double sigma;
        int delta, iterations;
    } parameters[] = {{0.7, 1, 2}, {0.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}};
    struct image *image = work->image;
    double sigma = parameters[work->level].sigma * work->scale;
    int delta = clamp_int((int)lround(parameters[work->level].delta * work->scale), 1, 1 << 20);
    struct image smooth = {image->width, image->height, malloc(image_bytes(image))};
    if (!smooth.rgb)
        return error_no_memory(error, "glass blur");
    lmvr_status status = gaussian_bytes(image, sigma, smooth.rgb, error);
    for (int i = 0; i < parameters[work->level].iterations && status == LMVR_OK; i++)
        scatter(&work->random, image->width, image->height, delta, smooth.rgb);
    if (status == LMVR_OK)
        status = gaussian_bytes(&smooth, sigma, image->rgb, error);
    image_finish(&smooth);
    return status;
}

/* ---- zooms ---- */

lmvr_status zoom_axis_init(struct zoom_axis *axis, int size, double factor, lmvr_error *error)
{
    int crop = (int)ceil(size / factor), begin = (size - crop) / 2;
    int64_t zoomed = (int64_t)nearbyint(crop * factor), trim = (zoomed - size) / 2;
    double step = zoomed > 1 ? (double)(crop - 1) / (double)(zoomed - 1) : 1;
    *axis = (struct zoom_axis){.first = malloc((size_t)size * sizeof *axis->first),
                               .next = malloc((size_t)size * sizeof *axis->next),
                               .part = malloc((size_t)size * sizeof *axis->part),
                               .begin = begin,
                               .end = begin + crop};
    if (!axis->first || !axis->next || !axis->part)
        return error_no_memory(error, "zooming an image");
    for (int i = 0; i < size; i++) {
        double at = (double)(i + trim) * step;
        int whole = clamp_int((int)at, 0, crop - 1);
        axis->first[i] = begin + whole;
        axis->next[i] = begin + clamp_int(whole + 1, 0, crop - 1);
        axis->part[i] = (float)(at - whole);
    }
    return LMVR_OK;
}

void zoom_axis_finish(struct zoom_axis *axis)
{
    free(axis->first);
    free(axis->next);
    free(axis->part);
}

#define MOST_ZOOMS 16

typedef float pixel __attribute__((vector_size(16))); /* R, G, B and padding */

struct zoom_blur {
    int count; /* number of zoom factors */
    struct zoom_axis columns[MOST_ZOOMS], rows[MOST_ZOOMS];
    float *in, *between; /* the image in 0 to 1; one row, interpolated only vertically */
    pixel *sums;
};

/* NumPy's arange(1, stop, step), which adds the rounded difference of its first two values each time. */
static lmvr_status make_axes(struct zoom_blur *z, const struct image *image, double stop, double step, lmvr_error *error)
{
    z->count = (int)ceil((stop - 1) / step);
    for (int i = 0; i < z->count; i++) {
        double factor = 1 + i * ((1 + step) - 1);
        TRY(zoom_axis_init(&z->columns[i], image->width, factor, error));
        TRY(zoom_axis_init(&z->rows[i], image->height, factor, error));
    }
    size_t n = image_bytes(image);
    z->in = calloc(n, sizeof *z->in);
    z->between = calloc((size_t)image->width * 3 + 1, sizeof *z->between);
    z->sums = aligned_alloc(sizeof(pixel), (size_t)image->width * sizeof *z->sums);
    if (!z->in || !z->between || !z->sums)
        return error_no_memory(error, "zoom blur");
    for (size_t i = 0; i < n; i++)
        z->in[i] = (float)image->rgb[i] / 255;
    return LMVR_OK;
}

static void add_zoomed_row(struct zoom_blur *z, int factor, int width, int y)
{
    const struct zoom_axis *rows = &z->rows[factor], *columns = &z->columns[factor];
    size_t stride = (size_t)width * 3;
    const float *a = z->in + (size_t)rows->first[y] * stride, *b = z->in + (size_t)rows->next[y] * stride;
    float part = rows->part[y], *between = z->between;
    for (size_t i = 3 * (size_t)columns->begin, end = 3 * (size_t)columns->end; i < end; i++)
        between[i] = a[i] + part * (b[i] - a[i]);
    for (int x = 0; x < width; x++) {
        pixel left, right;
        memcpy(&left, between + 3 * (size_t)columns->first[x], sizeof left);
        memcpy(&right, between + 3 * (size_t)columns->next[x], sizeof right);
        z->sums[x] += left + columns->part[x] * (right - left);
    }
}

static void blur_row(struct zoom_blur *z, int width, int y, uint8_t *out)
{
    const float *own = z->in + (size_t)y * (size_t)width * 3;
    memset(z->sums, 0, (size_t)width * sizeof *z->sums);
    for (int i = 0; i < z->count; i++)
        add_zoomed_row(z, i, width, y);
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            float value = (own[3 * (size_t)x + c] + z->sums[x][c]) / (float)(z->count + 1);
            out[3 * (size_t)x + c] = (uint8_t)((value < 1 ? value : 1) * 255);
        }
}

lmvr_status corrupt_zoom_blur(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double stop, step;
    } parameters[] = {{1.11, 0.01}, {1.16, 0.01}, {1.21, 0.02}, {1.26, 0.02}, {1.31, 0.03}};
    struct zoom_blur z = {0};
    struct image *image = work->image;
    lmvr_status status = make_axes(&z, image, parameters[work->level].stop, parameters[work->level].step, error);
    for (int y = 0; y < image->height && status == LMVR_OK; y++)
        blur_row(&z, image->width, y, image->rgb + (size_t)y * (size_t)image->width * 3);
    for (int i = 0; i < z.count; i++) {
        zoom_axis_finish(&z.columns[i]);
        zoom_axis_finish(&z.rows[i]);
    }
    free(z.in);
    free(z.between);
    free(z.sums);
    return status;
}
