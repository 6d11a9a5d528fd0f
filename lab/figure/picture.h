/* Images as files to look at: made to fit, and written as PNG or JPEG into memory. */
#ifndef LMVR_LAB_FIGURE_PICTURE_H
#define LMVR_LAB_FIGURE_PICTURE_H

#include "image/image.h"

/* The size of an image that is scaled, in proportion, to just fit; each side is at least 1. Not enlarged unless asked. */
void picture_fit_size(int width, int height, int most_width, int most_height, bool enlarge, int *fit_width, int *fit_height);

/* The image at that size, by Pillow's bicubic filter; made here. */
lmvr_status picture_fit(const struct image *image, int most_width, int most_height, bool enlarge, struct image *out,
                        lmvr_error *error);

/* `*bytes` is a whole PNG file, to be freed. Sides of at most 32,767 pixels. */
lmvr_status picture_png(const struct image *image, uint8_t **bytes, size_t *size, lmvr_error *error);

/* `*bytes` is a whole JPEG file, to be freed. Sides of at most 65,500 pixels; quality from 1 to 100. */
lmvr_status picture_jpeg(const struct image *image, int quality, uint8_t **bytes, size_t *size, lmvr_error *error);

enum thumbnail_format { THUMBNAIL_PNG, THUMBNAIL_JPEG };

/* The image, not enlarged, with no side of more than `side` pixels, as a file in memory, to be freed. JPEG is of quality 85. */
lmvr_status thumbnail(const struct image *image, int side, enum thumbnail_format format, uint8_t **bytes, size_t *size,
                      lmvr_error *error);

#endif
