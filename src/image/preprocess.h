/*
 * Pixels to the encoder's normalized input, as the model's preprocessor_config.json says it and transformers' Pillow backend
 * does it: [pad to a square] -> resize (Pillow's own arithmetic, to the last bit) -> center crop -> rescale -> normalize.
 */
#ifndef LMVR_SRC_IMAGE_PREPROCESS_H
#define LMVR_SRC_IMAGE_PREPROCESS_H

#include "image/image.h"

/* Pillow's filters; the numbers are its own, as preprocessor_config.json's "resample" holds them. */
enum image_filter {
    FILTER_NEAREST = 0,
    FILTER_LANCZOS = 1,
    FILTER_BILINEAR = 2,
    FILTER_BICUBIC = 3,
    FILTER_BOX = 4,
    FILTER_HAMMING = 5
};

struct preprocess {
    bool do_resize, do_center_crop, do_rescale, do_normalize;
    bool pad_to_square;          /* first, with the mean color, as LLaVA-1.5 */
    int shortest_edge;           /* resize so that the shortest edge has this many pixels; 0: to width x height below */
    int width, height;           /* of the resize where shortest_edge is 0 */
    int crop_width, crop_height; /* of the center crop */
    enum image_filter filter;
    double rescale_factor;
    double mean[3], std[3];
};

/* What transformers' CLIPImageProcessor does when a configuration says nothing: 224, bicubic, 1/255, CLIP's mean and std. */
void preprocess_init_clip(struct preprocess *p);

/* Sizes of the tensor that comes out for an image of this size; the model checks them against the encoder's input. */
void preprocess_output_size(const struct preprocess *p, int width, int height, int *out_width, int *out_height);

/* What part of a width x height image the output shows, in that image's pixels: (x, y, width, height). It reaches outside where
 * the image is padded. */
void preprocess_view(const struct preprocess *p, int width, int height, double view[4]);

/* Resizes with the fixed-point arithmetic of Pillow 13, which also has a rule of its own for which axis comes first. `out` is
 * made here. LMVR_ERROR_INPUT: a size below 1, or `in` has a side of more than 2^24 pixels. */
lmvr_status image_resize(const struct image *in, int width, int height, enum image_filter filter, struct image *out,
                         lmvr_error *error);

/* `pixels` receives (3, out_height, out_width) floats. `in` is not changed. Only what the crop shows is computed, so that
 * memory does not grow with an image's elongation; LMVR_ERROR_INPUT where even so its sizes exceed what can be counted. */
lmvr_status preprocess_image(const struct preprocess *p, const struct image *in, float *pixels, lmvr_error *error);

#endif
