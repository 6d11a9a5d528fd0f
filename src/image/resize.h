/* Resizes the part of a canvas that a window shows. */
#ifndef LMVR_SRC_IMAGE_RESIZE_H
#define LMVR_SRC_IMAGE_RESIZE_H

#include "image/canvas.h"

/*
 * Resizes the canvas to width x height as Pillow does, but computes only the window, which must not be empty and must lie
 * within the result. `rgb` receives window.height rows of window.width pixels, `stride` bytes apart. Work and memory grow with
 * the image and the window, and with the canvas's sides but not its area.
 */
lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error);

#endif
