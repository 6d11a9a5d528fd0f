/* A picture as 8-bit RGB, the way every decoder here delivers it and Pillow's convert("RGB") would. */
#ifndef LMVR_SRC_IMAGE_IMAGE_H
#define LMVR_SRC_IMAGE_IMAGE_H

#include "error.h"

/* More pixels than this are refused, as Pillow refuses them (Image.MAX_IMAGE_PIXELS doubled). Fuzzers have less patience. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define IMAGE_MAX_PIXELS (1 << 18)
#else
#define IMAGE_MAX_PIXELS 178956970
#endif

struct image {
    int width, height; /* pixels, both at least 1 */
    uint8_t *rgb;      /* height rows of width RGB triples without gaps; owned, freed by image_finish() */
};

/*
 * Decodes an image of one of the kinds in kinds.h, told apart by content, applies the orientation (EXIF's, or else XMP's) and
 * converts to RGB: the bytes of ImageOps.exif_transpose(Image.open(f)).convert("RGB"), with alpha dropped, 16-bit gray clipped
 * at 255, and the first picture of an animation or of several pages. `name` stands in the error's sentence. On failure *image
 * is empty and LMVR_ERROR_INPUT (or _RESOURCE) is returned.
 *
 * What is refused is what Pillow refuses, truncated files among it, and besides: a header that announces more than the data
 * hold (by a line of a PNG, by a row of blocks of a JPEG, for which Pillow makes up gray or black), or much less; more than
 * 500 scans of a JPEG; lossless JPEG, where libjpeg-turbo is older than 3; TIFF in Lab colors, in YCbCr other than JPEG's, and
 * old-style JPEG in TIFF; a GIF with stray bytes between its blocks. AVIF's pixels are those of the libavif that is installed,
 * and a build without it says so. A broken EXIF block is passed over even where Pillow raises an exception for it.
 */
lmvr_status image_decode(const void *bytes, size_t size, const char *name, struct image *image, lmvr_error *error);

/* The same from a regular file of at most 1 GiB; the file's bytes are also given to `bytes_hash` (NULL is allowed), a 64-bit
 * hash for seeds. It is set on success only. */
lmvr_status image_read(const char *path, struct image *image, uint64_t *bytes_hash, lmvr_error *error);

/* Frees the pixels and empties the image. */
void image_finish(struct image *image);

#endif
