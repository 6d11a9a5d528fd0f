/* The samples of a TIFF file: the combinations of tags that Pillow supports, and the conversion to RGB. */
#ifndef LMVR_SRC_IMAGE_TIFF_SAMPLES_H
#define LMVR_SRC_IMAGE_TIFF_SAMPLES_H

#include "image/color.h"

#include <stdbool.h>

#include <tiffio.h>

enum tiff_color { TIFF_GRAY, TIFF_PALETTE, TIFF_RGB, TIFF_CMYK };

#define TIFF_MAX_SAMPLES 6

struct tiff_samples {
    enum tiff_color color;
    uint16_t bits;   /* 1, 2, 4, 8, 12, 16 or 32 */
    uint16_t format; /* SAMPLEFORMAT_UINT, _INT or _IEEEFP */
    uint16_t count;  /* stored samples per pixel */
    uint16_t used;   /* how many of them, the first ones, make the color: 1, 3 or 4 */
    bool inverted;   /* 0 is white */
    bool multiplied; /* colors are premultiplied by alpha, the fourth sample */
    bool planes_apart;
    struct palette palette;
};

/* Reads the tags. False if they ask for something unsupported, which *what then names. */
bool tiff_samples_read(TIFF *tiff, struct tiff_samples *samples, const char **what);

/* Reduces the samples of `width` pixels of a stored row, in the machine's byte order, to 8 bits. The row has `each` samples per
 * pixel, `out` has `used` bytes per pixel; a pixel's first sample goes to byte `first` of it. */
void tiff_samples_reduce(const struct tiff_samples *samples, const uint8_t *row, uint32_t width, uint16_t each, uint16_t first,
                         uint8_t *out);

/* Converts reduced samples, `used` bytes per pixel, to RGB. */
void tiff_samples_to_rgb(const struct tiff_samples *samples, const uint8_t *reduced, uint32_t width, uint8_t *rgb);

#endif
