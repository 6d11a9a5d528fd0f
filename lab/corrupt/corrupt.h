/*
 * The 15 corruptions of ImageNet-C and the 4 of its extra set, at 5 severities (Hendrycks and Dietterich, "Benchmarking Neural
 * Network Robustness to Common Corruptions and Perturbations", ICLR 2019), with the parameters of the authors'
 * create_c/make_imagenet_c.py. Their parameters are for images of 224 x 224; here lengths (radii, sigmas in pixels, shifts) are
 * multiplied by the short side over 224.
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
    CORRUPTION_BENCHMARK_TYPES,                         /* the types above are the benchmark, over which means are taken */
    CORRUPT_GAUSSIAN_BLUR = CORRUPTION_BENCHMARK_TYPES, /* and these are the extra set */
    CORRUPT_SPECKLE_NOISE,
    CORRUPT_SPATTER,
    CORRUPT_SATURATE,
    CORRUPTION_TYPES
};

#define CORRUPTION_SEVERITIES 5
#define CORRUPTION_SIZE       224 /* of the authors' images */
#define CORRUPTION_QUALITY    85  /* of ImageNet-C's JPEG files */

/* ImageNet-C's folder names, in the order of the types. */
extern const char *const corruption_names[CORRUPTION_TYPES];

/* The paper's groups: "noise", "blur", "weather" or "digital"; "extra" for the extra set. */
const char *corruption_group(enum corruption_type type);

/* A set of types is a bit mask of 1 << type. */
#define CORRUPTION_BENCHMARK ((1U << CORRUPTION_BENCHMARK_TYPES) - 1)
#define CORRUPTION_EXTRA     (((1U << CORRUPTION_TYPES) - 1) & ~CORRUPTION_BENCHMARK)

/* False: no such name. */
bool corruption_find(const char *name, enum corruption_type *type);

/* Textures for frost; may be shared by threads. */
struct frost;

struct corruption {
    enum corruption_type type;
    int severity; /* 1 to 5 */
    double angle; /* degrees, of motion blur and snow; NAN: random */
    uint64_t seed;
    const struct frost *frost; /* only needed by frost */
};

/*
 * Corrupts the image in place; its size stays the same. `image_hash` identifies the image (image_read() returns one): with the
 * seed, the type and the severity it determines all randomness, so an image comes out the same alone, in a batch, and with any
 * number of threads. A call uses one thread. LMVR_ERROR_RESOURCE: out of memory. LMVR_ERROR_INPUT: the image is larger than a
 * JPEG can be. On failure the image is unchanged.
 */
lmvr_status image_corrupt(const struct corruption *corruption, uint64_t image_hash, struct image *image, lmvr_error *error);

/* Crops as ImageNet-C does: torchvision's Resize(256) and CenterCrop(224), scaled in proportion if `size` is not 224. */
lmvr_status image_crop_imagenet_c(struct image *image, int size, lmvr_error *error);

/*
 * Reads the images of `folder` as textures, in order of name; NULL: generates five: ice ferns, light blue on gray, 512 x 512.
 * LMVR_ERROR_INVALID: the folder cannot be read, or has no readable image.
 */
lmvr_status frost_create(const char *folder, struct frost **frost, lmvr_error *error);
void frost_free(struct frost *frost);

#endif
