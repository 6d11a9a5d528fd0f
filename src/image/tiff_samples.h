/* What the samples of a TIFF file mean: the combinations of tags that Pillow knows, and how they become RGB. */
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
    uint16_t count;  /* samples a pixel as they are stored */
    uint16_t used;   /* the first ones of them, which make the color; 1, 3 or 4 */
    bool inverted;   /* 0 is white */
    bool multiplied; /* by alpha, the fourth sample */
    bool planes_apart;
    struct palette palette;
};

/* Reads the tags. False where they say something that is not read, which *what then names. */
bool tiff_samples_read(TIFF *tiff, struct tiff_samples *samples, const char **what);

/* A pixel's `used` samples, reduced to 8 bits, for `width` pixels of a stored row in the machine's byte order. `each` is the
 * number of samples a pixel in that row; the first of them becomes number `first` of `out`, `used` bytes a pixel. */
void tiff_samples_reduce(const struct tiff_samples *samples, const uint8_t *row, uint32_t width, uint16_t each, uint16_t first,
                         uint8_t *out);

/* From reduced samples, `used` bytes a pixel, to RGB. */
void tiff_samples_to_rgb(const struct tiff_samples *samples, const uint8_t *reduced, uint32_t width, uint8_t *rgb);

#endif
