/* The color map of heat.h, computed in Oklab. */
#include "lab/figure/heat.h"

#include <math.h>

/* Lightness and hue (degrees) at both ends; the hue increases, through 0 and red. */
#define FIRST_LIGHTNESS 0.28
#define LAST_LIGHTNESS  0.95
#define FIRST_HUE       285.0
#define LAST_HUE        465.0
#define MAX_CHROMA      0.23

static double cube(double x)
{
    return x * x * x;
}

/* Oklab to linear sRGB, which is outside [0, 1] if a screen cannot show the color. */
static void to_linear_rgb(double lightness, double a, double b, double rgb[3])
{
    double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
    double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
    double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
}

static bool can_be_shown(const double rgb[3])
{
    for (int c = 0; c < 3; c++)
        if (rgb[c] < 0 || rgb[c] > 1)
            return false;
    return true;
}

static uint8_t to_srgb(double linear)
{
    double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return (uint8_t)lround(255 * fmin(fmax(value, 0), 1));
}

/* The most saturated color of this lightness and hue in sRGB's gamut. */
static void saturate(double lightness, double hue, double rgb[3])
{
    double low = 0, high = MAX_CHROMA, angle = hue * M_PI / 180;
    for (int i = 0; i < 20; i++) {
        double chroma = (low + high) / 2;
        to_linear_rgb(lightness, chroma * cos(angle), chroma * sin(angle), rgb);
        if (can_be_shown(rgb))
            low = chroma;
        else
            high = chroma;
    }
    to_linear_rgb(lightness, low * cos(angle), low * sin(angle), rgb);
}

void heat_colors(uint8_t rgb[HEAT_COLORS][3])
{
    for (int i = 0; i < HEAT_COLORS; i++) {
        double t = (double)i / (HEAT_COLORS - 1), linear[3];
        saturate(FIRST_LIGHTNESS + (LAST_LIGHTNESS - FIRST_LIGHTNESS) * t, FIRST_HUE + (LAST_HUE - FIRST_HUE) * t, linear);
        for (int c = 0; c < 3; c++)
            rgb[i][c] = to_srgb(linear[c]);
    }
}
