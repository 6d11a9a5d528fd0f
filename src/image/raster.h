/* An image that is resized again and again, each time from what the last time left. */
#ifndef LMVR_SRC_IMAGE_RASTER_H
#define LMVR_SRC_IMAGE_RASTER_H

#include "image/preprocess.h"

struct raster {
    struct image image;
    bool owned; /* false: the pixels are another's */
};

/* Borrows `image` and never changes it. */
struct raster raster_of(const struct image *image);

/* Does nothing if it has this size, as Pillow. On failure the raster is unchanged. */
lmvr_status raster_resize(struct raster *raster, int width, int height, enum image_filter filter, lmvr_error *error);

void raster_finish(struct raster *raster);

#endif
