#include "lab/corrupt/pixels.h"

#include <stdlib.h>
#include <string.h>

lmvr_status pixels_copy(const lmvr_pixels *pixels, struct image *copy, lmvr_error *error)
{
    size_t size = 3 * (size_t)pixels->width * (size_t)pixels->height;
    *copy = (struct image){pixels->width, pixels->height, malloc(size)};
    if (!copy->rgb)
        return error_no_memory(error, "an image");
    memcpy(copy->rgb, pixels->rgb, size);
    return LMVR_OK;
}

lmvr_status pixels_put_back(lmvr_pixels *pixels, struct image *copy, lmvr_status status, lmvr_error *error)
{
    if (status == LMVR_OK)
        status = lmvr_pixels_replace(pixels, copy->width, copy->height, copy->rgb, error);
    image_finish(copy);
    return status;
}
