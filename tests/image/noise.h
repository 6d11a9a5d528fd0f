/* The image that golden/image/make_image_golden.py resizes, and its hashes. */
#ifndef LMVR_TESTS_IMAGE_NOISE_H
#define LMVR_TESTS_IMAGE_NOISE_H

#include "cmocka_all.h"

#include "format/hash.h"
#include "image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN LMVR_TEST_DATA "/golden/image/"

static inline struct image noise(int width, int height)
{
    size_t size = (size_t)width * height * 3;
    struct image image = {width, height, malloc(size)};
    assert_non_null(image.rgb);
    for (size_t i = 0; i < size; i++) {
        uint32_t v = (uint32_t)i * 2654435761u;
        v ^= v >> 15;
        image.rgb[i] = (uint8_t)(v * 2246822519u >> 24);
    }
    return image;
}

static inline FILE *golden_manifest(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

static inline size_t image_size(const struct image *image)
{
    return (size_t)image->width * image->height * 3;
}

#endif
