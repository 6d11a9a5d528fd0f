/* What a filter does with a session's pixels, which are not its own: it changes a copy. */
#ifndef LMVR_LAB_CORRUPT_PIXELS_H
#define LMVR_LAB_CORRUPT_PIXELS_H

#include "image/image.h"

/* The caller frees the copy by image_finish(), or hands it to pixels_put_back(). */
lmvr_status pixels_copy(const lmvr_pixels *pixels, struct image *copy, lmvr_error *error);

/* Replaces the pixels by the copy, if `status` is LMVR_OK, and frees it. Returns the status, or why they cannot be replaced. */
lmvr_status pixels_put_back(lmvr_pixels *pixels, struct image *copy, lmvr_status status, lmvr_error *error);

#endif
