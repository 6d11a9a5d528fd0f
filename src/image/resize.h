/* Resizing what a window shows of a canvas. */
#ifndef LMVR_SRC_IMAGE_RESIZE_H
#define LMVR_SRC_IMAGE_RESIZE_H

#include "image/canvas.h"

/*
 * What of the canvas, resized to width x height as Pillow does it, shows in the window, which is not empty and lies inside.
 * `rgb` receives window.height rows of window.width pixels, `stride` bytes apart. Work and memory grow with the image and
 * the window, and with the canvas's sides but not its area.
 */
lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error);

#endif
