/* Contrast, pixelate and JPEG compression; corrupt_elastic.c has the elastic transform. */
#include "image/encode.h"
#include "image/preprocess.h"
#include "lab/corrupt/corrupt_parts.h"

#include <stdlib.h>

lmvr_status corrupt_contrast(struct corrupting *work, lmvr_error *error)
{
    static const double parameters[] = {0.4, .3, .2, .1, .05};
    (void)error;
    double c = parameters[work->level];
    uint64_t sums[3] = {0};
    uint8_t *rgb = work->image->rgb, table[3][256];
    size_t n = image_bytes(work->image), pixels = n / 3;
    for (size_t i = 0; i < n; i++)
        sums[i % 3] += rgb[i];
    for (int channel = 0; channel < 3; channel++) {
        double mean = (double)sums[channel] / 255 / (double)pixels;
        for (int byte = 0; byte < 256; byte++)
            table[channel][byte] = byte_of_unit((byte / 255. - mean) * c + mean);
    }
    for (size_t i = 0; i < n; i++)
        rgb[i] = table[i % 3][rgb[i]];
    return LMVR_OK;
}

lmvr_status corrupt_pixelate(struct corrupting *work, lmvr_error *error)
{
    static const double parameters[] = {0.6, 0.5, 0.4, 0.3, 0.25};
    struct image *image = work->image, small, out;
    int width = (int)(image->width * parameters[work->level]), height = (int)(image->height * parameters[work->level]);
    TRY(image_resize(image, width > 0 ? width : 1, height > 0 ? height : 1, FILTER_BOX, &small, error));
    lmvr_status status = image_resize(&small, image->width, image->height, FILTER_BOX, &out, error);
    image_finish(&small);
    if (status != LMVR_OK)
        return status;
    image_finish(image);
    *image = out;
    return LMVR_OK;
}

lmvr_status corrupt_jpeg_compression(struct corrupting *work, lmvr_error *error)
{
    static const int qualities[] = {25, 18, 15, 10, 7};
    return image_jpeg_round_trip(work->image, qualities[work->level], error);
}
