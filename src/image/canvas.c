#include "image/canvas.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *pixel(const struct canvas *in, int x, int y)
{
    int column = x - in->left, row = y - in->top;
    if (column < 0 || row < 0 || column >= in->image->width || row >= in->image->height)
        return in->fill;
    return in->image->rgb + ((size_t)row * in->image->width + column) * 3;
}

void canvas_copy(const struct canvas *in, const struct window *window, uint8_t *rgb, size_t stride)
{
    for (int y = 0; y < window->height; y++)
        for (int x = 0; x < window->width; x++)
            memcpy(rgb + y * stride + 3 * (size_t)x, pixel(in, window->x + x, window->y + y), 3);
}

/* The input index for each of outputs begin + i; -1 where it lies outside the input, which leaves black. Pillow steps through
 * the input by repeated addition (its Geometry.c), so the rounding errors are part of the result. */
static int *nearest_indices(int in_size, int out_size, int begin, int count)
{
    int *indices = calloc((size_t)count + 1, sizeof *indices);
    double step = (double)(float)in_size / out_size, at = step * 0.5;
    for (int i = 0; indices && i < begin + count; i++, at += step)
        if (i >= begin)
            indices[i - begin] = (int)at < in_size ? (int)at : -1;
    return indices;
}

lmvr_status canvas_resize_nearest(const struct canvas *in, int width, int height, const struct window *window, uint8_t *rgb,
                                  size_t stride, lmvr_error *error)
{
    static const uint8_t black[3];
    int *columns = nearest_indices(in->width, width, window->x, window->width);
    int *rows = nearest_indices(in->height, height, window->y, window->height);
    bool ready = columns && rows;
    for (int y = 0; ready && y < window->height; y++)
        for (int x = 0; x < window->width; x++) {
            const uint8_t *from = columns[x] < 0 || rows[y] < 0 ? black : pixel(in, columns[x], rows[y]);
            memcpy(rgb + y * stride + 3 * (size_t)x, from, 3);
        }
    free(columns);
    free(rows);
    return ready ? LMVR_OK : error_no_memory(error, "resizing an image");
}
