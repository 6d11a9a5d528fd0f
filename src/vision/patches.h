/* The square patches that a vision transformer sees a picture as, and the table of their positions. */
#ifndef LMVR_SRC_VISION_PATCHES_H
#define LMVR_SRC_VISION_PATCHES_H

#include <stdint.h>

/* patches (count * side * side, 3 * patch * patch), side = size / patch, row by row, of pixels (count, 3, size, size). Pixels
 * at the right and the bottom that fill no patch are left out. */
void patches_cut(int64_t count, int64_t size, int64_t patch, const float *pixels, float *patches);

/*
 * Positions for pictures of another size than they were learned at. table (1 + side * side, width): the class position, then a
 * square of patches, row by row. resized (1 + resized_side * resized_side, width) receives the class position as it is and the
 * square by bicubic interpolation, as transformers' CLIPVisionEmbeddings.interpolate_pos_encoding (torch's interpolate, mode
 * "bicubic", align_corners False, no antialias).
 */
void patches_resize_positions(const float *table, int side, int resized_side, int64_t width, float *resized);

#endif
