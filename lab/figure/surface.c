#include "lab/figure/surface.h"

#include <stdlib.h>
#include <string.h>

lmvr_status surface_status(cairo_status_t status, const char *what, lmvr_error *error)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return LMVR_OK;
    if (status == CAIRO_STATUS_NO_MEMORY)
        return error_no_memory(error, what);
    return error_set(error, LMVR_ERROR_INVALID, "%s cannot be drawn: %s", what, cairo_status_to_string(status));
}

lmvr_status surface_from_image(const struct image *image, cairo_surface_t **surface, lmvr_error *error)
{
    cairo_surface_t *made = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    lmvr_status status = surface_status(cairo_surface_status(made), "a picture", error);
    *surface = NULL;
    if (status != LMVR_OK) {
        cairo_surface_destroy(made);
        return status;
    }
    cairo_surface_flush(made);
    unsigned char *data = cairo_image_surface_get_data(made);
    size_t stride = (size_t)cairo_image_surface_get_stride(made);
    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->rgb + (size_t)y * image->width * 3;
        for (int x = 0; x < image->width; x++, from += 3) {
            uint32_t pixel = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
            memcpy(data + y * stride + 4 * (size_t)x, &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(made);
    *surface = made;
    return LMVR_OK;
}

struct growing {
    uint8_t *bytes;
    size_t size, space;
};

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int length)
{
    struct growing *g = closure;
    if (length > g->space - g->size) {
        size_t space = g->space * 2 + length + 65536;
        uint8_t *bytes = realloc(g->bytes, space);
        if (!bytes)
            return CAIRO_STATUS_NO_MEMORY;
        g->bytes = bytes;
        g->space = space;
    }
    memcpy(g->bytes + g->size, data, length);
    g->size += length;
    return CAIRO_STATUS_SUCCESS;
}

lmvr_status surface_to_png(cairo_surface_t *surface, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    struct growing g = {.bytes = NULL};
    *bytes = NULL;
    *size = 0;
    lmvr_status status = surface_status(cairo_surface_write_to_png_stream(surface, append, &g), "a PNG image", error);
    if (status != LMVR_OK) {
        free(g.bytes);
        return status;
    }
    *bytes = g.bytes;
    *size = g.size;
    return LMVR_OK;
}
