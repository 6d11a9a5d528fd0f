/* Images as files for viewing: scaled to fit, and encoded as PNG or JPEG in memory. */
#ifndef LMVR_LAB_FIGURE_PICTURE_H
#define LMVR_LAB_FIGURE_PICTURE_H

#include "image/image.h"

/* The size of an image scaled in proportion to just fit; each side is at least 1. Not enlarged unless `enlarge`. */
void picture_fit_size(int width, int height, int most_width, int most_height, bool enlarge, int *fit_width, int *fit_height);

/* The image at that size, by Pillow's bicubic filter; allocated here. */
lmvr_status picture_fit(const struct image *image, int most_width, int most_height, bool enlarge, struct image *out,
                        lmvr_error *error);

/* `*bytes` is a complete PNG file, to be freed. Sides of at most 32,767 pixels. */
lmvr_status picture_png(const struct image *image, uint8_t **bytes, size_t *size, lmvr_error *error);

/* `*bytes` is a complete JPEG file, to be freed. Sides of at most 65,500 pixels; quality from 1 to 100. */
lmvr_status picture_jpeg(const struct image *image, int quality, uint8_t **bytes, size_t *size, lmvr_error *error);

/* Writes a PNG file or, with a `quality` from 1 to 100, a JPEG file with Huffman codes of its own, as encoded_write() does. */
lmvr_status picture_write(const struct image *image, int quality, const char *path, lmvr_error *error);
/* Removes the temporary file that a killed picture_write() of `path` has left. */
void picture_clear(const char *path);

enum thumbnail_format { THUMBNAIL_PNG, THUMBNAIL_JPEG };

/* The image scaled down, if necessary, to sides of at most `side` pixels, as a file in memory, to be freed. JPEG quality is
 * 85. */
lmvr_status thumbnail(const struct image *image, int side, enum thumbnail_format format, uint8_t **bytes, size_t *size,
                      lmvr_error *error);

#endif
