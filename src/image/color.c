#include "image/color.h"

#include <stdbool.h>
#include <string.h>

void palette_init_gray(struct palette *palette)
{
    for (int i = 0; i < 256; i++)
        memset(palette->rgb[i], i, 3);
}

void palette_read(struct palette *palette, const uint8_t *colors, size_t count, size_t stride, int red)
{
    struct palette gray;
    palette_init_gray(&gray);
    memset(palette, 0, sizeof *palette);
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            palette->rgb[i][c] = colors[i * stride + (red ? 2 - c : c)];
    if (memcmp(palette, &gray, 3 * count) == 0)
        *palette = gray;
}

void palette_look_up(const struct palette *palette, const uint8_t *indices, size_t count, uint8_t *rgb)
{
    for (size_t i = 0; i < count; i++)
        memcpy(rgb + 3 * i, palette->rgb[indices[i]], 3);
}

/* a * b / 255, rounded as Pillow does. */
static int scale_255(int a, int b)
{
    int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

void color_from_cmyk(const uint8_t cmyk[4], uint8_t rgb[3])
{
    int light = 255 - cmyk[3];
    for (int c = 0; c < 3; c++) {
        int value = light - scale_255(cmyk[c], light);
        rgb[c] = (uint8_t)(value < 0 ? 0 : value);
    }
}
