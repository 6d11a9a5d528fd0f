/* Encodes pictures: PNG by libpng; JPEG by libjpeg-turbo, byte for byte what Pillow's save() writes. */
#ifndef LMVR_SRC_IMAGE_ENCODE_H
#define LMVR_SRC_IMAGE_ENCODE_H

#include "image/image.h"

#include <stddef.h>

/* An encoded file's bytes, freed by encoded_finish(). */
struct encoded {
    uint8_t *bytes;
    size_t size;
};

/* 8-bit RGB. LMVR_ERROR_INPUT: libpng refuses; LMVR_ERROR_RESOURCE: out of memory. On failure `out` is empty. */
lmvr_status image_encode_png(const struct image *image, struct encoded *out, lmvr_error *error);

/* Baseline, 4:2:0, with libjpeg's tables for `quality`, 1 to 100; `optimize` computes Huffman codes for this picture, which
 * changes the size but no pixel. LMVR_ERROR_INPUT: a side of more than 65,500 pixels, which libjpeg cannot write. */
lmvr_status image_encode_jpeg(const struct image *image, int quality, bool optimize, struct encoded *out, lmvr_error *error);

void encoded_finish(struct encoded *encoded);

/* Writes the file atomically: under a hidden name in the same folder, then renamed. It is not synced, which would take most of
 * the time where there are many small files. Errors are those of file_error(). */
lmvr_status encoded_write(const struct encoded *encoded, const char *path, lmvr_error *error);

/* Removes the temporary file that a killed encoded_write() of `path` has left. */
void encoded_clear(const char *path);

/* Encodes the picture as JPEG (without `optimize`) and decodes it again, in place. On failure it is unchanged. */
lmvr_status image_jpeg_round_trip(struct image *image, int quality, lmvr_error *error);

#endif
