/* The fixed-point weights of Pillow's resampling along one axis, as its Resample.c computes them. */
#ifndef LMVR_SRC_IMAGE_WEIGHTS_H
#define LMVR_SRC_IMAGE_WEIGHTS_H

#include "image/preprocess.h"
#include "tensor/cpu/kernel_resample.h"

/* Output `i` is the sum over t < taps[i] of the weights in pairs[i * stride] and up times the input at first[i] + t, plus
 * outside[i] times the color of all other inputs. */
struct weights {
    int count;
    int *first, *taps; /* first, and first + taps, never decrease from one output to the next */
    int32_t *outside;
    int32_t *total; /* of all weights of an output: 2^22, up to rounding */
    struct weight_pair *pairs;
    size_t stride; /* in pairs, at least 1 */
    int most_taps;
};

/* An axis of `size` pixels: `count` of them, starting at `begin`, are the image's; the others have one color. */
struct axis {
    int size, begin, count;
};

/*
 * Weights of outputs `begin` to `begin + count - 1` when the axis is resized to `out_size` pixels, by any filter but nearest.
 * Inputs are counted from the image's first pixel. Release with weights_finish(), also on failure.
 */
lmvr_status weights_init(struct weights *w, const struct axis *axis, int out_size, enum image_filter filter, int begin,
                         int count, lmvr_error *error);
void weights_finish(struct weights *w);

/* One past the last input that output `i` depends on. */
int weights_end(const struct weights *w, int i);

#endif
