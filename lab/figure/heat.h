/*
 * Heat maps: a grid of weights, such as attention to visual tokens, as colors over the image.
 *
 * The colors are a path through Oklab (B. Ottosson, "A perceptual color space for image processing", 2020) from a dark violet
 * over magenta, red and orange to a light yellow, along which lightness rises evenly: what is brighter is more, in
 * gray and to color-blind eyes too.
 */
#ifndef LMVR_LAB_FIGURE_HEAT_H
#define LMVR_LAB_FIGURE_HEAT_H

#include "image/image.h"

struct heat {
    const float *weights; /* (rows, columns), at least 0; what is not finite counts as 0 */
    int rows, columns;    /* at least 1 */
    lmvr_view view;       /* what the grid covers, in pixels of the image it is laid over; may reach outside */
};

#define HEAT_COLORS 256

/* From least to most. */
void heat_colors(uint8_t rgb[HEAT_COLORS][3]);

/* The same grid over the image resized from one size to another. */
struct heat heat_resized(const struct heat *heat, int from_width, int from_height, int to_width, int to_height);

struct heat_peak {
    int row, column;
    double x, y; /* the cell's center, in the image's pixels; inside the image unless no cell's center is */
    float weight;
};

/* The largest weight among the cells whose center lies in an image of this size: padding is left out. Of equal ones, the first.
 */
struct heat_peak heat_peak(const struct heat *heat, int width, int height);

/*
 * The weights that get the first and the last color: the least, and the 99th percentile, or a tenth of the largest where that
 * is more, of the cells that show in the image. A few tokens often take attention whatever they show; without the percentile
 * they would leave the rest of a picture without color.
 */
void heat_range(const struct heat *heat, int width, int height, float *low, float *high);

/*
 * The image with the heat on it, into `out`, made here, of the same size. Weights are interpolated between the cells' centers
 * by monotone cubics (Fritsch and Butland, 1984), first along rows and then down columns: smooth, right at each center, and
 * never outside its neighbors' range. The more heat, the more opaque, up to three quarters; where there is none, the image
 * stays, with less color. What lies outside the view, which the model has not seen, is pale.
 */
lmvr_status heat_overlay(const struct image *image, const struct heat *heat, struct image *out, lmvr_error *error);

#endif
