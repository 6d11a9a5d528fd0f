/* From indices and inks to RGB, as Pillow's convert("RGB") has it. */
#ifndef LMVR_SRC_IMAGE_COLOR_H
#define LMVR_SRC_IMAGE_COLOR_H

#include <stddef.h>
#include <stdint.h>

/* Colors by index. */
struct palette {
    uint8_t rgb[256][3];
};

/* Gray by index, which is what a picture without a palette has. */
void palette_init_gray(struct palette *palette);

/* Takes `count` colors, at most 256, of which red stands `red` bytes (0 or 2) into the `stride` bytes of each and green in the
 * middle. An index without a color is black; but a palette that is gray by index says nothing, and is gray by index throughout.
 */
void palette_read(struct palette *palette, const uint8_t *colors, size_t count, size_t stride, int red);

/* Indices, a byte each, to RGB. */
void palette_look_up(const struct palette *palette, const uint8_t *indices, size_t count, uint8_t *rgb);

/* Cyan, magenta, yellow and black, 0 for none of it, to RGB. */
void color_from_cmyk(const uint8_t cmyk[4], uint8_t rgb[3]);

#endif
