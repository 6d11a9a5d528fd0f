/* A picture as 8-bit RGB, as all decoders here return it, equal to Pillow's convert("RGB"). */
#ifndef LMVR_SRC_IMAGE_IMAGE_H
#define LMVR_SRC_IMAGE_IMAGE_H

#include "error.h"

/* Larger images are refused, as in Pillow (twice Image.MAX_IMAGE_PIXELS). Fuzzers have less patience. */
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
 * Decodes an image of one of the kinds in kinds.h, recognized by content, applies the orientation (EXIF's, else XMP's) and
 * converts to RGB: the bytes of ImageOps.exif_transpose(Image.open(f)).convert("RGB"), with alpha dropped, 16-bit gray clipped
 * at 255, and only the first picture of an animation or of several pages. `name` is used in error sentences. On failure *image
 * is empty and LMVR_ERROR_INPUT (or _RESOURCE) is returned.
 *
 * Refused is what Pillow refuses, including truncated files, and also: a header that promises more than the data hold (by a
 * line of a PNG or a row of blocks of a JPEG, where Pillow fills in gray or black), or much less; a JPEG of more than 500
 * scans; lossless JPEG, if libjpeg-turbo is older than 3; TIFF in Lab colors or in YCbCr other than JPEG's, and old-style JPEG
 * in TIFF; a GIF with stray bytes between its blocks. AVIF's pixels are those of the installed libavif; a build without it
 * refuses AVIF and says so. A broken EXIF block is ignored even where Pillow raises an exception.
 */
lmvr_status image_decode(const void *bytes, size_t size, const char *name, struct image *image, lmvr_error *error);

/* The same from a regular file of at most 1 GiB. `bytes_hash` (NULL is allowed) receives a 64-bit hash of the file's bytes, for
 * seeds; it is only set on success. */
lmvr_status image_read(const char *path, struct image *image, uint64_t *bytes_hash, lmvr_error *error);

/* The same, where images of more than `most_pixels` are refused, 1 to IMAGE_MAX_PIXELS. */
lmvr_status image_decode_within(const void *bytes, size_t size, int most_pixels, const char *name, struct image *image,
                                lmvr_error *error);
lmvr_status image_read_within(const char *path, int most_pixels, struct image *image, uint64_t *bytes_hash, lmvr_error *error);

/* Frees the pixels and empties the image. */
void image_finish(struct image *image);

#endif
