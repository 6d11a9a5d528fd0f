/* The weights of Pillow's resampling along one axis, as its Resample.c computes them, in its fixed point. */
#ifndef LMVR_SRC_IMAGE_WEIGHTS_H
#define LMVR_SRC_IMAGE_WEIGHTS_H

#include "image/preprocess.h"

/* Weights are integers in units of 2^-22: 8 bits are for the result, 2 for sums outside of 0 to 1. */
#define WEIGHT_BITS (32 - 8 - 2)

/* Output `i` is the sum over t < taps[i] of weights[i * stride + t] times the input at first[i] + t. */
struct weights {
    int count;
    int *first, *taps; /* both rise or stay from one output to the next, as does their sum */
    int32_t *weights;
    size_t stride; /* the largest of taps; weights beyond an output's taps are 0 */
};

/*
 * Weights for outputs `begin` to `begin + count` when an axis of `in_size` becomes one of `out_size`, for any filter but
 * nearest. Release with weights_finish(), also on failure.
 */
lmvr_status weights_init(struct weights *w, int in_size, int out_size, enum image_filter filter, int begin, int count,
                         lmvr_error *error);
void weights_finish(struct weights *w);

#endif
