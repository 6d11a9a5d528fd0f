/* A picture on a larger canvas of one color, which is never allocated in full. */
#ifndef LMVR_SRC_IMAGE_CANVAS_H
#define LMVR_SRC_IMAGE_CANVAS_H

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

/* Copies the pixels that the window shows; it must lie within the canvas. `rgb` receives window.height rows of window.width
 * pixels, `stride` bytes apart. */
void canvas_copy(const struct canvas *in, const struct window *window, uint8_t *rgb, size_t stride);

/* The same for the canvas resized to width x height by Pillow's nearest filter. */
lmvr_status canvas_resize_nearest(const struct canvas *in, int width, int height, const struct window *window, uint8_t *rgb,
                                  size_t stride, lmvr_error *error);

#endif
