/* The ways of making views, for picture.c. */
#ifndef LMVR_SRC_IMAGE_WAYS_H
#define LMVR_SRC_IMAGE_WAYS_H

#include "image/canvas.h"
#include "image/normalize.h"
#include "image/picture.h"
#include "image/raster.h"

struct way {
    /* Fills in what depends on the image's size, which the picture holds: the tiles, and views with their sizes and areas. */
    lmvr_status (*plan)(const struct preprocess *p, struct picture *picture, lmvr_error *error);
    /* Writes the pixels of the planned views. */
    lmvr_status (*draw)(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error);
};

extern const struct way way_fixed, way_any_size, way_tiles, way_anyres;

/* Allocates views, each the whole of the image so far. `rows` and `columns` are of tiles, `whole` views that are none.
 * LMVR_ERROR_INPUT: too many. */
lmvr_status picture_make_views(struct picture *picture, int rows, int columns, int whole, lmvr_error *error);

/* Refuses a size that is empty or larger than a picture may be, which an image of the picture's size would be resized to. */
lmvr_status picture_check_size(const struct picture *picture, int64_t width, int64_t height, lmvr_error *error);

/* VIEWS_FIXED on a canvas, which is not padded any more. The size it gives, the area of canvas->image that this shows, and its
 * pixels. */
lmvr_status fixed_size(const struct preprocess *p, const struct canvas *canvas, struct pixel_size *size, lmvr_error *error);
void fixed_area(const struct preprocess *p, const struct canvas *canvas, double area[4]);
lmvr_status fixed_draw(const struct preprocess *p, const struct canvas *canvas, const struct pixel_size *size, float *pixels,
                       lmvr_error *error);

#endif
