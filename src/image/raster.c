#include "image/raster.h"

struct raster raster_of(const struct image *image)
{
    return (struct raster){*image, false};
}

lmvr_status raster_resize(struct raster *raster, int width, int height, enum image_filter filter, lmvr_error *error)
{
    struct image out;
    if (raster->image.width == width && raster->image.height == height)
        return LMVR_OK;
    TRY(image_resize(&raster->image, width, height, filter, &out, error));
    raster_finish(raster);
    *raster = (struct raster){out, true};
    return LMVR_OK;
}

void raster_finish(struct raster *raster)
{
    if (raster->owned)
        image_finish(&raster->image);
    *raster = (struct raster){0};
}
