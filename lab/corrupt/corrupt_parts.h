/* The inside of the corruptions: each is a function on one picture, in the file of its kind. */
#ifndef LMVR_LAB_CORRUPT_CORRUPT_PARTS_H
#define LMVR_LAB_CORRUPT_CORRUPT_PARTS_H

#include "format/random.h"
#include "lab/corrupt/corrupt.h"

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
    corrupt_elastic_transform, corrupt_pixelate, corrupt_jpeg_compression, corrupt_gaussian_blur, corrupt_speckle_noise,
    corrupt_spatter, corrupt_saturate;

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

/* ---- corrupt_plane.c: one number a pixel, and what lies beyond the border ---- */

struct plane {
    int width, height;
    float *values; /* (height, width) */
};

/* All values are 0. False: no memory; plane_finish() is due in either case. */
bool plane_init(struct plane *plane, int width, int height);
void plane_finish(struct plane *plane);

static inline size_t plane_size(const struct plane *plane)
{
    return (size_t)plane->width * (size_t)plane->height;
}

/* The place from 0 to size - 1 that a place outside stands for. */
typedef int border_function(int64_t place, int size);
border_function border_nearest;     /* a a | a b c d | d d */
border_function border_reflect;     /* b a | a b c d | d c */
border_function border_reflect_101; /* c b | a b c d | c b */

/* A Gaussian, cut off at `truncate` sigma. False: no memory, and the plane is as it was. */
bool plane_smooth(struct plane *plane, double sigma_x, double sigma_y, double truncate, border_function *border);

/* Each value becomes the mean of the square of 2 radius + 1 values around it; borders by border_reflect_101. As above. */
bool plane_box_mean(struct plane *plane, int radius);

/* ---- corrupt_edges.c: OpenCV's Canny() and distanceTransform() ---- */

/*
 * `distances` become those to the nearest edge of `bytes` (height, width), in pixels; 16384 and more where there is no edge.
 * Edges are Canny's, with Sobel gradients in the 1-norm and thresholds `low` and `high`; distances are the chamfer ones of the
 * 5 x 5 mask, within 2 % of Euclid's. False: no memory.
 */
bool edge_distances(const uint8_t *bytes, int low, int high, struct plane *distances);

/* ---- corrupt_spatter.c ---- */

/* How light falls on the drops that `liquid` (height, width) shows where it is not 0: whole numbers from 0 to 255. False: no
 * memory. */
bool spatter_relief(const uint8_t *liquid, double scale, struct plane *relief);

/* ---- corrupt_blur.c: what several blurs share ---- */

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
