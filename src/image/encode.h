/* Pictures back to bytes and files: PNG by libpng; JPEG by libjpeg-turbo, byte for byte as Pillow's save() writes it. */
#ifndef LMVR_SRC_IMAGE_ENCODE_H
#define LMVR_SRC_IMAGE_ENCODE_H

#include "image/image.h"

#include <stddef.h>

/* A file's bytes, freed by encoded_finish(). */
struct encoded {
    uint8_t *bytes;
    size_t size;
};

/* 8-bit RGB. LMVR_ERROR_INPUT: libpng refuses; LMVR_ERROR_RESOURCE: no memory. On failure `out` is empty. */
lmvr_status image_encode_png(const struct image *image, struct encoded *out, lmvr_error *error);

/* Baseline, 4:2:0, with libjpeg's tables for `quality`, 1 to 100; `optimize` computes the Huffman codes for the picture, which
 * changes the size but no pixel. LMVR_ERROR_INPUT: a side of more than 65,500 pixels, which JPEG cannot hold. */
lmvr_status image_encode_jpeg(const struct image *image, int quality, bool optimize, struct encoded *out, lmvr_error *error);

void encoded_finish(struct encoded *encoded);

/* Puts a file there at once or not at all: it is written beside under a hidden name, then renamed. It is not forced to the
 * disk, which for many small files would take most of the time. Errors as file_error() tells them. */
lmvr_status encoded_write(const struct encoded *encoded, const char *path, lmvr_error *error);

/* Removes what an encoded_write() of that file that was killed has left beside it. */
void encoded_clear(const char *path);

/* What is left of the picture after it was written as JPEG (without `optimize`) and read again. On failure it is unchanged. */
lmvr_status image_jpeg_round_trip(struct image *image, int quality, lmvr_error *error);

#endif
