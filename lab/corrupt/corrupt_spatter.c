/*
 * Spatter: drops of water with reflections, or of mud, wherever smooth noise is high. Lengths are scaled, and so is the noise's
 * deviation: smoothing divides it by a length, so drops cover the same share of an image of any size. The small windows (blurs
 * of 3 pixels, neighbors at distance 1) are scaled to integers, never below these.
 */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>

static const struct spatter {
    double mean, deviation, sigma, threshold;
    double amount; /* water: how much light it adds; mud: the sigma of its edges */
    bool mud;
} parameters[] = {{0.65, 0.3, 4, 0.69, 0.6, false},
                  {0.65, 0.3, 3, 0.68, 0.6, false},
                  {0.65, 0.3, 2, 0.68, 0.5, false},
                  {0.65, 0.3, 1, 0.65, 1.5, true},
                  {0.67, 0.4, 1, 0.65, 1.5, true}};

/* Smooth noise. */
static bool make_liquid(struct corrupting *work, const struct spatter *s, struct plane *liquid)
{
    double values[2], deviation = s->deviation * work->scale, sigma = s->sigma * work->scale;
    if (!plane_init(liquid, work->image->width, work->image->height))
        return false;
    for (size_t i = 0, n = plane_size(liquid); i < n; i++) {
        if (i % 2 == 0)
            random_normals(&work->random, values);
        liquid->values[i] = (float)(s->mean + deviation * values[i % 2]);
    }
    return plane_smooth(liquid, sigma, sigma, 4, border_nearest);
}

/* ---- water ---- */

/* OpenCV's equalizeHist(): the lowest level becomes 0, and every other as bright as the fraction of pixels below it. */
static void equalize(struct plane *plane)
{
    size_t histogram[256] = {0}, sum = 0, n = plane_size(plane);
    float levels[256];
    int least = 0;
    for (size_t i = 0; i < n; i++)
        histogram[(int)plane->values[i]]++;
    while (!histogram[least])
        least++;
    if (histogram[least] == n)
        return;
    float scale = 255.F / (float)(n - histogram[least]);
    levels[least] = 0;
    for (int level = least + 1; level < 256; level++) {
        sum += histogram[level];
        levels[level] = rintf((float)sum * scale);
    }
    for (size_t i = 0; i < n; i++)
        plane->values[i] = levels[(int)plane->values[i]];
}

/* Light from the upper left: slopes that rise toward the lower right shine. `d` is the distance to the neighbors. */
static bool emboss(struct plane *plane, int d)
{
    struct plane out;
    int width = plane->width, height = plane->height;
    if (!plane_init(&out, width, height))
        return false;
    for (int y = 0; y < height; y++) {
        const float *row = plane->values + (size_t)y * width;
        const float *above = plane->values + (size_t)border_reflect_101((int64_t)y - d, height) * width;
        const float *below = plane->values + (size_t)border_reflect_101((int64_t)y + d, height) * width;
        for (int x = 0; x < width; x++) {
            int left = border_reflect_101((int64_t)x - d, width), right = border_reflect_101((int64_t)x + d, width);
            float sum = row[x] + row[right] - row[left] + below[x] - above[x] + 2 * (below[right] - above[left]);
            out.values[(size_t)y * width + x] = fminf(fmaxf(sum, 0), 255);
        }
    }
    plane_finish(plane);
    *plane = out;
    return true;
}

bool spatter_relief(const uint8_t *liquid, double scale, struct plane *relief)
{
    int d = clamp_int((int)lround(scale), 1, 1 << 20);
    size_t n = plane_size(relief);
    if (!edge_distances(liquid, 50, 150, relief))
        return false;
    for (size_t i = 0; i < n; i++)
        relief->values[i] = fminf((float)(relief->values[i] / scale), 20);
    if (!plane_box_mean(relief, d))
        return false;
    for (size_t i = 0; i < n; i++)
        relief->values[i] = truncf(relief->values[i]);
    equalize(relief);
    if (!emboss(relief, d) || !plane_box_mean(relief, d))
        return false;
    for (size_t i = 0; i < n; i++)
        relief->values[i] = rintf(relief->values[i]);
    return true;
}

/* Replaces `liquid` by how much of each pixel is pale turquoise light, 0 to the amount. */
static bool light_water(const struct spatter *s, double scale, struct plane *liquid)
{
    size_t n = plane_size(liquid);
    struct plane relief;
    uint8_t *bytes = malloc(n);
    bool ready = plane_init(&relief, liquid->width, liquid->height) && bytes;
    for (size_t i = 0; ready && i < n; i++)
        bytes[i] = liquid->values[i] < (float)s->threshold ? 0 : byte_of_unit(liquid->values[i]);
    ready = ready && spatter_relief(bytes, scale, &relief);
    float most = 0;
    for (size_t i = 0; ready && i < n; i++) {
        liquid->values[i] = (float)bytes[i] * relief.values[i];
        most = fmaxf(most, liquid->values[i]);
    }
    for (size_t i = 0; ready && most > 0 && i < n; i++)
        liquid->values[i] = liquid->values[i] / most * (float)s->amount;
    plane_finish(&relief);
    free(bytes);
    return ready;
}

static void add_water(const struct plane *light, struct image *image)
{
    static const float turquoise[3] = {175 / 255.F, 238 / 255.F, 238 / 255.F};
    for (size_t i = 0, n = plane_size(light); i < n; i++)
        for (int c = 0; c < 3; c++)
            image->rgb[3 * i + c] = byte_of_unit(image->rgb[3 * i + c] / 255.F + light->values[i] * turquoise[c]);
}

/* ---- mud ---- */

/* Replaces `liquid` by how much of each pixel is covered, 0 to 1. */
static bool cover_with_mud(const struct spatter *s, double scale, struct plane *liquid)
{
    size_t n = plane_size(liquid);
    for (size_t i = 0; i < n; i++)
        liquid->values[i] = liquid->values[i] > (float)s->threshold ? 1 : 0;
    if (!plane_smooth(liquid, s->amount * scale, s->amount * scale, 4, border_nearest))
        return false;
    for (size_t i = 0; i < n; i++)
        liquid->values[i] = liquid->values[i] < 0.8F ? 0 : liquid->values[i];
    return true;
}

static void add_mud(const struct plane *cover, struct image *image)
{
    static const float brown[3] = {63 / 255.F, 42 / 255.F, 20 / 255.F};
    for (size_t i = 0, n = plane_size(cover); i < n; i++)
        for (int c = 0; c < 3; c++)
            image->rgb[3 * i + c] =
                byte_of_unit(image->rgb[3 * i + c] / 255.F * (1 - cover->values[i]) + brown[c] * cover->values[i]);
}

lmvr_status corrupt_spatter(struct corrupting *work, lmvr_error *error)
{
    const struct spatter *s = &parameters[work->level];
    struct plane liquid;
    bool ready = make_liquid(work, s, &liquid) &&
                 (s->mud ? cover_with_mud(s, work->scale, &liquid) : light_water(s, work->scale, &liquid));
    if (ready)
        (s->mud ? add_mud : add_water)(&liquid, work->image);
    plane_finish(&liquid);
    return ready ? LMVR_OK : error_no_memory(error, "spatter");
}
