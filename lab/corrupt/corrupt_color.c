/* Brightness and saturation: changes in HSV, with skimage's rgb2hsv and hsv2rgb reproduced step by step to get the same
 * bytes. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>

struct hsv {
    double hue, saturation, value; /* 0 to 1 */
};

static struct hsv hsv_of(const uint8_t *rgb)
{
    double r = rgb[0] / 255., g = rgb[1] / 255., b = rgb[2] / 255.;
    double value = fmax(r, fmax(g, b)), delta = value - fmin(r, fmin(g, b));
    struct hsv hsv = {0, delta > 0 ? delta / value : 0, value};
    if (delta > 0)
        hsv.hue = (b == value ? 4 + (r - g) / delta : g == value ? 2 + (b - r) / delta : (g - b) / delta) / 6;
    hsv.hue = hsv.hue < 0 ? hsv.hue + 1 : hsv.hue;
    return hsv;
}

static void set_hsv(uint8_t *rgb, const struct hsv *hsv)
{
    double hue = hsv->hue * 6, value = hsv->value;
    int sector = (int)hue;
    double f = hue - sector, p = value * (1 - hsv->saturation), q = value * (1 - f * hsv->saturation),
           t = value * (1 - (1 - f) * hsv->saturation);
    const double out[6][3] = {{value, t, p}, {q, value, p}, {p, value, t}, {p, q, value}, {t, p, value}, {value, p, q}};
    for (int c = 0; c < 3; c++)
        rgb[c] = byte_of_unit(out[sector % 6][c]);
}

lmvr_status corrupt_brightness(struct corrupting *work, lmvr_error *error)
{
    static const double parameters[] = {.1, .2, .3, .4, .5};
    (void)error;
    for (size_t i = 0, n = image_bytes(work->image); i < n; i += 3) {
        struct hsv hsv = hsv_of(work->image->rgb + i);
        hsv.value = fmin(hsv.value + parameters[work->level], 1);
        set_hsv(work->image->rgb + i, &hsv);
    }
    return LMVR_OK;
}

lmvr_status corrupt_saturate(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double times, plus;
    } parameters[] = {{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {20, 0.2}};
    (void)error;
    for (size_t i = 0, n = image_bytes(work->image); i < n; i += 3) {
        struct hsv hsv = hsv_of(work->image->rgb + i);
        hsv.saturation = fmin(hsv.saturation * parameters[work->level].times + parameters[work->level].plus, 1);
        set_hsv(work->image->rgb + i, &hsv);
    }
    return LMVR_OK;
}
