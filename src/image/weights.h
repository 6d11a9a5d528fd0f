/* The weights of Pillow's resampling along one axis, as its Resample.c computes them, in its fixed point. */
#ifndef LMVR_SRC_IMAGE_WEIGHTS_H
#define LMVR_SRC_IMAGE_WEIGHTS_H

#include "image/preprocess.h"

/* Weights are integers in units of 2^-22: 8 bits are for the result, 2 for sums outside of 0 to 1. */
#define WEIGHT_BITS (32 - 8 - 2)

/* Output `i` is the sum over t < taps[i] of weights[i * stride + t] times the input at first[i] + t, and of outside[i] times
 * the color that all other inputs have. */
struct weights {
    int count;
    int *first, *taps; /* first, and first + taps, both rise or stay from one output to the next */
    int32_t *outside;
    int32_t *weights;
    size_t stride; /* the largest of taps, and at least 1 */
};

/* An axis of `size` pixels, of which only `count` from `begin` on are an image's; the others are of one color. */
struct axis {
    int size, begin, count;
};

/*
 * Weights for outputs `begin` to `begin + count` when an axis becomes one of `out_size` pixels, for any filter but nearest.
 * Inputs are counted from the image's first. Release with weights_finish(), also on failure.
 */
lmvr_status weights_init(struct weights *w, const struct axis *axis, int out_size, enum image_filter filter, int begin,
                         int count, lmvr_error *error);
void weights_finish(struct weights *w);

/* The input after the last one that output `i` takes in. */
int weights_end(const struct weights *w, int i);

/* All weights of output `i` together: 2^22, but for rounding. */
int32_t weights_total(const struct weights *w, int i);

#endif
