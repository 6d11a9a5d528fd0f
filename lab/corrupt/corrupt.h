/*
 * The 15 corruptions of ImageNet-C and the 4 of its extra set, at 5 severities (Hendrycks and Dietterich, "Benchmarking Neural
 * Network Robustness to Common Corruptions and Perturbations", ICLR 2019), with the parameters of the authors'
 * create_c/make_imagenet_c.py. Theirs are for pictures of 224 x 224; here a length (a radius, a deviation in pixels, a shift)
 * is multiplied by the short side over 224.
 */
#ifndef LMVR_LAB_CORRUPT_CORRUPT_H
#define LMVR_LAB_CORRUPT_CORRUPT_H

#include "image/image.h"

enum corruption_type {
    CORRUPT_GAUSSIAN_NOISE,
    CORRUPT_SHOT_NOISE,
    CORRUPT_IMPULSE_NOISE,
    CORRUPT_DEFOCUS_BLUR,
    CORRUPT_GLASS_BLUR,
    CORRUPT_MOTION_BLUR,
    CORRUPT_ZOOM_BLUR,
    CORRUPT_SNOW,
    CORRUPT_FROST,
    CORRUPT_FOG,
    CORRUPT_BRIGHTNESS,
    CORRUPT_CONTRAST,
    CORRUPT_ELASTIC_TRANSFORM,
    CORRUPT_PIXELATE,
    CORRUPT_JPEG_COMPRESSION,
    CORRUPTION_BENCHMARK_TYPES,                         /* those above are the benchmark, which its means are taken over */
    CORRUPT_GAUSSIAN_BLUR = CORRUPTION_BENCHMARK_TYPES, /* and those from here on the extra set */
    CORRUPT_SPECKLE_NOISE,
    CORRUPT_SPATTER,
    CORRUPT_SATURATE,
    CORRUPTION_TYPES
};

#define CORRUPTION_SEVERITIES 5
#define CORRUPTION_SIZE       224 /* of the authors' pictures */
#define CORRUPTION_QUALITY    85  /* of the JPEG files in which ImageNet-C comes */

/* The names of ImageNet-C's folders, in the order of the types. */
extern const char *const corruption_names[CORRUPTION_TYPES];

/* "noise", "blur", "weather" or "digital", as the paper groups them; "extra" for the extra set. */
const char *corruption_group(enum corruption_type type);

/* Sets of types are bits, 1 << type. */
#define CORRUPTION_BENCHMARK ((1U << CORRUPTION_BENCHMARK_TYPES) - 1)
#define CORRUPTION_EXTRA     (((1U << CORRUPTION_TYPES) - 1) & ~CORRUPTION_BENCHMARK)

/* False: there is no such name. */
bool corruption_find(const char *name, enum corruption_type *type);

/* The textures that frost is made of; many threads can read them at once. */
struct frost;

struct corruption {
    enum corruption_type type;
    int severity; /* 1 to 5 */
    double angle; /* degrees, of motion blur and snow; NAN: drawn */
    uint64_t seed;
    const struct frost *frost; /* needed by frost alone */
};

/*
 * Corrupts the picture in place; its size stays. `image_hash` stands for the picture among others (image_read() gives one):
 * with the seed, the type and the severity it decides everything random, so that a picture comes out the same alone, in
 * company, and with any number of threads. One call uses one thread. LMVR_ERROR_RESOURCE: no memory. LMVR_ERROR_INPUT: the
 * picture is longer than a JPEG can be. The picture is then as it was.
 */
lmvr_status image_corrupt(const struct corruption *corruption, uint64_t image_hash, struct image *image, lmvr_error *error);

/* Makes the pictures ImageNet-C's: torchvision's Resize(256) and CenterCrop(224), for another `size` than 224 in proportion. */
lmvr_status image_crop_imagenet_c(struct image *image, int size, lmvr_error *error);

/*
 * Reads the pictures of `folder` as textures, in name order; NULL makes five instead: ice ferns, light blue on gray, 512 x 512.
 * LMVR_ERROR_INVALID: the folder cannot be read, or has no picture that can be.
 */
lmvr_status frost_create(const char *folder, struct frost **frost, lmvr_error *error);
void frost_free(struct frost *frost);

#endif
