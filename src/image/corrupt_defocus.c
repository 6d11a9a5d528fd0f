/*
 * Defocus blur: a disk, its edge softened by a small Gaussian, as the authors' disk() and OpenCV's filter2D have it. A row of
 * the kernel is constant but for its ends, so it costs the difference of two prefix sums and a few single taps; rows at the
 * same distance above and below the center are equal, and are added first.
 */
#include "image/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One quadrant of the symmetric kernel: weights[dy * (half + 1) + dx]. */
struct disk {
    int half;
    float *weights;
};

/* ---- the kernel ---- */

/* OpenCV's border 101: the picture goes on mirrored, its last pixel not repeated. */
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

/* A pass of that Gaussian along one axis of the quadrant; `step` leads to the next weight of a line, `turn` to the next line.
 * At the kernel's own edge OpenCV mirrors it, too. */
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
    float *line = malloc((size_t)size * sizeof *line);
    disk->half = size - 1;
    disk->weights = malloc((size_t)size * (size_t)size * sizeof *disk->weights);
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
    int *columns;          /* of the picture, for each place of a padded row */
    uint32_t *pair, *sums; /* two padded rows added; the sums of all before, 3 more than `pair` */
    double *row;           /* the row that comes out */
};

static void add_rows(struct defocus *d, int above, int below)
{
    int half = d->disk.half, width = d->image->width, padded = width + 2 * half;
    size_t stride = (size_t)width * 3;
    const uint8_t *a = d->image->rgb + (size_t)above * stride, *b = d->image->rgb + (size_t)below * stride;
    uint32_t *pair = d->pair, *sums = d->sums, both = above != below;
    for (int i = 0; i < padded; i = i == half - 1 ? half + width : i + 1)
        for (int c = 0; c < 3; c++)
            pair[3 * (size_t)i + c] = a[3 * (size_t)d->columns[i] + c] + both * b[3 * (size_t)d->columns[i] + c];
    pair += 3 * (size_t)half;
    for (size_t i = 0; i < stride; i++)
        pair[i] = a[i] + both * b[i];
    pair = d->pair;
    for (size_t i = 0; i < 3 * (size_t)padded; i++)
        sums[i + 3] = sums[i] + pair[i]; /* beyond 2^32 too, only differences count */
}

/* Adds what the kernel's row at distance dy gives, from d->pair and d->sums. */
static void add_kernel_row(struct defocus *d, int dy)
{
    const float *weights = d->disk.weights + (size_t)dy * (d->disk.half + 1);
    int half = d->disk.half, run = 0;
    size_t n = 3 * (size_t)d->image->width;
    double *row = d->row, weight = weights[0];
    while (run < half && weights[run + 1] == weights[0])
        run++;
    const uint32_t *low = d->sums + 3 * (size_t)(half - run), *high = d->sums + 3 * (size_t)(half + run + 1);
    for (size_t i = 0; i < n; i++)
        row[i] += weight * (int32_t)(high[i] - low[i]);
    for (int j = run + 1; j <= half; j++) {
        const uint32_t *left = d->pair + 3 * (size_t)(half - j), *right = d->pair + 3 * (size_t)(half + j);
        weight = weights[j];
        for (size_t i = 0; i < n && weight > 0; i++)
            row[i] += weight * (int32_t)(left[i] + right[i]);
    }
}

static bool is_empty(const struct disk *disk, int dy)
{
    const float *weights = disk->weights + (size_t)dy * (disk->half + 1);
    for (int j = 0; j <= disk->half; j++)
        if (weights[j] > 0)
            return false;
    return true;
}

static void blur_row(struct defocus *d, int y, uint8_t *out)
{
    int height = d->image->height;
    size_t n = 3 * (size_t)d->image->width;
    memset(d->row, 0, n * sizeof *d->row);
    for (int dy = 0; dy <= d->disk.half; dy++) {
        if (is_empty(&d->disk, dy))
            continue;
        int above = mirror((int64_t)y - dy, height), below = mirror((int64_t)y + dy, height);
        add_rows(d, above, below);
        add_kernel_row(d, dy);
        if (dy > 0 && above == below) /* in a low picture both can be the same row, which then counts twice */
            add_kernel_row(d, dy);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = byte_of_unit(d->row[i] / 255);
}

static bool defocus_init(struct defocus *d, const struct image *image, double radius, double alias_blur)
{
    *d = (struct defocus){.image = image};
    if (!disk_init(&d->disk, radius, alias_blur))
        return false;
    int half = d->disk.half;
    size_t padded = (size_t)image->width + 2 * (size_t)half;
    d->columns = malloc(padded * sizeof *d->columns);
    d->pair = malloc(3 * padded * sizeof *d->pair);
    d->sums = calloc(3 * (padded + 1), sizeof *d->sums);
    d->row = malloc(3 * (size_t)image->width * sizeof *d->row);
    for (size_t i = 0; d->columns && i < padded; i++)
        d->columns[i] = mirror((int64_t)i - half, image->width);
    return d->columns && d->pair && d->sums && d->row;
}

static void defocus_finish(struct defocus *d)
{
    free(d->disk.weights);
    free(d->columns);
    free(d->pair);
    free(d->sums);
    free(d->row);
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
