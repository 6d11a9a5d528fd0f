/* From bytes to the encoder's numbers: transformers' rescale and normalize. */
#ifndef LMVR_SRC_IMAGE_NORMALIZE_H
#define LMVR_SRC_IMAGE_NORMALIZE_H

#include "image/preprocess.h"

/* Writes width x height pixels, whose rows are `stride` bytes apart, as (3, height, width) floats. */
void normalize(const struct preprocess *p, const uint8_t *rgb, size_t stride, int width, int height, float *pixels);

#endif
