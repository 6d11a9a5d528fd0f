/*
 * Turns pixels into the encoder's normalized input, as the model's preprocessor_config.json says and transformers' Pillow
 * backend does: resized (Pillow's arithmetic, to the last bit), cut, rescaled, normalized. picture.h is for every way of doing
 * that; the functions here are for VIEWS_FIXED, whose picture is one tensor.
 */
#ifndef LMVR_SRC_IMAGE_PREPROCESS_H
#define LMVR_SRC_IMAGE_PREPROCESS_H

#include "image/image.h"

/* Pillow's filters, by its own numbers, which "resample" in preprocessor_config.json uses. */
enum image_filter {
    FILTER_NEAREST = 0,
    FILTER_LANCZOS = 1,
    FILTER_BILINEAR = 2,
    FILTER_BICUBIC = 3,
    FILTER_BOX = 4,
    FILTER_HAMMING = 5
};

/* The ways of making views of an image; transformers' image processors are one each. */
enum preprocess_way {
    VIEWS_FIXED,    /* one view: [pad to a square] -> resize -> center crop; CLIP, LLaVA-1.5, BLIP, SigLIP */
    VIEWS_ANY_SIZE, /* one view of about the image's own size: Qwen2VLImageProcessor, also Qwen2.5-VL's and Qwen3-VL's */
    VIEWS_TILES,    /* tiles, row by row, and last the whole picture: Idefics3ImageProcessor, SmolVLMImageProcessor */
    VIEWS_ANYRES    /* the whole picture, then tiles, row by row: LlavaNextImageProcessor */
};

struct pixel_size {
    int width, height;
};

#define PREPROCESS_MAX_GRIDS 64

struct preprocess {
    enum preprocess_way way;
    bool do_resize, do_center_crop, do_rescale, do_normalize;
    bool pad_to_square;          /* before anything else, with the mean color, as in LLaVA-1.5 */
    int shortest_edge;           /* resize so that the shortest edge has this many pixels; 0: to width x height below */
    int width, height;           /* pixels to resize to where shortest_edge is 0 */
    int crop_width, crop_height; /* of the center crop */
    enum image_filter filter;
    double rescale_factor;
    double mean[3], std[3];

    /* VIEWS_ANY_SIZE: sides are multiples of patch * merge; all may be changed between pictures */
    int patch, merge, temporal_patch;
    int min_pixels, max_pixels; /* of the view: width times height */
    bool whole_steps;           /* a side is rounded to at least one step first, as qwen_vl_utils does; transformers does not */
    /* Before that, the picture is resized with these limits and whole steps, as GME's own code does; 0: it is not. */
    int first_min_pixels, first_max_pixels;

    /* VIEWS_TILES: resize so that the longest edge has this many pixels; 0: to width x height */
    int longest_edge;
    bool do_split; /* false: one view, the whole picture */

    int tile; /* VIEWS_TILES and VIEWS_ANYRES: the side of a tile in pixels */

    /* VIEWS_ANYRES: the sizes that a picture may be cut at. Each view is then resized and cropped as in VIEWS_FIXED. */
    struct pixel_size grids[PREPROCESS_MAX_GRIDS];
    int grid_count;
};

/* The defaults of transformers' CLIPImageProcessor: 224 pixels, bicubic, 1/255, CLIP's mean and std. */
void preprocess_init_clip(struct preprocess *p);

/* The output's size for an image of this size; the model checks it against the encoder's input. */
void preprocess_output_size(const struct preprocess *p, int width, int height, int *out_width, int *out_height);

/* The part of a width x height image that the output shows, in that image's pixels: (x, y, width, height). It extends beyond
 * the image where that is padded. */
void preprocess_view(const struct preprocess *p, int width, int height, double view[4]);

/* Resizes with the fixed-point arithmetic of Pillow 13, including its rule for which axis comes first. `out` is allocated here.
 * LMVR_ERROR_INPUT: a size below 1, or `in` has a side of more than 2^24 pixels. */
lmvr_status image_resize(const struct image *in, int width, int height, enum image_filter filter, struct image *out,
                         lmvr_error *error);

/* `pixels` receives (3, out_height, out_width) floats. `in` is not changed. Only what the crop shows is computed, so memory
 * does not grow with an image's elongation. LMVR_ERROR_INPUT: the image is too elongated even for that. */
lmvr_status preprocess_image(const struct preprocess *p, const struct image *in, float *pixels, lmvr_error *error);

#endif
