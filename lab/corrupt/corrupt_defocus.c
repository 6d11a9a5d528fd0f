/*
 * Defocus blur: a disk with its edge softened by a small Gaussian, as in the authors' disk() and OpenCV's filter2D. A row of
 * the kernel is constant except at its ends, so it costs the difference of two prefix sums and a few single taps, which are
 * shared by the rows at the same distance above and below the center.
 */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One quadrant of the symmetric kernel: weights[dy * (half + 1) + dx]. */
struct disk {
    int half;
    float *weights;
};

/* ---- the kernel ---- */

/* OpenCV's border 101: mirrors the image without repeating its last pixel. */
static int mirror(int64_t i, int size)
{
    if (size == 1)
        return 0;
    int64_t period = 2 * (int64_t)size - 2;
    i = (i < 0 ? -i : i) % period;
    return (int)(i < size ? i : period - i);
}

/* OpenCV's Gaussian kernel of 3 or 5 taps: its center and one side. */
static void small_gaussian(int radius, double sigma, float taps[3])
{
    double total = 0, values[3];
    for (int i = 0; i <= radius; i++) {
        values[i] = exp(-i * i / (2 * sigma * sigma));
        total += i ? 2 * values[i] : values[i];
    }
    for (int i = 0; i <= radius; i++)
        taps[i] = (float)(values[i] / total);
}

/* Applies that Gaussian along one axis of the quadrant; `step` leads to the next weight of a line, `turn` to the next line.
 * OpenCV mirrors at the kernel's own edge too. */
static void soften(const struct disk *disk, int step, int turn, int radius, const float *taps, float *line)
{
    int size = disk->half + 1, whole = 2 * disk->half + 1;
    for (int i = 0; i < size; i++) {
        float *at = disk->weights + i * turn;
        for (int j = 0; j < size; j++)
            line[j] = at[j * step];
        for (int j = 0; j < size; j++) {
            float sum = taps[0] * line[j];
            for (int t = 1; t <= radius; t++)
                sum += taps[t] * (line[abs(mirror(disk->half + j - t, whole) - disk->half)] +
                                  line[abs(mirror(disk->half + j + t, whole) - disk->half)]);
            at[j * step] = sum;
        }
    }
}

static bool disk_init(struct disk *disk, double radius, double alias_blur)
{
    float taps[3];
    int size = radius <= 8 ? 9 : (int)ceil(radius) + 1, passes = radius <= 8 ? 1 : 2, inside = 0;
    float *line = calloc((size_t)size, sizeof *line);
    disk->half = size - 1;
    disk->weights = calloc((size_t)size * (size_t)size, sizeof *disk->weights);
    if (!disk->weights || !line) {
        free(line);
        return false;
    }
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            bool in = (double)x * x + (double)y * y <= radius * radius;
            disk->weights[y * size + x] = in;
            inside += in ? (x ? 2 : 1) * (y ? 2 : 1) : 0;
        }
    for (int i = 0; i < size * size; i++)
        disk->weights[i] /= (float)inside;
    small_gaussian(passes, alias_blur, taps);
    soften(disk, 1, size, passes, taps, line);
    soften(disk, size, 1, passes, taps, line);
    free(line);
    return true;
}

/* ---- rows ---- */

struct defocus {
    const struct image *image;
    struct disk disk;
    int *columns; /* the image's column for each position of a padded row */
    /* The rows that the kernel covers, a ring buffer of `count`: padded pixels and their prefix sums (which may overflow, as
     * only differences matter). `loaded` counts the rows read so far. */
    int count, loaded;
    size_t stride; /* values in a padded row; sums have 3 more */
    uint16_t *pixels;
    uint32_t *sums;
    uint16_t *pair;  /* the sum of two rows of `pixels` */
    uint32_t *inner; /* of the output row: the pixels with the weight of the kernel's center */
    double *outer;   /* and those with other weights */
};

static void load_row(struct defocus *d, int y)
{
    int half = d->disk.half, width = d->image->width;
    const uint8_t *in = d->image->rgb + (size_t)y * (size_t)width * 3;
    uint16_t *row = d->pixels + (size_t)(y % d->count) * d->stride;
    uint32_t *sums = d->sums + (size_t)(y % d->count) * (d->stride + 3), r = 0, g = 0, b = 0;
    for (int i = 0; i < width + 2 * half; i = i == half - 1 ? half + width : i + 1)
        for (int c = 0; c < 3; c++)
            row[3 * (size_t)i + c] = in[3 * (size_t)d->columns[i] + c];
    for (size_t i = 0; i < 3 * (size_t)width; i++)
        row[3 * (size_t)half + i] = in[i];
    for (size_t i = 0; i < d->stride; i += 3) {
        sums[i] = r;
        sums[i + 1] = g;
        sums[i + 2] = b;
        r += row[i];
        g += row[i + 1];
        b += row[i + 2];
    }
    sums[d->stride] = r;
    sums[d->stride + 1] = g;
    sums[d->stride + 2] = b;
}

/* The sums over the 2 run + 1 pixels around each position of a row. */
static void add_inner(struct defocus *d, int y, int run)
{
    size_t n = 3 * (size_t)d->image->width;
    const uint32_t *sums = d->sums + (size_t)(y % d->count) * (d->stride + 3) + 3 * (size_t)(d->disk.half - run);
    const uint32_t *end = sums + 3 * (2 * (size_t)run + 1);
    uint32_t *inner = d->inner;
    for (size_t i = 0; i < n; i++)
        inner[i] += end[i] - sums[i];
}

/* Adds the pixels `left` and `right` of each position of d->pair, weighted. */
static void add_outer(struct defocus *d, int distance, float weight)
{
    size_t n = 3 * (size_t)d->image->width;
    const uint16_t *left = d->pair + 3 * (size_t)(d->disk.half - distance),
                   *right = d->pair + 3 * (size_t)(d->disk.half + distance);
    double *outer = d->outer, w = distance ? (double)weight : (double)weight / 2;
    for (size_t i = 0; i < n; i++)
        outer[i] += w * (left[i] + right[i]);
}

/* Adds the contribution of the kernel's rows at distance dy, from the image's rows `above` and `below`, which are the same for
 * dy = 0. */
static void add_kernel_rows(struct defocus *d, int dy, int above, int below)
{
    const float *weights = d->disk.weights + (size_t)dy * (d->disk.half + 1), center = d->disk.weights[0];
    const uint16_t *a = d->pixels + (size_t)(above % d->count) * d->stride,
                   *b = d->pixels + (size_t)(below % d->count) * d->stride;
    int run = 0;
    while (run <= d->disk.half && weights[run] == center)
        run++;
    if (run > 0)
        add_inner(d, above, run - 1);
    if (run > 0 && dy > 0)
        add_inner(d, below, run - 1);
    for (size_t i = 0; i < d->stride; i++)
        d->pair[i] = (uint16_t)(dy > 0 ? a[i] + b[i] : a[i]);
    for (int j = run; j <= d->disk.half; j++)
        if (weights[j] > 0)
            add_outer(d, j, weights[j]);
}

static void blur_row(struct defocus *d, int y, uint8_t *out)
{
    int half = d->disk.half, height = d->image->height;
    size_t n = 3 * (size_t)d->image->width;
    memset(d->inner, 0, n * sizeof *d->inner);
    memset(d->outer, 0, n * sizeof *d->outer);
    for (; d->loaded < height && d->loaded <= y + half; d->loaded++)
        load_row(d, d->loaded);
    for (int dy = 0; dy <= half; dy++)
        add_kernel_rows(d, dy, mirror((int64_t)y - dy, height), mirror((int64_t)y + dy, height));
    double center = d->disk.weights[0];
    for (size_t i = 0; i < n; i++)
        out[i] = byte_of_unit((center * d->inner[i] + d->outer[i]) / 255);
}

static bool defocus_init(struct defocus *d, const struct image *image, double radius, double alias_blur)
{
    *d = (struct defocus){.image = image};
    if (!disk_init(&d->disk, radius, alias_blur))
        return false;
    int half = d->disk.half, width = image->width;
    size_t padded = (size_t)width + 2 * (size_t)half;
    d->stride = 3 * padded;
    d->count = clamp_int(2 * half + 1, 1, image->height);
    d->columns = calloc(padded, sizeof *d->columns);
    d->pixels = calloc((size_t)d->count * d->stride, sizeof *d->pixels);
    d->sums = calloc((size_t)d->count * (d->stride + 3), sizeof *d->sums);
    d->pair = calloc(d->stride, sizeof *d->pair);
    d->inner = malloc(3 * (size_t)width * sizeof *d->inner);
    d->outer = malloc(3 * (size_t)width * sizeof *d->outer);
    for (size_t i = 0; d->columns && i < padded; i++)
        d->columns[i] = mirror((int64_t)i - half, width);
    return d->columns && d->pixels && d->sums && d->pair && d->inner && d->outer;
}

static void defocus_finish(struct defocus *d)
{
    free(d->disk.weights);
    free(d->columns);
    free(d->pixels);
    free(d->sums);
    free(d->pair);
    free(d->inner);
    free(d->outer);
}

lmvr_status corrupt_defocus_blur(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double radius, alias_blur;
    } parameters[] = {{3, 0.1}, {4, 0.5}, {6, 0.5}, {8, 0.5}, {10, 0.5}};
    struct defocus d;
    struct image *image = work->image;
    size_t stride = (size_t)image->width * 3;
    uint8_t *out = malloc(image_bytes(image));
    bool ready =
        defocus_init(&d, image, parameters[work->level].radius * work->scale, parameters[work->level].alias_blur) && out;
    for (int y = 0; ready && y < image->height; y++)
        blur_row(&d, y, out + (size_t)y * stride);
    defocus_finish(&d);
    if (!ready) {
        free(out);
        return error_no_memory(error, "defocus blur");
    }
    free(image->rgb);
    image->rgb = out;
    return LMVR_OK;
}
