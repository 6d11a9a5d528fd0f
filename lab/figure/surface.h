/* Converts between images, cairo's surfaces and PNG files. */
#ifndef LMVR_LAB_FIGURE_SURFACE_H
#define LMVR_LAB_FIGURE_SURFACE_H

#include "image/image.h"

#include <cairo.h>

/* Converts cairo's status to ours; `what` is what was being drawn. LMVR_OK if there was no error. */
lmvr_status surface_status(cairo_status_t status, const char *what, lmvr_error *error);

/* The image on a surface of its size, to be destroyed; NULL after an error. */
lmvr_status surface_from_image(const struct image *image, cairo_surface_t **surface, lmvr_error *error);

/* The surface as a complete PNG file, to be freed. */
lmvr_status surface_to_png(cairo_surface_t *surface, uint8_t **bytes, size_t *size, lmvr_error *error);

#endif
