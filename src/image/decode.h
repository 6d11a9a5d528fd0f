/* What the decoders share: each turns a file's bytes into RGB and finds the metadata that may hold the orientation. */
#ifndef LMVR_SRC_IMAGE_DECODE_H
#define LMVR_SRC_IMAGE_DECODE_H

#include "image/image.h"

/* A file in memory, and its name for error sentences. */
struct image_file {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    int most_pixels;
};

/* The possible sources of a picture's orientation: the file's own header, else an EXIF block, else XMP. The last two point into
 * the file or into `owned`. */
struct image_metadata {
    int orientation;           /* by the file's own header, as in EXIF; 0: none */
    const uint8_t *exif, *xmp; /* NULL: the file has none */
    size_t exif_size, xmp_size;
    uint8_t *owned; /* freed by the decoder's caller */
};

/* Each fills *image, empty on failure, and *metadata, which the caller has zeroed and which is complete even if the pixels
 * fail.
 */
lmvr_status decode_jpeg(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_png(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_webp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_gif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_bmp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_tiff(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_avif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);

/* Checks the size against the file's most pixels and allocates the image, all black. */
lmvr_status image_create(const struct image_file *file, uint32_t width, uint32_t height, struct image *image,
                         lmvr_error *error);

/* The EXIF orientation, 1 to 8; 1 if there is none, or an invalid one. */
int exif_orientation(const struct image_metadata *metadata);

/* Turns a picture of that orientation upright, as Pillow's exif_transpose does. */
lmvr_status image_orient(struct image *image, int orientation, lmvr_error *error);

#endif
