/* Position tables for pictures of another size than they were learned at. */
#ifndef LMVR_SRC_VISION_POSITIONS_H
#define LMVR_SRC_VISION_POSITIONS_H

#include "lmvr.h"

/*
 * table (1 + side * side, width): the class position, then a square of patches, row by row. resized (1 + resized_side *
 * resized_side, width) receives the class position as it is and the square by bicubic interpolation, as transformers'
 * CLIPVisionEmbeddings.interpolate_pos_encoding (torch's interpolate, mode "bicubic", align_corners False, no antialias).
 */
void positions_resize(const float *table, int side, int resized_side, int64_t width, float *resized);

#endif
