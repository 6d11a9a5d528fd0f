/* Converts palette indices and CMYK to RGB, as Pillow's convert("RGB"). */
#ifndef LMVR_SRC_IMAGE_COLOR_H
#define LMVR_SRC_IMAGE_COLOR_H

#include <stddef.h>
#include <stdint.h>

/* Colors by index. */
struct palette {
    uint8_t rgb[256][3];
};

/* A gray ramp, for pictures without a palette. */
void palette_init_gray(struct palette *palette);

/* Takes `count` colors, at most 256, of `stride` bytes each: red is at byte `red`, 0 or 2, and green at byte 1. Indices without
 * a color are black, but a palette that begins as the gray ramp is the gray ramp throughout. */
void palette_read(struct palette *palette, const uint8_t *colors, size_t count, size_t stride, int red);

/* Converts indices, one byte each, to RGB. */
void palette_look_up(const struct palette *palette, const uint8_t *indices, size_t count, uint8_t *rgb);

/* Converts cyan, magenta, yellow and black, where 0 is no ink, to RGB. */
void color_from_cmyk(const uint8_t cmyk[4], uint8_t rgb[3]);

#endif
