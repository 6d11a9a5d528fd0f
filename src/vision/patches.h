/* The square patches into which a vision transformer divides a view, their order, and their position embeddings. */
#ifndef LMVR_SRC_VISION_PATCHES_H
#define LMVR_SRC_VISION_PATCHES_H

#include <stdint.h>

/* A patch of a view, in row y and column x of its grid; the class token where y is negative. */
struct patch {
    int view, y, x;
};

/* Cuts one patch (3, size, size) out of pixels (3, height, width). */
void patch_cut(const float *pixels, int width, int height, int size, int y, int x, float *patch);

/* Cuts pixels (count, 3, size, size) into patches (count * side * side, 3 * patch * patch), side = size / patch, in row-major
 * order. Pixels on the right and at the bottom that do not fill a patch are dropped. */
void patches_cut(int64_t count, int64_t size, int64_t patch, const float *pixels, float *patches);

/*
 * Lists the patches of a grid in blocks of merge x merge, of which its sides are multiples, block after block in row-major
 * order, as Qwen2-VL's processor orders them. With `window`, in blocks, the blocks are ordered window after window instead, and
 * window_ends receives the number of patches up to the end of each window; the number of windows is returned (transformers'
 * Qwen2_5_VisionTransformerPretrainedModel.get_window_index). window_ends may be NULL where `window` is 0.
 */
int patches_list(int rows, int columns, int merge, int window, struct patch *patches, int64_t *window_ends);

/* The four patches of a square of `side` whose position embeddings are interpolated bilinearly to that at row y and column x of
 * a grid of rows x columns, and their weights, as in transformers' Qwen3VLVisionModel.fast_pos_embed_interpolate. */
void patches_interpolate(int side, int rows, int columns, int y, int x, int32_t indexes[4], float weights[4]);

/*
 * Resizes position embeddings to a picture size that they were not learned at. table (1 + side * side, width): the class token,
 * then a square of patches in row-major order. resized (1 + resized_side * resized_side, width) receives the class token's
 * embedding unchanged and the square interpolated bicubically, as in transformers'
 * CLIPVisionEmbeddings.interpolate_pos_encoding (torch's interpolate, mode "bicubic", align_corners False, no antialias).
 */
void patches_resize_positions(const float *table, int side, int resized_side, int64_t width, float *resized);

#endif
