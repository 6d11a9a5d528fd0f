/*
 * A PNG file's chunks as far as pixels and orientation need them. The walk decides, by Pillow's rules, which files are whole
 * enough; the rest of a file (text, profiles, animation, colors' meaning) is stepped over and never unpacked.
 */
#ifndef LMVR_SRC_IMAGE_PNG_CHUNKS_H
#define LMVR_SRC_IMAGE_PNG_CHUNKS_H

#include "image/decode.h"

#define PNG_HEADER_SIZE 13

struct png_chunks {
    const uint8_t *header;  /* IHDR's PNG_HEADER_SIZE bytes */
    const uint8_t *palette; /* PLTE's bytes, NULL without one */
    size_t palette_colors;  /* at most 256 */
    size_t data;            /* offset of the first IDAT chunk in the file */
};

/* Walks the file; fills *metadata as decode_png() promises. */
lmvr_status png_chunks_read(const struct image_file *file, struct png_chunks *chunks, struct image_metadata *metadata,
                            lmvr_error *error);

/* The next piece of image data: *at starts as chunks->data and moves on. False: no more of it. An incomplete last chunk
 * gives what there is of it. */
bool png_chunks_next_data(const struct image_file *file, size_t *at, const uint8_t **piece, size_t *size);

#endif
