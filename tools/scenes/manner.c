#include "tools/scenes/manner.h"

#include "tools/scenes/texture.h"

#include <math.h>

const char *const manner_names[MANNERS] = {"colors", "outline", "hatching", "dither"};

/* Over white, from 0 to 1; white outside of the layer. */
static float lightness(const struct layer *layer, int x, int y)
{
    if (x < 0 || y < 0 || x >= layer->width || y >= layer->height)
        return 1;
    const float *p = layer->pixels + 4 * ((long)y * layer->width + x);
    return 0.3F * p[0] + 0.59F * p[1] + 0.11F * p[2] + 1 - p[3];
}

static float alpha(const struct layer *layer, int x, int y)
{
    if (x < 0 || y < 0 || x >= layer->width || y >= layer->height)
        return 0;
    return layer->pixels[4 * ((long)y * layer->width + x) + 3];
}

/* Sobel's slope of a quantity. */
static float slope(float (*of)(const struct layer *, int, int), const struct layer *l, int x, int y)
{
    float left = of(l, x - 1, y - 1) + 2 * of(l, x - 1, y) + of(l, x - 1, y + 1);
    float right = of(l, x + 1, y - 1) + 2 * of(l, x + 1, y) + of(l, x + 1, y + 1);
    float above = of(l, x - 1, y - 1) + 2 * of(l, x, y - 1) + of(l, x + 1, y - 1);
    float below = of(l, x - 1, y + 1) + 2 * of(l, x, y + 1) + of(l, x + 1, y + 1);
    return hypotf(right - left, below - above) / 4;
}

static float contour(const struct layer *l, int x, int y)
{
    return smooth_step(0.25F, 0.6F, slope(alpha, l, x, y));
}

static float outline(const struct layer *l, int x, int y)
{
    return fmaxf(contour(l, x, y), smooth_step(0.05F, 0.22F, slope(lightness, l, x, y)));
}

/* One set of lines where it is darker than `below`; dx and dy give their direction. */
static float lines(float light, float below, float at, float pitch)
{
    float away = fabsf(fraction(at / pitch) - 0.5F) * pitch; /* from the line's middle, in pixels */
    return light < below ? 1 - smooth_step(0.3F, 1.0F, away) : 0;
}

static float hatching(const struct layer *l, int x, int y, float pitch)
{
    float light = lightness(l, x, y), u = (float)(l->left + x), v = (float)(l->top + y), ink = contour(l, x, y);
    ink = fmaxf(ink, lines(light, 0.8F, (u + v) * 0.7071F, pitch));
    ink = fmaxf(ink, lines(light, 0.55F, (u - v) * 0.7071F, pitch));
    return fmaxf(ink, lines(light, 0.3F, v, pitch));
}

/* Bayer's matrix of 4 x 4 (An optimum method for two-level rendition of continuous-tone pictures, 1973). */
static float dither(const struct layer *l, int x, int y)
{
    static const float thresholds[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    float threshold = (thresholds[(l->top + y) & 3][(l->left + x) & 3] + 0.5F) / 16;
    float dot = alpha(l, x, y) > 0.5F && lightness(l, x, y) < threshold ? 1 : 0;
    return fmaxf(dot, contour(l, x, y));
}

float manner_ink(enum manner manner, const struct layer *layer, int x, int y, float pitch)
{
    switch (manner) {
    case MANNER_OUTLINE:
        return outline(layer, x, y);
    case MANNER_HATCHING:
        return hatching(layer, x, y, pitch);
    case MANNER_DITHER:
        return dither(layer, x, y);
    default:
        return 0;
    }
}
