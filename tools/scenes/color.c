#include "tools/scenes/color.h"

#include <math.h>

const char *const paint_names[PAINTS] = {
    [PAINT_RED] = "red",       [PAINT_YELLOW] = "yellow", [PAINT_GREEN] = "green", [PAINT_BLUE] = "blue",
    [PAINT_PURPLE] = "purple", [PAINT_PINK] = "pink",     [PAINT_BROWN] = "brown",
};

/* Hue in turns; chroma is multiplied by `kept`, lightness becomes kept * lightness + added. */
static const struct {
    double hue;
    float chroma, kept, added;
} paints[PAINTS] = {
    [PAINT_RED] = {0.0, 1.0F, 0.9F, 0},           [PAINT_YELLOW] = {0.145, 1.0F, 0.8F, 0.14F},
    [PAINT_GREEN] = {0.36, 0.8F, 0.8F, 0},        [PAINT_BLUE] = {0.61, 1.0F, 0.95F, 0.02F},
    [PAINT_PURPLE] = {0.77, 0.75F, 0.85F, 0.02F}, [PAINT_PINK] = {0.93, 0.7F, 0.6F, 0.38F},
    [PAINT_BROWN] = {0.065, 0.5F, 0.62F, 0},
};

/* The color of full saturation and half lightness: its largest component is 1, its smallest 0. */
static void pure_color(double hue, float rgb[3])
{
    double sixth = (hue - floor(hue)) * 6;
    for (int c = 0; c < 3; c++) {
        double away = fabs(fmod(sixth - 2 * c + 9, 6) - 3); /* from this component's hue */
        rgb[c] = (float)fmin(1, fmax(0, 2 - away));
    }
}

void color_from_hsl(double hue, double saturation, double lightness, float rgb[3])
{
    float chroma = (float)((1 - fabs(2 * lightness - 1)) * saturation);
    pure_color(hue, rgb);
    for (int c = 0; c < 3; c++)
        rgb[c] = (float)lightness + chroma * (rgb[c] - 0.5F);
}

void color_mix(const float a[3], const float b[3], float t, float out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = a[c] + t * (b[c] - a[c]);
}

void color_scale(float rgb[3], float factor)
{
    for (int c = 0; c < 3; c++)
        rgb[c] *= factor;
}

/* ---- tones ---- */

/* A hue rotation about the gray axis, by Rodrigues' formula. */
struct tone tone_of(double turn, double brightness, enum paint paint)
{
    struct tone tone = {.paint = paint};
    double angle = turn * 2 * M_PI, c = cos(angle), s = sin(angle) / sqrt(3);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double value = (1 - c) / 3;
            if (i == j)
                value += c;
            else
                value += (j - i + 3) % 3 == 1 ? -s : s;
            tone.hue[i][j] = (float)(value * brightness);
        }
    return tone;
}

/* Lightness and chroma are HSL's. Gray parts stay gray: tires, windows, the whites of eyes. */
static void repaint(enum paint paint, float rgba[4])
{
    float alpha = rgba[3], high = fmaxf(rgba[0], fmaxf(rgba[1], rgba[2])), low = fminf(rgba[0], fminf(rgba[1], rgba[2]));
    float chroma = (high - low) * paints[paint].chroma, weight = (high - low) / alpha * 2.5F, pure[3];
    if (weight > 1)
        weight = 1;
    float lightness = paints[paint].kept * (high + low) / 2 + paints[paint].added * alpha;
    float room = 2 * fminf(lightness, alpha - lightness); /* the highest chroma possible at this lightness */
    chroma = fmaxf(0, fminf(chroma, room));
    pure_color(paints[paint].hue, pure);
    for (int c = 0; c < 3; c++)
        rgba[c] += weight * (lightness + chroma * (pure[c] - 0.5F) - rgba[c]);
}

void tone_apply(const struct tone *tone, float rgba[4])
{
    float in[3] = {rgba[0], rgba[1], rgba[2]};
    if (rgba[3] <= 0)
        return;
    for (int c = 0; c < 3; c++) {
        float value = tone->hue[c][0] * in[0] + tone->hue[c][1] * in[1] + tone->hue[c][2] * in[2];
        rgba[c] = fminf(rgba[3], fmaxf(0, value));
    }
    if (tone->paint != PAINT_NONE)
        repaint(tone->paint, rgba);
}
