/* Which files are pictures: the single list of kinds, their file name extensions and first bytes. */
#ifndef LMVR_SRC_IMAGE_KINDS_H
#define LMVR_SRC_IMAGE_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_kind {
    IMAGE_NONE,
    IMAGE_JPEG,
    IMAGE_PNG,
    IMAGE_WEBP,
    IMAGE_GIF,
    IMAGE_BMP,
    IMAGE_TIFF,
    IMAGE_AVIF,
};

/* The kinds, for error sentences. */
#define IMAGE_KINDS "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"

/* The number of bytes at a file's beginning that always suffice to recognize its kind. */
#define IMAGE_KIND_BYTES 64

/* The kind of a file by its first bytes, of which there may be fewer than IMAGE_KIND_BYTES. */
enum image_kind image_kind_of(const uint8_t *bytes, size_t size);

/* Whether a file name has a picture's extension: .jpg, .jpeg, .png, .webp, .gif, .bmp, .tif, .tiff or .avif, in any case. */
bool image_is_named(const char *name);

#endif
