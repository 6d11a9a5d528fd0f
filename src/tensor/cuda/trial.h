/* Kernels that try out a way to multiply: made operands, and what is made sure of. As kernels.h; for the module alone. */
#ifndef LMVR_SRC_TENSOR_CUDA_TRIAL_H
#define LMVR_SRC_TENSOR_CUDA_TRIAL_H

#include "tensor/cuda/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a row of made operands is like. */
enum cuda_trial_pattern {
    CUDA_TRIAL_REPEATED, /* the second half is as the first */
    CUDA_TRIAL_OPPOSED,  /* as well; in odd rows with the opposite sign, and an odd last element is 0 */
    CUDA_TRIAL_GAPS      /* every second element is 0 */
};

/*
 * `to` (rows, width), rows `stride` apart, receives rows `first` and on of an endless random matrix, of which there is one for
 * every seed: from -1 to 1, and of many magnitudes, so that f32 has to round even few of their products.
 *
 * A product of a repeated row and an opposed one is 0, and what is computed is nothing but rounding errors: it tells one order
 * of adding from another even when it is stored as bf16, and 0 is added to it.
 */
void cuda_trial_fill(cuda_stream stream, uint64_t seed, int64_t first, int64_t rows, int64_t width, int64_t stride,
                     enum cuda_trial_pattern pattern, enum dtype dtype, void *to);

/* Sets *verdict to 1 if an element of a and b (count) differs in any bit. */
void cuda_trial_compare(cuda_stream stream, int64_t count, enum dtype dtype, const void *a, const void *b, int32_t *verdict);

/* A row of a product: y (out) from weights (out, in) and x (in) of `dtype`, bias (out) of y's type, and what it was added to.
 */
struct cuda_trial_row {
    int64_t out, in;
    enum dtype dtype, y_dtype;
    const void *weights, *x, *bias; /* bias, before: NULL: none */
    const float *before;
    const void *y;
};
/* Sets *verdict to 1 if an element of y is further from its value, in doubles, than rounding in `dtype` explains; for f32
 * rounding in TF32 does not explain it. */
void cuda_trial_check(cuda_stream stream, const struct cuda_trial_row *row, int32_t *verdict);

#ifdef __cplusplus
}
#endif

#endif
