/* What the decoders share: each turns a file's bytes into RGB and points out where the orientation may be written. */
#ifndef LMVR_SRC_IMAGE_DECODE_H
#define LMVR_SRC_IMAGE_DECODE_H

#include "image/image.h"

/* A file in memory, with the name that its errors are told under. */
struct image_file {
    const uint8_t *bytes;
    size_t size;
    const char *name;
};

/* Where a file says which way up it is: by itself, or in an EXIF block, or failing that in XMP. Those may lie in the file or in
 * `owned`. */
struct image_metadata {
    int orientation;           /* 0: the file's own header says nothing */
    const uint8_t *exif, *xmp; /* NULL: the file has none */
    size_t exif_size, xmp_size;
    uint8_t *owned; /* freed by whoever called the decoder */
};

/* Each fills *image (empty on failure) and *metadata (zeroed by the caller, complete even where the pixels fail). */
lmvr_status decode_jpeg(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_png(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_webp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_gif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_bmp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_tiff(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);
lmvr_status decode_avif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error);

/* Checks the size against IMAGE_MAX_PIXELS and makes room for it; pixels are black. */
lmvr_status image_create(const struct image_file *file, uint32_t width, uint32_t height, struct image *image,
                         lmvr_error *error);

/* The orientation as EXIF counts it, 1 to 8; 1 where none is given or what is given makes no sense. */
int exif_orientation(const struct image_metadata *metadata);

/* Turns the picture upright from that orientation, as Pillow's exif_transpose does. */
lmvr_status image_orient(struct image *image, int orientation, lmvr_error *error);

#endif
