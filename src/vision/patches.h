/* The square patches into which a vision transformer divides a picture, and their position embeddings. */
#ifndef LMVR_SRC_VISION_PATCHES_H
#define LMVR_SRC_VISION_PATCHES_H

#include <stdint.h>

/* Cuts pixels (count, 3, size, size) into patches (count * side * side, 3 * patch * patch), side = size / patch, in row-major
 * order. Pixels on the right and at the bottom that do not fill a patch are dropped. */
void patches_cut(int64_t count, int64_t size, int64_t patch, const float *pixels, float *patches);

/*
 * Resizes position embeddings to a picture size that they were not learned at. table (1 + side * side, width): the class token,
 * then a square of patches in row-major order. resized (1 + resized_side * resized_side, width) receives the class token's
 * embedding unchanged and the square interpolated bicubically, as in transformers'
 * CLIPVisionEmbeddings.interpolate_pos_encoding (torch's interpolate, mode "bicubic", align_corners False, no antialias).
 */
void patches_resize_positions(const float *table, int side, int resized_side, int64_t width, float *resized);

#endif
