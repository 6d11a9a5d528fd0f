/* The inside of the corruptions: each is a function on one picture, in the file of its kind. */
#ifndef LMVR_SRC_IMAGE_CORRUPT_PARTS_H
#define LMVR_SRC_IMAGE_CORRUPT_PARTS_H

#include "image/corrupt.h"
#include "image/random.h"

#include <stddef.h>

/* A picture at work. What is written to `image` comes last in every corruption, so that a failure leaves it as it was. */
struct corrupting {
    struct image *image;
    int level;    /* severity - 1, the place in a table of parameters */
    double scale; /* the short side over 224, by which lengths are multiplied */
    double angle; /* degrees, NAN: to be drawn */
    struct random random;
    const struct frost *frost;
};

typedef lmvr_status corrupt_function(struct corrupting *work, lmvr_error *error);

corrupt_function corrupt_gaussian_noise, corrupt_shot_noise, corrupt_impulse_noise, corrupt_defocus_blur, corrupt_glass_blur,
    corrupt_motion_blur, corrupt_zoom_blur, corrupt_snow, corrupt_frost, corrupt_fog, corrupt_brightness, corrupt_contrast,
    corrupt_elastic_transform, corrupt_pixelate, corrupt_jpeg_compression;

static inline size_t image_bytes(const struct image *image)
{
    return (size_t)image->width * (size_t)image->height * 3;
}

/* The authors' pictures are arrays in 0 to 1 that are clipped, multiplied by 255 and cut off, not rounded. */
static inline uint8_t byte_of_unit(double value)
{
    return (uint8_t)((value < 0 ? 0 : value > 1 ? 1 : value) * 255);
}

static inline int clamp_int(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- blur.c: what several blurs share ---- */

/* The weights of a Gaussian from its center to `radius` on one side, as SciPy's gaussian_filter has them: they add up to 1 over
 * both sides. NULL: no memory. */
double *gaussian_weights(double sigma, double truncate, int *radius);

/* skimage's gaussian(): cut off at 4 sigma, edges repeated; the result is made bytes as above. `out` has the picture's size. */
lmvr_status gaussian_bytes(const struct image *image, double sigma, uint8_t *out, lmvr_error *error);

/* ImageMagick's motion blur, of rows of `channels` interleaved bytes; `out` may not be `in`. */
struct motion {
    double radius, sigma, angle; /* pixels, pixels, degrees */
};
lmvr_status motion_blur_bytes(const struct motion *motion, const uint8_t *in, int width, int height, int channels, uint8_t *out,
                              lmvr_error *error);

/* One axis of the authors' clipped_zoom(): output i lies between inputs first[i] and next[i], at part[i] of the way. */
struct zoom_axis {
    int *first, *next;
    float *part;
    int begin, end; /* the inputs that are read */
};
lmvr_status zoom_axis_init(struct zoom_axis *axis, int size, double factor, lmvr_error *error);
void zoom_axis_finish(struct zoom_axis *axis);

#endif
