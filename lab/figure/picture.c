#include "lab/figure/picture.h"

#include "image/encode.h"
#include "image/preprocess.h"
#include "lab/figure/surface.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THUMBNAIL_QUALITY 85

/* ---- size ------------------------------------------------------------------------------------------------------------ */

static int at_least_one(double pixels)
{
    return pixels < 1 ? 1 : (int)lround(pixels);
}

void picture_fit_size(int width, int height, int most_width, int most_height, bool enlarge, int *fit_width, int *fit_height)
{
    double scale = fmin((double)most_width / width, (double)most_height / height);
    if (!enlarge)
        scale = fmin(scale, 1);
    *fit_width = at_least_one(width * scale);
    *fit_height = at_least_one(height * scale);
}

lmvr_status picture_fit(const struct image *image, int most_width, int most_height, bool enlarge, struct image *out,
                        lmvr_error *error)
{
    int width, height;
    picture_fit_size(image->width, image->height, most_width, most_height, enlarge, &width, &height);
    return image_resize(image, width, height, FILTER_BICUBIC, out, error);
}

/* ---- files in memory ------------------------------------------------------------------------------------------------- */

lmvr_status picture_png(const struct image *image, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    cairo_surface_t *surface;
    *bytes = NULL;
    TRY(surface_from_image(image, &surface, error));
    lmvr_status status = surface_to_png(surface, bytes, size, error);
    cairo_surface_destroy(surface);
    return status;
}

lmvr_status picture_jpeg(const struct image *image, int quality, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    struct encoded jpeg;
    *bytes = NULL;
    *size = 0;
    TRY(image_encode_jpeg(image, quality, false, &jpeg, error));
    *bytes = jpeg.bytes;
    *size = jpeg.size;
    return LMVR_OK;
}

lmvr_status thumbnail(const struct image *image, int side, enum thumbnail_format format, uint8_t **bytes, size_t *size,
                      lmvr_error *error)
{
    struct image small;
    *bytes = NULL;
    TRY(picture_fit(image, side, side, false, &small, error));
    lmvr_status status = format == THUMBNAIL_PNG ? picture_png(&small, bytes, size, error)
                                                 : picture_jpeg(&small, THUMBNAIL_QUALITY, bytes, size, error);
    image_finish(&small);
    return status;
}

/* ---- files on disk --------------------------------------------------------------------------------------------------- */

lmvr_status picture_write(const struct image *image, int quality, const char *path, lmvr_error *error)
{
    struct encoded file;
    if (quality > 0)
        TRY(image_encode_jpeg(image, quality, true, &file, error));
    else
        TRY(image_encode_png(image, &file, error));
    lmvr_status status = encoded_write(&file, path, error);
    encoded_finish(&file);
    return status;
}

void picture_clear(const char *path)
{
    encoded_clear(path);
}
