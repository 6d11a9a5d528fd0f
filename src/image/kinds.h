/* Which files are pictures: the one list of kinds, their names' endings and their first bytes. */
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

/* "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF" */
#define IMAGE_KINDS "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"

/* The bytes at a file's beginning by which its kind is told for certain. */
#define IMAGE_KIND_BYTES 64

/* The kind of a file by its first bytes, of which fewer than IMAGE_KIND_BYTES may be there. */
enum image_kind image_kind_of(const uint8_t *bytes, size_t size);

/* Whether a file's name ends as a picture's does: .jpg, .jpeg, .png, .webp, .gif, .bmp, .tif, .tiff, .avif, in any case. */
bool image_is_named(const char *name);

#endif
