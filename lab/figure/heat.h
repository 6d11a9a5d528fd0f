/*
 * Heat maps: a grid of weights, such as attention to visual tokens, as colors over the image.
 *
 * The color map is a path through Oklab (B. Ottosson, "A perceptual color space for image processing", 2020) from dark violet
 * through magenta, red and orange to light yellow, with evenly increasing lightness, so that brighter means more in grayscale
 * and to color-blind readers too.
 */
#ifndef LMVR_LAB_FIGURE_HEAT_H
#define LMVR_LAB_FIGURE_HEAT_H

#include "image/image.h"

struct heat {
    const float *weights; /* (rows, columns), at least 0; non-finite values count as 0 */
    int rows, columns;    /* at least 1 */
    lmvr_view view;       /* what the grid covers, in pixels of the image; may extend beyond it */
};

#define HEAT_COLORS 256

/* From lowest to highest. */
void heat_colors(uint8_t rgb[HEAT_COLORS][3]);

/* The same grid over the image resized from one size to another. */
struct heat heat_resized(const struct heat *heat, int from_width, int from_height, int to_width, int to_height);

struct heat_peak {
    int row, column;
    double x, y; /* the cell's center, in image pixels; inside the image unless no cell's center is */
    float weight;
};

/* The largest weight among the cells whose center is inside an image of this size, which leaves out padding. The first one if
 * tied. */
struct heat_peak heat_peak(const struct heat *heat, int width, int height);

/*
 * The weights that get the first and the last color: the minimum, and the 99th percentile or a tenth of the maximum, whichever
 * is larger, over the cells visible in the image. A few tokens often attract attention whatever they show; without the
 * percentile they would leave the rest of the image without color.
 */
void heat_range(const struct heat *heat, int width, int height, float *low, float *high);

/*
 * Draws the heat over the image into `out`, which is allocated here, of the same size. Weights are interpolated between the
 * cells' centers by monotone cubics (Fritsch and Butland, 1984), first along rows and then along columns: smooth, exact at each
 * center, and never outside its neighbors' range. More heat is more opaque, up to three quarters; where there is none, the
 * image stays, less saturated. What is outside the view, which the model did not see, is pale.
 */
lmvr_status heat_overlay(const struct image *image, const struct heat *heat, struct image *out, lmvr_error *error);

#endif
