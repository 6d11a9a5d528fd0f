/* Internals of the corruptions: each is a function on one image, in the file of its kind. */
#ifndef LMVR_LAB_CORRUPT_CORRUPT_PARTS_H
#define LMVR_LAB_CORRUPT_CORRUPT_PARTS_H

#include "format/random.h"
#include "lab/corrupt/corrupt.h"

#include <stddef.h>

/* The image being corrupted. Every corruption writes to `image` last, so that a failure leaves it unchanged. */
struct corrupting {
    struct image *image;
    int level;    /* severity - 1, an index into a table of parameters */
    double scale; /* short side over 224; lengths are multiplied by it */
    double angle; /* degrees; NAN: random */
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

/* The authors' images are arrays in 0 to 1 that are clipped, multiplied by 255 and truncated, not rounded. */
static inline uint8_t byte_of_unit(double value)
{
    return (uint8_t)((value < 0 ? 0 : value > 1 ? 1 : value) * 255);
}

static inline int clamp_int(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- corrupt_plane.c: one float per pixel, with several border rules ---- */

struct plane {
    int width, height;
    float *values; /* (height, width) */
};

/* All values are 0. False: out of memory. Call plane_finish() either way. */
bool plane_init(struct plane *plane, int width, int height);
void plane_finish(struct plane *plane);

static inline size_t plane_size(const struct plane *plane)
{
    return (size_t)plane->width * (size_t)plane->height;
}

/* Maps a position outside to one from 0 to size - 1. */
typedef int border_function(int64_t place, int size);
border_function border_nearest;     /* a a | a b c d | d d */
border_function border_reflect;     /* b a | a b c d | d c */
border_function border_reflect_101; /* c b | a b c d | c b */

/* A Gaussian truncated at `truncate` sigma. False: out of memory, and the plane is unchanged. */
bool plane_smooth(struct plane *plane, double sigma_x, double sigma_y, double truncate, border_function *border);

/* Replaces each value by the mean over the square of side 2 radius + 1 around it, with border_reflect_101. False: as above. */
bool plane_box_mean(struct plane *plane, int radius);

/* ---- corrupt_edges.c: OpenCV's Canny() and distanceTransform() ---- */

/*
 * Fills `distances` with those to the nearest edge of `bytes` (height, width), in pixels; 16384 or more if there is no edge.
 * Edges are Canny's, with Sobel gradients in the 1-norm and thresholds `low` and `high`; distances are chamfer distances with
 * the 5 x 5 mask, within 2 % of Euclidean ones. False: out of memory.
 */
bool edge_distances(const uint8_t *bytes, int low, int high, struct plane *distances);

/* ---- corrupt_spatter.c ---- */

/* The light on the drops, which are where `liquid` (height, width) is not 0: integers from 0 to 255. False: out of memory. */
bool spatter_relief(const uint8_t *liquid, double scale, struct plane *relief);

/* ---- corrupt_blur.c: shared by several blurs ---- */

/* The weights of a Gaussian from its center to `radius` on one side, as in SciPy's gaussian_filter: over both sides they add up
 * to 1. NULL: out of memory. */
double *gaussian_weights(double sigma, double truncate, int *radius);

/* skimage's gaussian(): truncated at 4 sigma, edges repeated, converted to bytes as above. `out` has the image's size. */
lmvr_status gaussian_bytes(const struct image *image, double sigma, uint8_t *out, lmvr_error *error);

/* ImageMagick's motion blur on rows of `channels` interleaved bytes; `out` must not be `in`. */
struct motion {
    double radius, sigma, angle; /* pixels, pixels, degrees */
};
lmvr_status motion_blur_bytes(const struct motion *motion, const uint8_t *in, int width, int height, int channels, uint8_t *out,
                              lmvr_error *error);

/* One axis of the authors' clipped_zoom(): output i is between inputs first[i] and next[i], at fraction part[i]. */
struct zoom_axis {
    int *first, *next;
    float *part;
    int begin, end; /* range of inputs that are read */
};
lmvr_status zoom_axis_init(struct zoom_axis *axis, int size, double factor, lmvr_error *error);
void zoom_axis_finish(struct zoom_axis *axis);

#endif
