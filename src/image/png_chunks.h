/*
 * The chunks of a PNG file that pixels and orientation need. The walk decides by Pillow's rules which files are complete
 * enough. All other chunks (text, profiles, animation, color spaces) are skipped and never unpacked.
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

/* Walks the file and fills *chunks, and *metadata as decode_png() promises. */
lmvr_status png_chunks_read(const struct image_file *file, struct png_chunks *chunks, struct image_metadata *metadata,
                            lmvr_error *error);

/* The next piece of image data: *at starts as chunks->data and is advanced. False: there is no more. Of an incomplete last
 * chunk, the piece is what the file holds. */
bool png_chunks_next_data(const struct image_file *file, size_t *at, const uint8_t **piece, size_t *size);

#endif
