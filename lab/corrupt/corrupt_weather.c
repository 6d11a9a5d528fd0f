/* Snow and fog; corrupt_frost.c has frost. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- snow ---- */

struct snow {
    double mean, deviation, zoom, threshold, radius, sigma, keep;
};

/* Flakes: single-channel noise, enlarged, black except at its peaks. */
static lmvr_status make_flakes(struct corrupting *work, const struct snow *snow, uint8_t *flakes, lmvr_error *error)
{
    int width = work->image->width, height = work->image->height;
    double factor = snow->zoom * work->scale;
    struct zoom_axis columns = {0}, rows = {0};
    lmvr_status status = zoom_axis_init(&columns, width, factor > 1 ? factor : 1, error);
    if (status == LMVR_OK)
        status = zoom_axis_init(&rows, height, factor > 1 ? factor : 1, error);
    size_t crop = (size_t)(columns.end - columns.begin), count = crop * (size_t)(rows.end - rows.begin);
    float *noise = malloc((count + 1) * sizeof *noise);
    if (status == LMVR_OK && !noise)
        status = error_no_memory(error, "snow");
    for (size_t i = 0; i < count && status == LMVR_OK; i += 2) {
        double values[2];
        random_normals(&work->random, values);
        noise[i] = (float)(snow->mean + snow->deviation * values[0]);
        noise[i + 1] = (float)(snow->mean + snow->deviation * values[1]);
    }
    for (int y = 0; y < height && status == LMVR_OK; y++) {
        const float *a = noise + (size_t)(rows.first[y] - rows.begin) * crop,
                    *b = noise + (size_t)(rows.next[y] - rows.begin) * crop, down = rows.part[y];
        for (int x = 0; x < width; x++) {
            int i = columns.first[x] - columns.begin, j = columns.next[x] - columns.begin;
            float left = a[i] + down * (b[i] - a[i]), right = a[j] + down * (b[j] - a[j]);
            double value = left + columns.part[x] * (right - left);
            flakes[(size_t)y * (size_t)width + x] = value < snow->threshold ? 0 : byte_of_unit(value);
        }
    }
    zoom_axis_finish(&columns);
    zoom_axis_finish(&rows);
    free(noise);
    return status;
}

/* Makes the image paler and adds the streaks twice, the second time rotated by 180 degrees. */
static void let_it_snow(const struct image *image, const uint8_t *streaks, float keep)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t *rgb = image->rgb + 3 * i;
        float x[3] = {rgb[0] / 255.F, rgb[1] / 255.F, rgb[2] / 255.F};
        float pale = (0.299F * x[0] + 0.587F * x[1] + 0.114F * x[2]) * 1.5F + 0.5F;
        double white = streaks[i] / 255. + streaks[pixels - 1 - i] / 255.;
        for (int c = 0; c < 3; c++)
            rgb[c] = byte_of_unit(keep * x[c] + (1 - keep) * (x[c] > pale ? x[c] : pale) + white);
    }
}

lmvr_status corrupt_snow(struct corrupting *work, lmvr_error *error)
{
    static const struct snow parameters[] = {{0.1, 0.3, 3, 0.5, 10, 4, 0.8},
                                             {0.2, 0.3, 2, 0.5, 12, 4, 0.7},
                                             {0.55, 0.3, 4, 0.9, 12, 8, 0.7},
                                             {0.55, 0.3, 4.5, 0.85, 12, 8, 0.65},
                                             {0.55, 0.3, 2.5, 0.85, 12, 12, 0.55}};
    const struct snow *snow = &parameters[work->level];
    const struct image *image = work->image;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    double drawn = random_uniform(&work->random, -135, -45);
    struct motion motion = {snow->radius * work->scale, snow->sigma * work->scale, isnan(work->angle) ? drawn : work->angle};
    uint8_t *flakes = malloc(pixels), *streaks = malloc(pixels);
    lmvr_status status = flakes && streaks ? LMVR_OK : error_no_memory(error, "snow");
    if (status == LMVR_OK)
        status = make_flakes(work, snow, flakes, error);
    if (status == LMVR_OK)
        status = motion_blur_bytes(&motion, flakes, image->width, image->height, 1, streaks, error);
    if (status == LMVR_OK)
        let_it_snow(image, streaks, (float)snow->keep);
    free(flakes);
    free(streaks);
    return status;
}

/* ---- fog: a plasma fractal by the diamond-square algorithm ---- */

/* Heights on a torus of square cells of side `cell`, a power of two; the authors' has a single cell. */
struct plasma {
    int width, height, cell;
    float *heights;
    float wibble;
    struct random *random;
};

static float wibbled_mean(const struct plasma *p, float sum)
{
    float random = (float)(int32_t)(random_next(p->random) >> 32) * 0x1p-31F;
    return sum / 4 + p->wibble * p->wibble * random;
}

/* The center of each square of side `step` from its corners. */
static void fill_squares(const struct plasma *p, int step)
{
    int half = step / 2;
    for (int y = 0; y < p->height; y += step) {
        const float *top = p->heights + (size_t)y * p->width;
        const float *bottom = p->heights + (size_t)(y + step < p->height ? y + step : 0) * p->width;
        float *middle = p->heights + (size_t)(y + half) * p->width;
        for (int x = 0; x < p->width; x += step) {
            int right = x + step < p->width ? x + step : 0;
            middle[x + half] = wibbled_mean(p, top[x] + top[right] + bottom[x] + bottom[right]);
        }
    }
}

/* The midpoints of the squares' sides from the corners and centers next to them. */
static void fill_diamonds(const struct plasma *p, int step)
{
    int half = step / 2;
    for (int y = 0; y < p->height; y += step) {
        float *top = p->heights + (size_t)y * p->width, *middle = p->heights + (size_t)(y + half) * p->width;
        const float *bottom = p->heights + (size_t)(y + step < p->height ? y + step : 0) * p->width;
        const float *above = p->heights + (size_t)(y > 0 ? y - half : p->height - half) * p->width;
        for (int x = 0; x < p->width; x += step) {
            int right = x + step < p->width ? x + step : 0, left = x > 0 ? x - half : p->width - half;
            top[x + half] = wibbled_mean(p, middle[x + half] + above[x + half] + top[x] + top[right]);
            middle[x] = wibbled_mean(p, middle[x + half] + middle[left] + top[x] + bottom[x]);
        }
    }
}

/* Heights from 0 to 1. The image is in the upper left corner; along its longer side there are as many cells as it needs. */
static bool plasma_init(struct plasma *p, const struct image *image, float decay, struct random *random)
{
    int side = image->width < image->height ? image->width : image->height;
    *p = (struct plasma){.cell = 2, .wibble = 100, .random = random};
    while (p->cell < side)
        p->cell *= 2;
    p->width = (image->width + p->cell - 1) / p->cell * p->cell;
    p->height = (image->height + p->cell - 1) / p->cell * p->cell;
    size_t count = (size_t)p->width * (size_t)p->height;
    p->heights = calloc(count, sizeof *p->heights);
    if (!p->heights)
        return false;
    for (int step = p->cell; step >= 2; step /= 2, p->wibble /= decay) {
        fill_squares(p, step);
        fill_diamonds(p, step);
    }
    float least = p->heights[0], most = p->heights[0];
    for (size_t i = 0; i < count; i++) {
        least = p->heights[i] < least ? p->heights[i] : least;
        most = p->heights[i] > most ? p->heights[i] : most;
    }
    float range = most > least ? most - least : 1;
    for (size_t i = 0; i < count; i++)
        p->heights[i] = (p->heights[i] - least) / range;
    return true;
}

lmvr_status corrupt_fog(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double thickness;
        float decay;
    } parameters[] = {{1.5, 2}, {2, 2}, {2.5, 1.7F}, {2.5, 1.5F}, {3, 1.4F}};
    double thickness = parameters[work->level].thickness;
    const struct image *image = work->image;
    struct plasma p;
    if (!plasma_init(&p, image, parameters[work->level].decay, &work->random))
        return error_no_memory(error, "fog");
    uint8_t most = 0;
    for (size_t i = 0, n = image_bytes(image); i < n; i++)
        most = image->rgb[i] > most ? image->rgb[i] : most;
    double dim = most / 255. / (most / 255. + thickness);
    for (int y = 0; y < image->height; y++) {
        const float *heights = p.heights + (size_t)y * p.width;
        uint8_t *rgb = image->rgb + (size_t)y * (size_t)image->width * 3;
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < 3; c++)
                rgb[3 * (size_t)x + c] = byte_of_unit((rgb[3 * (size_t)x + c] / 255. + thickness * heights[x]) * dim);
    }
    free(p.heights);
    return LMVR_OK;
}
