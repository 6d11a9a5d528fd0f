#include "lab/corrupt/corrupt.h"

#include "format/hash.h"
#include "image/preprocess.h"
#include "image/resize.h"
#include "lab/corrupt/corrupt_parts.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const corruption_names[CORRUPTION_TYPES] = {
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "gaussian_blur",
    "speckle_noise",
    "spatter",
    "saturate",
};

static corrupt_function *const functions[CORRUPTION_TYPES] = {
    corrupt_gaussian_noise,
    corrupt_shot_noise,
    corrupt_impulse_noise,
    corrupt_defocus_blur,
    corrupt_glass_blur,
    corrupt_motion_blur,
    corrupt_zoom_blur,
    corrupt_snow,
    corrupt_frost,
    corrupt_fog,
    corrupt_brightness,
    corrupt_contrast,
    corrupt_elastic_transform,
    corrupt_pixelate,
    corrupt_jpeg_compression,
    corrupt_gaussian_blur,
    corrupt_speckle_noise,
    corrupt_spatter,
    corrupt_saturate,
};

const char *corruption_group(enum corruption_type type)
{
    return type <= CORRUPT_IMPULSE_NOISE       ? "noise"
           : type <= CORRUPT_ZOOM_BLUR         ? "blur"
           : type <= CORRUPT_BRIGHTNESS        ? "weather"
           : type < CORRUPTION_BENCHMARK_TYPES ? "digital"
                                               : "extra";
}

bool corruption_find(const char *name, enum corruption_type *type)
{
    for (int i = 0; i < CORRUPTION_TYPES; i++)
        if (strcmp(name, corruption_names[i]) == 0) {
            *type = (enum corruption_type)i;
            return true;
        }
    return false;
}

lmvr_status image_corrupt(const struct corruption *corruption, uint64_t image_hash, struct image *image, lmvr_error *error)
{
    if (corruption->severity < 1 || corruption->severity > CORRUPTION_SEVERITIES)
        return error_set(error, LMVR_ERROR_INVALID, "severity %d: expected 1 to 5", corruption->severity);
    if (corruption->type == CORRUPT_FROST && !corruption->frost)
        return error_set(error, LMVR_ERROR_INVALID, "frost has no textures");
    const uint64_t own[] = {corruption->seed, image_hash, (uint64_t)corruption->type, (uint64_t)corruption->severity};
    int side = image->width < image->height ? image->width : image->height;
    struct corrupting work = {.image = image,
                              .level = corruption->severity - 1,
                              .scale = (double)side / CORRUPTION_SIZE,
                              .angle = corruption->angle,
                              .frost = corruption->frost};
    random_init(&work.random, hash_bytes(HASH_START, own, sizeof own));
    return functions[corruption->type](&work, error);
}

/* ---- ImageNet-C's crop ---- */

/* Half of `margin`, rounded like Python's round(): halves go to the even number. */
static int half_to_even(int margin)
{
    return margin / 2 + (margin % 2 && margin / 2 % 2);
}

lmvr_status image_crop_imagenet_c(struct image *image, int size, lmvr_error *error)
{
    int edge = (int)lround(size * 256.0 / CORRUPTION_SIZE), w = image->width, h = image->height;
    int shorter = w < h ? w : h, longer = w < h ? h : w;
    int64_t length = (int64_t)((double)((int64_t)edge * longer) / shorter);
    if (length > INT_MAX)
        return error_set(error, LMVR_ERROR_INPUT, "an image of %d x %d pixels is too elongated to be resized", w, h);
    int width = w < h ? edge : (int)length, height = w < h ? (int)length : edge;
    uint8_t *rgb = malloc((size_t)size * (size_t)size * 3);
    if (!rgb)
        return error_no_memory(error, "resizing an image");
    struct canvas canvas = {.image = image, .width = w, .height = h};
    struct window window = {half_to_even(width - size), half_to_even(height - size), size, size};
    lmvr_status status = resize_window(&canvas, width, height, FILTER_BILINEAR, &window, rgb, (size_t)size * 3, error);
    if (status != LMVR_OK) {
        free(rgb);
        return status;
    }
    image_finish(image);
    *image = (struct image){size, size, rgb};
    return LMVR_OK;
}
