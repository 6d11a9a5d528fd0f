/*
 * A picture as the encoder sees it: one view of an image or several, each an array of normalized pixels. The pixels are those
 * of transformers' Pillow processors, to the last bit; `struct preprocess` says which processor's, and with what numbers.
 */
#ifndef LMVR_SRC_IMAGE_PICTURE_H
#define LMVR_SRC_IMAGE_PICTURE_H

#include "image/preprocess.h"

/* The most pixels that a picture's views may have together: 768 MiB of floats. */
#define PICTURE_MAX_PIXELS (1 << 26)

struct view {
    int width, height;
    int row, column; /* of a tile, from 0; -1: the whole picture */
    double area[4];  /* the part of the image that it shows: x, y, width, height in the image's pixels; beyond the image
                      * where that is padded */
    size_t first;    /* its (3, height, width) floats begin at pixels + first */
};

struct picture {
    int width, height; /* of the image */
    int view_count;    /* at least 1 */
    struct view *views;
    int tile_rows, tile_columns; /* 0: the picture is not cut into tiles */
    float *pixels;               /* NULL in a plan */
    size_t pixel_count;          /* floats of all views */
};

/* The picture that an image of this size will give, without pixels. Free it with picture_finish(). LMVR_ERROR_INPUT: the image
 * is too elongated, or its picture would be too large. */
lmvr_status preprocess_plan(const struct preprocess *p, int width, int height, struct picture *plan, lmvr_error *error);

/* The same with the pixels. `in` is not changed. Memory grows with the views and not with an image's elongation. On failure
 * *picture is empty. */
lmvr_status preprocess_picture(const struct preprocess *p, const struct image *in, struct picture *picture, lmvr_error *error);

/* Changes the least and the most pixels of pictures of any size; 0: they stay. LMVR_ERROR_INVALID: the way is another, or the
 * least is more than the most. */
lmvr_status preprocess_limit(struct preprocess *p, int min_pixels, int max_pixels, lmvr_error *error);

/* Frees what the picture holds and empties it. */
void picture_finish(struct picture *picture);

#endif
