/* Resizing a part of a picture that may lie on a larger, one-colored canvas, without making either in full. */
#ifndef LMVR_SRC_IMAGE_RESIZE_H
#define LMVR_SRC_IMAGE_RESIZE_H

#include "image/preprocess.h"

/* `image` with its upper left corner at (left, top) of a width x height canvas of the color `fill`. */
struct canvas {
    const struct image *image;
    int width, height, left, top;
    uint8_t fill[3];
};

struct window {
    int x, y, width, height;
};

/*
 * What of the canvas, resized to width x height as Pillow does it, shows in the window, which is not empty and lies inside.
 * `rgb` receives window.height rows of window.width pixels, `stride` bytes apart.
 */
lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error);

/* The pixels of the canvas in columns [begin, end) of row y. */
void canvas_row(const struct canvas *in, int y, int begin, int end, uint8_t *rgb);

#endif
