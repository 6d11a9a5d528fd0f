#include "tools/scenes/manner.h"

#include "tools/scenes/color.h"
#include "tools/scenes/texture.h"

#include <math.h>

const char *const manner_names[MANNERS] = {"colors", "photo", "flat", "gray", "pencil", "outline", "hatching", "dither"};

bool manner_keeps_colors(enum manner manner)
{
    return manner == MANNER_COLORS || manner == MANNER_PHOTO;
}

/* Composited on white, 0 to 1; white outside the layer. */
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

/* Sobel gradient of a quantity. */
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

/* One set of hatching lines where it is darker than `below`; dx and dy give their direction. */
static float lines(float light, float below, float at, float pitch)
{
    float away = fabsf(fraction(at / pitch) - 0.5F) * pitch; /* from the line's center, in pixels */
    return light < below ? 1 - smooth_step(0.3F, 1.0F, away) : 0;
}

static float hatching(const struct layer *l, int x, int y, float pitch)
{
    float light = lightness(l, x, y), u = (float)(l->left + x), v = (float)(l->top + y), ink = contour(l, x, y);
    ink = fmaxf(ink, lines(light, 0.8F, (u + v) * 0.7071F, pitch));
    ink = fmaxf(ink, lines(light, 0.55F, (u - v) * 0.7071F, pitch));
    return fmaxf(ink, lines(light, 0.3F, v, pitch));
}

/* Bayer's 4 x 4 matrix (An optimum method for two-level rendition of continuous-tone pictures, 1973). */
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

/* ---- painted manners ---- */

static float clamp(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* A random number between `low` and `high` for this image; `which` tells several apart. */
static float own(const struct painted *p, int which, float low, float high)
{
    return low + (high - low) * noise_cell(p->seed, which, 7, 0);
}

static float gray_of(const float rgb[3])
{
    return 0.3F * rgb[0] + 0.59F * rgb[1] + 0.11F * rgb[2];
}

/* A position in units of the image's side. */
static float unit(const struct painted *p, int pixel)
{
    return ((float)pixel + 0.5F) / (float)p->size;
}

/* Each pixel of the image. */
static void paint_pixels(const struct painted *p, void (*paint)(const struct painted *p, int x, int y, float rgb[3]),
                         float *rgb)
{
    for (int y = 0; y < p->size; y++)
        for (int x = 0; x < p->size; x++, rgb += 3)
            paint(p, x, y, rgb);
}

static void flat_background(const struct painted *p, int x, int y, float rgb[3])
{
    (void)p, (void)x, (void)y;
    for (int c = 0; c < 3; c++)
        rgb[c] = floorf(clamp(rgb[c]) * 3 + 0.5F) / 3;
}

/* Paper through which the background shines faintly. */
static void pencil_background(const struct painted *p, int x, int y, float rgb[3])
{
    float paper = 0.68F + 0.3F * clamp(gray_of(rgb)) + 0.05F * (noise_cell(p->seed, x, y, 1) - 0.5F);
    rgb[0] = rgb[1] = rgb[2] = clamp(paper);
}

void painted_background(const struct painted *p, float *rgb)
{
    if (p->manner == MANNER_FLAT || p->manner == MANNER_PENCIL)
        paint_pixels(p, p->manner == MANNER_FLAT ? flat_background : pencil_background, rgb);
}

/* A rough surface, lit from one side. */
static void photo_layer(const struct painted *p, const struct layer *l, float *pixel, int x, int y)
{
    float u = unit(p, l->left + x), v = unit(p, l->top + y), across = (float)x / (float)l->width - 0.5F,
          down = (float)y / (float)l->height - 0.5F;
    float rough = 0.75F + 0.5F * noise_octaves(p->seed + 11, u * 40, v * 40, 3);
    float light = 1 + own(p, 0, -0.5F, 0.5F) * across + own(p, 1, -0.6F, 0.2F) * down;
    for (int c = 0; c < 3; c++)
        pixel[c] = fminf(pixel[3], pixel[c] * rough * light);
}

static void flat_layer(const struct painted *p, const struct layer *l, float *pixel, float light)
{
    static const float tones[3] = {0.24F, 0.5F, 0.8F};
    float hue = noise_cell(p->seed, l->left, l->top, 2), rgb[3];
    int tone = light < 0.33F ? 0 : light < 0.7F ? 1 : 2;
    color_from_hsl(hue, own(p, 2, 0.2F, 0.9F), tones[tone], rgb);
    for (int c = 0; c < 3; c++)
        pixel[c] = rgb[c] * pixel[3];
}

/* `shade`, 0 to 1, is how much white the pencil leaves. */
static void pencil_layer(const struct painted *p, float *pixel, float shade)
{
    float graphite = own(p, 3, 0.1F, 0.4F);
    for (int c = 0; c < 3; c++)
        pixel[c] = (graphite + (1 - graphite) * shade) * pixel[3];
}

static float pencil_shade(const struct painted *p, const struct layer *l, int x, int y)
{
    float grain = noise_octaves(p->seed + 5, (float)(l->left + x) / 1.5F, (float)(l->top + y) / 3, 2);
    float edge = smooth_step(0.02F, 0.45F, fmaxf(slope(alpha, l, x, y), slope(lightness, l, x, y)));
    float shade = 1 - (1 - lightness(l, x, y)) * (0.35F + 0.55F * grain);
    return clamp(shade - 0.8F * edge * (0.6F + 0.4F * grain));
}

/* The object's own lightness, without what is behind it. */
static float own_lightness(const float *pixel)
{
    return pixel[3] > 0.01F ? clamp(gray_of(pixel) / pixel[3]) : 1;
}

void painted_layer(const struct painted *p, const struct layer *l, float *scratch)
{
    if (p->manner == MANNER_COLORS || p->manner == MANNER_GRAY)
        return;
    for (int y = 0; y < l->height; y++)
        for (int x = 0; x < l->width; x++) {
            long i = (long)y * l->width + x;
            scratch[i] = p->manner == MANNER_PENCIL ? pencil_shade(p, l, x, y) : own_lightness(l->pixels + 4 * i);
        }
    for (int y = 0; y < l->height; y++)
        for (int x = 0; x < l->width; x++) {
            long i = (long)y * l->width + x;
            float *pixel = l->pixels + 4 * i;
            if (p->manner == MANNER_PHOTO)
                photo_layer(p, l, pixel, x, y);
            else if (p->manner == MANNER_FLAT)
                flat_layer(p, l, pixel, scratch[i]);
            else
                pencil_layer(p, pixel, scratch[i]);
        }
}

/* Uneven light, darker corners, a color cast, and sensor noise. */
static void photo_pixel(const struct painted *p, int x, int y, float rgb[3])
{
    float u = unit(p, x), v = unit(p, y), du = u - 0.5F, dv = v - 0.5F;
    float light = own(p, 4, 0.5F, 0.9F) + 0.7F * noise(p->seed + 3, u * 2.5F, v * 2.5F);
    light *= 1 - own(p, 5, 0, 0.9F) * (du * du + dv * dv);
    for (int c = 0; c < 3; c++) {
        float grain = own(p, 6, 0, 0.12F) * (noise_cell(p->seed + 17, x, y, c) - 0.5F);
        rgb[c] = clamp(rgb[c] * light * own(p, 8 + c, 0.8F, 1.15F) + grain);
    }
}

static void gray_pixel(const struct painted *p, int x, int y, float rgb[3])
{
    (void)x, (void)y;
    rgb[0] = rgb[1] = rgb[2] = powf(clamp(gray_of(rgb)), own(p, 11, 0.6F, 1.6F));
}

void painted_picture(const struct painted *p, float *rgb)
{
    if (p->manner == MANNER_PHOTO || p->manner == MANNER_GRAY)
        paint_pixels(p, p->manner == MANNER_PHOTO ? photo_pixel : gray_pixel, rgb);
}
