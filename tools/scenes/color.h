/* Colors as RGB floats from 0 to 1, and the named colors that objects are painted in. */
#ifndef LMVR_TOOLS_SCENES_COLOR_H
#define LMVR_TOOLS_SCENES_COLOR_H

/* Hue in turns, of any value; saturation and lightness from 0 to 1. */
void color_from_hsl(double hue, double saturation, double lightness, float rgb[3]);

/* a + t (b - a). */
void color_mix(const float a[3], const float b[3], float t, float out[3]);

void color_scale(float rgb[3], float factor);

/* No orange: it is also the name of a fruit. */
enum paint { PAINT_NONE, PAINT_RED, PAINT_YELLOW, PAINT_GREEN, PAINT_BLUE, PAINT_PURPLE, PAINT_PINK, PAINT_BROWN, PAINTS };
extern const char *const paint_names[PAINTS];

/* How an object's colors are changed. */
struct tone {
    float hue[3][3];  /* a slight hue rotation, times the brightness */
    enum paint paint; /* the color of its colored parts */
};

/* `turn` is the hue rotation, in turns. */
struct tone tone_of(double turn, double brightness, enum paint paint);

/* Changes premultiplied RGBA. */
void tone_apply(const struct tone *tone, float rgba[4]);

#endif
