/* ImageMagick's MotionBlurImage(): half a Gaussian along a line of pixels, so that objects leave a trail on one side. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tap {
    int x, y; /* the input pixel, relative to the output pixel */
    float weight;
};

struct trail {
    struct tap *taps;
    int count, left, right, above, below; /* the farthest taps in each direction, at least 0 */
};

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static bool trail_init(struct trail *trail, const struct motion *motion)
{
    double total = 0, angle = motion->angle * M_PI / 180, variance = 2 * motion->sigma * motion->sigma;
    int count = 2 * (int)ceil(motion->radius) + 1;
    *trail = (struct trail){.taps = malloc((size_t)count * sizeof *trail->taps), .count = count};
    if (!trail->taps)
        return false;
    for (int i = 0; i < count; i++)
        total += exp(-(double)i * i / variance);
    for (int i = 0; i < count; i++) {
        struct tap tap = {(int)ceil(i * cos(angle) - 0.5), (int)ceil(i * sin(angle) - 0.5),
                          (float)(exp(-(double)i * i / variance) / total)};
        trail->taps[i] = tap;
        trail->left = larger(trail->left, -tap.x);
        trail->right = larger(trail->right, tap.x);
        trail->above = larger(trail->above, -tap.y);
        trail->below = larger(trail->below, tap.y);
    }
    return true;
}

/* The rows of the image that the trail covers, as floats, with the edges repeated to the left and right: a ring buffer. */
struct band {
    const uint8_t *in;
    int width, height, channels;
    int left, right, count, loaded; /* padding; rows in the ring; rows read so far */
    size_t stride;
    float *rows;
};

static float *band_row(const struct band *b, int y)
{
    return b->rows + (size_t)(y % b->count) * b->stride;
}

static void load_row(struct band *b, int y)
{
    int last = b->width - 1, channels = b->channels;
    const uint8_t *in = b->in + (size_t)y * (size_t)b->width * channels;
    float *row = band_row(b, y), *middle = row + (size_t)b->left * channels, *after = middle + (size_t)b->width * channels;
    for (int i = 0; i < b->left * channels; i++)
        row[i] = in[i % channels];
    for (size_t i = 0, n = (size_t)b->width * channels; i < n; i++)
        middle[i] = in[i];
    for (int i = 0; i < b->right * channels; i++)
        after[i] = in[(size_t)last * channels + i % channels];
}

static void blur_row(struct band *b, const struct trail *trail, int y, float *sums, uint8_t *out)
{
    size_t n = (size_t)b->width * b->channels;
    int lowest = clamp_int(y + trail->below, 0, b->height - 1);
    for (; b->loaded <= lowest; b->loaded++)
        load_row(b, b->loaded);
    for (size_t i = 0; i < n; i++)
        sums[i] = 0.5F / 257; /* ImageMagick rounds to 16 bits, and truncates these to 8 */
    for (int t = 0; t < trail->count; t++) {
        const struct tap *tap = &trail->taps[t];
        const float *row = band_row(b, clamp_int(y + tap->y, 0, b->height - 1)) + (ptrdiff_t)(b->left + tap->x) * b->channels;
        float weight = tap->weight;
        for (size_t i = 0; i < n; i++)
            sums[i] += weight * row[i];
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(sums[i] < 255 ? sums[i] : 255);
}

lmvr_status motion_blur_bytes(const struct motion *motion, const uint8_t *in, int width, int height, int channels, uint8_t *out,
                              lmvr_error *error)
{
    struct trail trail;
    struct band b = {.in = in, .width = width, .height = height, .channels = channels};
    float *sums = malloc((size_t)width * channels * sizeof *sums);
    bool ready = trail_init(&trail, motion) && sums;
    if (ready) {
        b.left = trail.left;
        b.right = trail.right;
        b.count = clamp_int(trail.above + trail.below + 1, 1, height);
        b.stride = ((size_t)width + (size_t)b.left + (size_t)b.right) * channels;
        b.rows = malloc(b.stride * (size_t)b.count * sizeof *b.rows);
        ready = b.rows;
    }
    for (int y = 0; ready && y < height; y++)
        blur_row(&b, &trail, y, sums, out + (size_t)y * (size_t)width * channels);
    free(b.rows);
    free(trail.taps);
    free(sums);
    return ready ? LMVR_OK : error_no_memory(error, "motion blur");
}

lmvr_status corrupt_motion_blur(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double radius, sigma;
    } parameters[] = {{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}};
    struct image *image = work->image;
    double drawn = random_uniform(&work->random, -45, 45);
    struct motion motion = {parameters[work->level].radius * work->scale, parameters[work->level].sigma * work->scale,
                            isnan(work->angle) ? drawn : work->angle};
    uint8_t *out = malloc(image_bytes(image));
    if (!out)
        return error_no_memory(error, "motion blur");
    lmvr_status status = motion_blur_bytes(&motion, image->rgb, image->width, image->height, 3, out, error);
    if (status != LMVR_OK) {
        free(out);
        return status;
    }
    free(image->rgb);
    image->rgb = out;
    return LMVR_OK;
}
